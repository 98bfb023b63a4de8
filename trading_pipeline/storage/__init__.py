"""The only place with SQL: the warehouse, Parquet files, and DuckDB's reading of users' files.

- `warehouse`: one DuckDB file, short reads and short writes; `file_lock` and `schema` belong to it
- `parquet_files`, `csv_files`, `result_csv`: files on disk, never half-written
- `stores/`: one file for each subject of the warehouse's tables
- `user_files/`: SQL and fast readers for users' CSV and Parquet files
- `open_results`, `notebook_results`: the door for notebooks
- `storage_failures`, `disk_space`: what errors of DuckDB and of a disk mean

Values go in and out; nothing here computes a feature, a check or a result, or asks a provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.storage.disk_space import disk_full_error, is_full_disk
    from trading_pipeline.storage.open_results import open_results, read_bars
    from trading_pipeline.storage.parquet_files import read_frame, write_atomically, write_frame
    from trading_pipeline.storage.schema import SCHEMA_VERSION, TABLES
    from trading_pipeline.storage.warehouse import Warehouse

__all__ = [
    "SCHEMA_VERSION",
    "TABLES",
    "Warehouse",
    "disk_full_error",
    "is_full_disk",
    "open_results",
    "read_bars",
    "read_frame",
    "write_atomically",
    "write_frame",
]

_HOMES = {
    "disk_full_error": "trading_pipeline.storage.disk_space",
    "is_full_disk": "trading_pipeline.storage.disk_space",
    "open_results": "trading_pipeline.storage.open_results",
    "read_bars": "trading_pipeline.storage.open_results",
    "read_frame": "trading_pipeline.storage.parquet_files",
    "write_atomically": "trading_pipeline.storage.parquet_files",
    "write_frame": "trading_pipeline.storage.parquet_files",
    "SCHEMA_VERSION": "trading_pipeline.storage.schema",
    "TABLES": "trading_pipeline.storage.schema",
    "Warehouse": "trading_pipeline.storage.warehouse",
}
__getattr__ = lazy_exports(__name__, _HOMES)
