"""Functions of libraries that open files in compiled code, where no event of Python tells of it.

They are replaced by wrappers while a user's code is watched, in modules that are loaded already;
nothing is imported here. Other ways into these libraries (`pyarrow.fs`) are not seen.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

__all__ = ["wrapped_readers"]

_DUCKDB = (
    "connect", "execute", "executemany", "sql", "query", "read_csv", "read_parquet", "read_json",
    "from_csv_auto", "from_parquet", "from_query",
)  # fmt: skip
_READERS: dict[str, tuple[str, ...]] = {
    "pyarrow": ("memory_map", "OSFile", "input_stream"),
    "pyarrow.csv": ("read_csv", "open_csv"),
    "pyarrow.json": ("read_json", "open_json"),
    "pyarrow.feather": ("read_table", "read_feather"),
    "pyarrow.orc": ("read_table", "ORCFile"),
    "pyarrow.dataset": ("dataset", "parquet_dataset"),
    "pyarrow.parquet.core:ParquetFile": ("__init__",),
    "pyarrow.parquet.core:ParquetDataset": ("__init__",),
    "duckdb": _DUCKDB,
    "duckdb:DuckDBPyConnection": tuple(name for name in _DUCKDB if name != "connect"),
    "polars": (
        "read_csv", "scan_csv", "read_parquet", "scan_parquet", "read_ipc", "scan_ipc",
        "read_json", "read_ndjson", "scan_ndjson", "read_excel", "read_database_uri",
    ),
    "h5py:File": ("__init__",),
    "tables": ("open_file",),
    "xarray": ("open_dataset", "open_dataarray", "load_dataset", "open_zarr"),
}  # fmt: skip
"""Names by module, or by `module:class`."""
_PATHS = ("source", "path", "where", "file", "filename", "name", "database", "filepath_or_buffer")
_QUOTED_FILE = re.compile(r"""['"]([^'"]+\.\w{2,10}(?:\.\w{2,4})?|[^'"]*[/\\][^'"]+)['"]""")
_LOCK = RLock()
_replaced: list[tuple[Any, str, Any]] = []
_depth = 0


@contextmanager
def wrapped_readers(note: Callable[[object], None]) -> Iterator[None]:
    """Call `note` with the path of each file that one of the readers is asked for in the block."""
    global _depth
    with _LOCK:
        _depth += 1
        if _depth == 1:
            _replace(note)
    try:
        yield
    finally:
        with _LOCK:
            _depth -= 1
            if _depth == 0:
                while _replaced:
                    owner, name, original = _replaced.pop()
                    setattr(owner, name, original)


def _replace(note: Callable[[object], None]) -> None:
    for place, names in _READERS.items():
        module, _, kind = place.partition(":")
        owner = sys.modules.get(module)
        owner = getattr(owner, kind, None) if kind else owner
        if owner is None:
            continue
        for name in names:
            original = vars(owner).get(name)
            if original is None:
                continue
            try:
                setattr(owner, name, _wrapper(original, note, is_sql=module == "duckdb"))
            except TypeError:  # a class that cannot be changed
                continue
            _replaced.append((owner, name, original))


def _wrapper(original: Any, note: Callable[[object], None], *, is_sql: bool) -> Any:
    @functools.wraps(original, updated=())
    def reader(*positional: Any, **named: Any) -> Any:
        for given in (*positional[:2], *(named[key] for key in _PATHS if key in named)):
            for path in _paths_of(given, is_sql=is_sql):
                note(path)
        if is_sql and "query" in named:
            for path in _paths_of(named["query"], is_sql=True):
                note(path)
        return original(*positional, **named)

    return reader


def _paths_of(given: object, *, is_sql: bool) -> list[object]:
    if isinstance(given, (list, tuple)):
        return [path for each in given for path in _paths_of(each, is_sql=is_sql)]
    if isinstance(given, str) and is_sql and (" " in given.strip() or given.startswith(":")):
        return list(_QUOTED_FILE.findall(given))
    if isinstance(given, (str, os.PathLike)):
        return [given] if str(given) else []
    return []
