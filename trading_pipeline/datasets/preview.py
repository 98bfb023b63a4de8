"""The preview of a user's file: its first rows, without reading the rest."""

from __future__ import annotations

from pathlib import Path

from trading_pipeline.datasets.profile import DatasetPreview, shown_stamp_format
from trading_pipeline.datasets.reading.encodings import HEAD_BYTES, examine_bytes
from trading_pipeline.datasets.reading.table import find_table
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.settings.dataset_answers import DatasetAnswers

__all__ = ["preview_dataset"]

_LONG_ROW_BYTES = 1024


def preview_dataset(
    path: Path, answers: DatasetAnswers | None = None, *, rows: int = 20
) -> DatasetPreview:
    """First rows of a file as text, with what its columns seem to be; reads only the head.

    Time stamps whose date order the head leaves open are shown in the first order that fits. Raises
    `DatasetFormatError` for a file that is missing, empty or no table of text or Parquet.
    """
    path, answers = Path(path), answers or DatasetAnswers()
    limit = max(HEAD_BYTES, rows * _LONG_ROW_BYTES)
    content = examine_bytes(path, limit=limit)
    if content.kind in ("empty", "binary"):
        what = "empty" if content.kind == "empty" else content.detail
        raise DatasetFormatError(
            f"{path} cannot be shown: it is {what}. Give plain CSV, TSV or Parquet.",
            path=str(path),
            kind=content.kind,
        )
    table = find_table(path, content, answers, encoding=content.encoding or "utf-8", limit=limit)
    shape = table.shape
    return DatasetPreview(
        path=str(path),
        size=content.size,
        encoding=shape.encoding,
        delimiter=shape.delimiter,
        header=shape.header,
        skip_rows=shape.skip_rows,
        names=shape.names,
        roles={p: role for role, positions in shape.positions.items() for p in positions},
        timestamp=shown_stamp_format(next(iter(table.formats.values()), None)),
        rows=table.rows[: max(rows, 0)],
    )
