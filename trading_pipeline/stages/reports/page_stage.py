"""What the stages of reports share: one self-contained HTML page a partition."""

from __future__ import annotations

from pathlib import Path

from trading_pipeline.domain.hashing import file_hash
from trading_pipeline.stages.outcome import Link, Shown
from trading_pipeline.stages.stage import ComputedStage, Identity
from trading_pipeline.storage.parquet_files import write_text
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["SERVE_COMMAND", "PageStage"]

SERVE_COMMAND = "trading-pipeline reports serve"
"""What must run for the links of pages to lead anywhere."""


class PageStage(ComputedStage[str, dict[str, Shown]]):
    """A stage of HTML pages; its product is what the asset page says of a page."""

    def write_page(self, identity: Identity, path: str, page: str, *, rows: int) -> Artifact:
        """Write a page about `rows` results to `path` below the runtime folder."""
        target = self.workspace.settings.runtime / path
        write_text(target, page)
        return self.artifact(identity, rows=rows, path=path, sha256=file_hash(target))

    def shown_page(self, page: Path) -> dict[str, Shown]:
        """Link to a page on the server of reports, and the command that starts that server.

        A path of this machine is no link in Dagster's UI: browsers open no file for a page of HTTP.
        """
        address = page.relative_to(self.workspace.reports).as_posix()
        server = self.workspace.settings.reports_url.rstrip("/")
        return {
            "page": Link(f"{server}/{address}"),
            "page_served_by": SERVE_COMMAND,
        }

    def content_hash(self, artifact: Artifact, product: dict[str, Shown]) -> str:  # noqa: ARG002
        """Hash of what the page was made from."""
        return artifact.input_hash

    def describe(self, product: dict[str, Shown]) -> dict[str, Shown]:
        """The product as it is."""
        return product
