"""The table of Parquet files: which file is the valid one of an asset's partition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.settings.file_checks import is_intact
from trading_pipeline.storage.parquet_files import read_frame, read_rows, write_frame
from trading_pipeline.storage.stores.kept_rows import KeptRows
from trading_pipeline.storage.stores.row_tables import Row, WarehouseStore, insert_rows
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["Artifact", "ArtifactStore", "damaged_file_error"]

_BEHIND_RESULTS = """
WITH results AS (
  SELECT seq AS made_at, split_part("partition", '|', 1) || '|' AS own FROM artifacts
  WHERE asset = 'backtest' AND list_contains(?::VARCHAR[], input_hash)),
behind AS (
  SELECT a.seq FROM results r JOIN artifacts a
  ON a.seq < r.made_at AND starts_with(a."partition", r.own)
  AND (starts_with(a.asset, 'models/') OR starts_with(a.asset, 'predictions/'))
  QUALIFY row_number() OVER (
    PARTITION BY r.made_at, r.own, a.asset, a."partition" ORDER BY a.seq DESC) = 1)
SELECT * EXCLUDE (seq) FROM artifacts WHERE seq IN (SELECT seq FROM behind) ORDER BY seq
"""
_NEWEST = "newest artifacts"
_NEWEST_OF_BATCH = """
SELECT * EXCLUDE (seq) FROM artifacts
WHERE list_contains(?::VARCHAR[], split_part("partition", '|', 1))
QUALIFY row_number() OVER (PARTITION BY asset, "partition" ORDER BY seq DESC) = 1
"""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One materialization of a partition; the newest row of a partition is the valid one.

    `status`: ok, not_listed, no_model or no_rows. `path` is relative to the runtime folder, None
    where there is no file.
    """

    asset: str
    partition: str
    status: str
    input_hash: str
    code_hash: str
    run_id: str
    rows: int = 0
    columns: str = ""
    path: str | None = None
    sha256: str | None = None
    created_at: datetime | None = None

    def as_row(self) -> Row:
        """The row by column name."""
        return dict(vars(self)) | {"created_at": self.created_at or datetime.now(UTC)}


