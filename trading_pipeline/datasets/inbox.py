"""The inbox: which of the user's files are there, and which are new or changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import DatasetFormatError, UnknownNameError, did_you_mean

__all__ = [
    "InboxFile",
    "changed_files",
    "inbox_file",
    "inbox_files",
    "misnamed_files",
    "side_car_of",
]

DATA_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
_SIDE_CAR_SUFFIXES = (".yaml", ".yml")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class InboxFile:
    """A file in the inbox; `signature` changes when it or its side-car is written again."""

    path: Path
    signature: str
    changed_at: float

    @property
    def name(self) -> str:
        """File name, which is the key of its partition."""
        return self.path.name


def inbox_files(folder: Path) -> list[InboxFile]:
    """Data files of the folder by name, without side-cars, dot files and folders.

    Links that lead out of the folder are left out.
    """
    home = folder.resolve()
    return [
        _signed(path)
        for path in _data_files(folder)
        if _NAME.fullmatch(path.name) and path.resolve().parent == home
    ]


def misnamed_files(folder: Path) -> list[str]:
    """Names of data files of the folder that cannot be partition keys and must be renamed."""
    return [
        path.name
        for path in _data_files(folder)
        if not path.name.startswith(".") and not _NAME.fullmatch(path.name)
    ]


def inbox_file(folder: Path, name: str) -> InboxFile:
    """The file of that name.

    Raises `DatasetFormatError` for a name that leads out of the inbox or that cannot be a partition
    key, and `UnknownNameError` for one that is not there.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise DatasetFormatError(
            f"{name!r} is not the name of a file in the inbox {folder}. Names there hold letters, "
            "digits, '.', '-' and '_' only, no folder. Rename the file, or copy it there.",
            name=name,
        )
    known = {each.name: each for each in inbox_files(folder)}
    if name not in known:
        raise UnknownNameError(
            f"There is no data file {name!r} in the inbox {folder}. {did_you_mean(name, known)}",
            name=name,
            kind="dataset",
        )
    return known[name]


def side_car_of(path: Path) -> Path | None:
    """The YAML file beside a data file that answers what it leaves open, `prices.csv.yaml`."""
    beside = (path.with_name(path.name + suffix) for suffix in _SIDE_CAR_SUFFIXES)
    return next((each for each in beside if each.is_file()), None)


def changed_files(folder: Path, seen: Mapping[str, str], now: float) -> list[InboxFile]:
    """Files whose signature differs from the one that was seen, and that were not just written.

    `now`: seconds since 1970; a file younger than 2 s may still be copied and comes the next time.
    """
    return [
        each
        for each in inbox_files(folder)
        if seen.get(each.name) != each.signature and now - each.changed_at >= _SETTLE_SECONDS
    ]


def _data_files(folder: Path) -> list[Path]:
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [each for each in paths if each.suffix.lower() in DATA_SUFFIXES and each.is_file()]


def _signed(path: Path) -> InboxFile:
    parts, newest = [], 0.0
    for each in filter(None, (path, side_car_of(path))):
        status = each.stat()
        parts.append([each.name, status.st_size, status.st_mtime_ns])
        newest = max(newest, status.st_mtime)
    return InboxFile(path, canonical_hash(parts)[:12], newest)
