"""The source of bars that users brought as files and registered.

A registered file is a folder `runtime/datasets/<instrument id>/`: its bars as Parquet on the
project's clocks, and a record of where they came from. Backtests never read the user's own file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from trading_pipeline.domain.bars import normalize_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError, PermanentFetchError, did_you_mean
from trading_pipeline.market_data.sources.protocol import (
    ActionRequest,
    BarBatch,
    BarRequest,
    SourceCapabilities,
    utc_now,
)
from trading_pipeline.settings.file_checks import is_intact

__all__ = [
    "BARS_FILE",
    "RECORD_FILE",
    "DatasetRecord",
    "FilesSource",
    "registered_datasets",
    "require_registered_bars",
]

BARS_FILE = "bars.parquet"
RECORD_FILE = "dataset.json"


@dataclass(frozen=True, kw_only=True)
class DatasetRecord:
    """Where the bars of a registered file came from; the file `dataset.json`.

    `file`: name of the user's file; `file_sha256`: of its bytes. `answers`: what the user decided.
    `bars_sha256`: of the Parquet file. `first`, `last`: labels of the first and last bar.
    """

    dataset: str
    instrument: str
    file: str
    file_sha256: str
    bars_sha256: str
    rows: int
    first: datetime
    last: datetime
    answers: dict[str, JsonValue]
    registered_at: datetime

    @property
    def listing(self) -> tuple[date, date]:
        """First and last day with a bar."""
        return self.first.date(), self.last.date()

    @property
    def version(self) -> str:
        """Which file the bars are of, and which bars its answers made of it."""
        return f"{self.file} sha256 {self.file_sha256[:12]} bars {self.bars_sha256[:12]}"

    def to_json(self) -> str:
        """The text of `dataset.json`."""
        values = {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in vars(self).items()
        }
        return json.dumps(values, indent=2, sort_keys=True) + "\n"

    @classmethod
    def read(cls, folder: Path) -> DatasetRecord:
        """The record of a folder; `DatasetFormatError` where it is missing or broken."""
        path = folder / RECORD_FILE
        try:
            values = json.loads(path.read_text("utf-8"))
            for name in ("first", "last", "registered_at"):
                values[name] = datetime.fromisoformat(values[name])
            return cls(**values)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DatasetFormatError(
                f"The record {path} of a registered file cannot be read: {error}. Add the file "
                "again with: trading-pipeline datasets add FILE.",
                path=str(path),
            ) from error


def registered_datasets(folder: Path) -> dict[str, DatasetRecord]:
    """Records by instrument id of everything registered below `runtime/datasets`.

    A record that cannot be read is left out, so that its file can be added again.
    """
    found = {}
    for path in sorted(path.parent for path in folder.glob(f"*/{RECORD_FILE}")):
        with suppress(DatasetFormatError):
            found[path.name] = DatasetRecord.read(path)
    return found


@dataclass(frozen=True)
class FilesSource:
    """Registered files as a source; `folder` is `runtime/datasets`. No network."""

    folder: Path
    clock: Callable[[], datetime] = utc_now
    name: ClassVar[str] = "files"

    def capabilities(self) -> SourceCapabilities:
        """Whatever timeframe the files have; as traded, since a file says nothing else."""
        return SourceCapabilities(timeframes=tuple(Timeframe), needs_network=False)

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        """Bars of the span from the registered file; 0 rows outside its dates.

        Raises `PermanentFetchError` for an instrument that no file was registered for, and
        `DatasetFormatError` for a file that is not as it was registered.
        """
        folder = self.folder / request.instrument.id
        if not (folder / RECORD_FILE).is_file():
            known = registered_datasets(self.folder)
            raise PermanentFetchError(
                f"No file was registered for {request.instrument.id}. "
                f"{did_you_mean(request.instrument.id, known)} Register one with: "
                "trading-pipeline datasets add FILE.",
                source=self.name,
                instrument=request.instrument.id,
            )
        record = DatasetRecord.read(folder)
        require_registered_bars(folder, record)
        return BarBatch(
            frame=_read_span(folder / BARS_FILE, request.start, request.end),
            price_basis="as_traded",
            fetched_at=self.clock(),
            client_version=record.version,
        )

    def fetch_actions(self, request: ActionRequest) -> list[CorporateAction]:  # noqa: ARG002
        """None: a file of bars holds none."""
        return []


def require_registered_bars(folder: Path, record: DatasetRecord) -> None:
    """Raise `DatasetFormatError` where the bars in a folder are not those of its record."""
    path = folder / BARS_FILE
    if not is_intact(path, record.bars_sha256):
        why = "are not those that were registered" if path.exists() else "are missing"
        raise DatasetFormatError(
            f"The registered bars {path} {why}. Add the file again with: trading-pipeline datasets "
            f"add {folder.parent.parent / 'inbox' / record.file}.",
            path=str(path),
        )


def _read_span(path: Path, start: datetime, end: datetime) -> pd.DataFrame:
    try:
        table = pq.read_table(path, filters=[("ts", ">=", start), ("ts", "<", end)])
    except (OSError, pa.ArrowException) as error:
        raise DatasetFormatError(
            f"The registered bars {path} cannot be read: {error}. Add the file again with: "
            "trading-pipeline datasets add FILE.",
            path=str(path),
        ) from error
    return normalize_bars(table.to_pandas())
