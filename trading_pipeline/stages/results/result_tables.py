"""The stage of the cumulative CSV files: every stored trade and day, one file each."""

from __future__ import annotations

from pathlib import Path

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.settings.file_checks import present_hash
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import ComputedStage, Identity
from trading_pipeline.storage.result_csv import DAY_COLUMNS, TRADE_COLUMNS, write_result_tables
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["ResultTablesStage"]


class ResultTablesStage(ComputedStage[str, dict[str, Shown]]):
    """`output/csv/trades.csv` and `daily_results.csv`, made anew of all stored results.

    Its only key is in `WHOLE`. The files follow from the warehouse alone: a result that was stored
    again is in them once, and equal results write nothing. They are current where both are as they
    were written.
    """

    asset = "result_tables"

    def identity(self, key: str) -> Identity:
        """With the hash of all results, as they are stored, and of the columns."""
        told = [self.workspace.results.contents(), TRADE_COLUMNS, DAY_COLUMNS]
        inputs = canonical_hash([told, code_hash(ResultTablesStage.produce)])
        return Identity(self.asset, self.partition(key), inputs, self.code_hash)

    def is_current(self, artifact: Artifact | None, identity: Identity) -> bool:
        """True where both files are those that were made of these results."""
        is_newest = super().is_current(artifact, identity)
        return is_newest and artifact is not None and artifact.sha256 == self._sha256()

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, dict[str, Shown]]:
        """Write both files, each whole or not at all."""
        trades, _ = write_result_tables(self.workspace.warehouse, self._folder)
        artifact = self.artifact(identity, rows=trades, sha256=self._sha256())
        return artifact, self.stored(key, artifact)

    def stored(self, key: str, artifact: Artifact) -> dict[str, Shown]:  # noqa: ARG002
        """Number of trades, and where the files are."""
        trades, days = self._files
        return {"trades": artifact.rows, "trades_csv": str(trades), "daily_results_csv": str(days)}

    def describe(self, product: dict[str, Shown]) -> dict[str, Shown]:
        """The product as it is."""
        return product

    @property
    def _folder(self) -> Path:
        return self.workspace.settings.output / "csv"

    @property
    def _files(self) -> list[Path]:
        return [self._folder / "trades.csv", self._folder / "daily_results.csv"]

    def _sha256(self) -> str:
        """Of both files together; of none where one is missing."""
        return canonical_hash([present_hash(path) or "" for path in self._files])
