"""Reads users' CSV and Parquet files, which may be larger than memory, in batches.

`csv_scan` is the way in: DuckDB reads every cell as text (`cell_sql`, `row_sql`), and cells in the
plainest form by casts alone (`plain_cells`). `plain_lines` and `plain_stamps` read large plain
files faster, without DuckDB, to the same rows. `sorted_rows` sorts more rows than memory should
hold. What a file is and what is wrong with it is decided in `datasets`.
"""

from __future__ import annotations

from trading_pipeline.storage.user_files.csv_scan import (
    NO_MOMENT,
    TableScan,
    open_scan,
    parquet_head,
)
from trading_pipeline.storage.user_files.plain_lines import NotPlainError, PlainBlock, plain_blocks
from trading_pipeline.storage.user_files.sorted_rows import KeySample, RowSorter

__all__ = [
    "NO_MOMENT",
    "KeySample",
    "NotPlainError",
    "PlainBlock",
    "RowSorter",
    "TableScan",
    "open_scan",
    "parquet_head",
    "plain_blocks",
]