class ArtifactStore(WarehouseStore):
    """Frames under `runtime/cache` and their rows in the table `artifacts`."""

    def __init__(self, warehouse: Warehouse, runtime: Path, kept: KeptRows | None = None) -> None:
        super().__init__(warehouse, kept)
        self.runtime = runtime

    def newest(
        self, assets: Iterable[str], partition_prefix: str = ""
    ) -> dict[tuple[str, str], Artifact]:
        """Valid row by (asset, partition), of partitions that start with the prefix."""
        instrument = partition_prefix.partition("|")[0]
        if self._kept is not None and instrument:
            wanted = set(assets)
            rows_of = self._answer(_NEWEST, instrument, self._read_newest)
            return {
                key: row
                for key, row in rows_of.items()
                if key[0] in wanted and key[1].startswith(partition_prefix)
            }
        rows = self._rows(
            "SELECT * EXCLUDE (seq) FROM artifacts WHERE list_contains(?::VARCHAR[], asset) "
            'AND starts_with("partition", ?) ORDER BY seq',
            list(assets),
            partition_prefix,
        )
        return {(row["asset"], row["partition"]): Artifact(**row) for row in rows}

    def _read_newest(self, names: list[str]) -> dict[str, dict[tuple[str, str], Artifact]]:
        rows = self._rows(_NEWEST_OF_BATCH, names)
        found: dict[str, dict[tuple[str, str], Artifact]] = {name: {} for name in names}
        for row in rows:
            artifact = Artifact(**row)
            name = artifact.partition.partition("|")[0]
            found[name][artifact.asset, artifact.partition] = artifact
        return found

    def all_newest(self) -> list[Artifact]:
        """Valid rows of all partitions, by asset and partition."""
        rows = self._rows(
            "SELECT * EXCLUDE (seq) FROM artifacts QUALIFY row_number() OVER (PARTITION BY asset, "
            '"partition" ORDER BY seq DESC) = 1 ORDER BY asset, "partition"'
        )
        return [Artifact(**row) for row in rows]

    def recorded_before(self, moment: datetime) -> list[Artifact]:
        """All rows that are older than a moment, valid ones too, oldest first."""
        rows = self._rows(
            "SELECT * EXCLUDE (seq) FROM artifacts WHERE created_at < ? ORDER BY seq", moment
        )
        return [Artifact(**row) for row in rows]

    def behind_results(self, result_ids: Sequence[str]) -> list[Artifact]:
        """Fold tables and predictions that were the valid ones when these results were made."""
        rows = self._rows(_BEHIND_RESULTS, list(result_ids))
        return [Artifact(**row) for row in rows]

    def made_by(self, asset: str) -> list[str]:
        """Input hashes of everything that an asset ever made, oldest first."""
        rows = self._rows("SELECT input_hash FROM artifacts WHERE asset = ? ORDER BY seq", asset)
        return [str(row["input_hash"]) for row in rows]

    def write(
        self,
        frame: pd.DataFrame,
        *,
        asset: str,
        partition: str,
        status: str,
        input_hash: str,
        code_hash: str,
        run_id: str,
    ) -> Artifact:
        """Write the frame to its file and return its row; `record` makes the row valid."""
        instrument, _, window = partition.partition("|")
        path = Path("cache") / asset / instrument / window / f"{input_hash[:12]}.parquet"
        sha256 = write_frame(self.runtime / path, frame)
        return Artifact(
            asset=asset,
            partition=partition,
            status=status,
            input_hash=input_hash,
            code_hash=code_hash,
            run_id=run_id,
            rows=len(frame),
            columns=",".join(map(str, frame.columns)),
            path=path.as_posix(),
            sha256=sha256,
            created_at=datetime.now(UTC),
        )

    def record(self, artifacts: Sequence[Artifact]) -> None:
        """Append the rows in one transaction."""
        rows = [artifact.as_row() for artifact in artifacts]
        if rows:
            with self._warehouse.write() as connection:
                insert_rows(connection, "artifacts", rows)
        self._keep(rows)

    def _keep(self, rows: Sequence[Row]) -> None:
        """Let the rows be the newest of what a batch keeps."""
        for row in rows if self._kept is not None else []:
            kept = self._held(row["partition"].partition("|")[0], _NEWEST)
            if kept is not None:
                kept[row["asset"], row["partition"]] = Artifact(**row)

    def rows(self, artifact: Artifact, columns: Sequence[str]) -> list[Row]:
        """Some columns of a frame as plain rows, which is several times as fast as `load`."""
        return read_rows(self.file_of(artifact), columns)

    def record_missing(self, artifacts: Sequence[Artifact]) -> int:
        """Append the rows that are not there yet, in one transaction; returns their number.

        A row is there where one of its partition has its inputs, run and moment.
        """
        if not artifacts:
            return 0
        with self._warehouse.write() as connection:
            rows = self._rows(
                'SELECT asset, "partition", input_hash, run_id, created_at FROM artifacts '
                "WHERE list_contains(?::VARCHAR[], input_hash)",
                [artifact.input_hash for artifact in artifacts],
            )
            known = {tuple(row.values()) for row in rows}
            new = [
                each
                for each in artifacts
                if (each.asset, each.partition, each.input_hash, each.run_id, each.created_at)
                not in known
            ]
            added = [each.as_row() for each in new]
            insert_rows(connection, "artifacts", added)
        self._keep(added)
        return len(new)

    def is_current(self, artifact: Artifact | None, input_hash: str) -> bool:
        """True where the partition was made from these inputs and its file is as it was written."""
        return (
            artifact is not None and artifact.input_hash == input_hash and self.is_intact(artifact)
        )

    def is_intact(self, artifact: Artifact) -> bool:
        """True where the row names no file, or the file is there as it was written."""
        return artifact.path is None or is_intact(self.runtime / artifact.path, artifact.sha256)

    def file_of(self, artifact: Artifact) -> Path:
        """The file of a row, after checking that it is the one that was written.

        Raises `DataQualityError` where it is missing or was changed.
        """
        path = self.runtime / str(artifact.path)
        if not is_intact(path, artifact.sha256):
            raise damaged_file_error(path, artifact.asset, artifact.partition)
        return path

    def load(self, artifact: Artifact) -> pd.DataFrame:
        """The frame of a row; `DataQualityError` where the file is missing or was changed."""
        if artifact.path is None:
            raise InsufficientDataError(
                f"The partition {artifact.partition} of '{artifact.asset}' has status "
                f"'{artifact.status}' and holds no rows.",
                asset=artifact.asset,
                partition=artifact.partition,
            )
        return read_frame(self.file_of(artifact))


def damaged_file_error(path: Path, asset: str, partition: str) -> DataQualityError:
    """The error for a file of an asset that is missing, or is not the one that was written."""
    what = "is not the one that was written" if path.exists() else "is missing"
    command = "trading-pipeline run" + f" {partition.partition('|')[0]}" * ("|" in partition)
    return DataQualityError(
        f"The file {path} of '{asset}' ({partition or 'all results'}) {what}. The next pass makes "
        f"it again: {command}.",
        asset=asset,
        partition=partition,
        path=str(path),
    )
