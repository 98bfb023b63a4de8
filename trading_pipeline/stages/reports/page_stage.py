"""What the stages of reports share: one self-contained HTML page a partition."""

from __future__ import annotations

from trading_pipeline.domain.hashing import file_hash
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import ComputedStage, Identity
from trading_pipeline.storage.parquet_files import write_text
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["PageStage"]


class PageStage(ComputedStage[str, dict[str, Shown]]):
    """A stage of HTML pages; its product is what the asset page says of a page."""

    def write_page(self, identity: Identity, path: str, page: str, *, rows: int) -> Artifact:
        """Write a page about `rows` results to `path` below the runtime folder."""
        target = self.workspace.settings.runtime / path
        write_text(target, page)
        return self.artifact(identity, rows=rows, path=path, sha256=file_hash(target))

    def content_hash(self, artifact: Artifact, product: dict[str, Shown]) -> str:  # noqa: ARG002
        """Hash of what the page was made from."""
        return artifact.input_hash

    def describe(self, product: dict[str, Shown]) -> dict[str, Shown]:
        """The product as it is."""
        return product
