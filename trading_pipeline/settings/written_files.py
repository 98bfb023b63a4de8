"""Writes a file so that it is complete or absent, whatever happens in between."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_pipeline.settings.claims import claimed

__all__ = ["claim_beside", "remove", "replace_file", "temporary_beside"]

_TEMPORARY = re.compile(r"^\..*\.(?P<key>[0-9a-f]{32})\.tmp$")
_CLAIM = re.compile(r"^\.(?P<key>[0-9a-f]{32})\.claim$")


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """A name in the folder of `path`, which is made, for something that is not finished yet.

    What has the name at the end of the block is removed, a file or a folder. A claim stands beside
    it meanwhile: where the process is killed, the next pass sees that nobody holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    key = uuid.uuid4().hex
    temporary = path.with_name(f".{path.name}.{key}.tmp")
    with claimed(path.with_name(f".{key}.claim")):
        try:
            yield temporary
        finally:
            remove(temporary)


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a temporary file beside `path`, fsync it, and rename it into place.

    If that fails, the old file at `path` stays and no temporary file is left; raises `OSError`.
    """
    with temporary_beside(path) as temporary:
        write(temporary)
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)


def claim_beside(path: Path) -> Path | None:
    """The claim of something unfinished, or the path itself where it is a claim; else None.

    >>> claim_beside(Path("a/.b.csv.00112233445566778899aabbccddeeff.tmp"))
    PosixPath('a/.00112233445566778899aabbccddeeff.claim')
    """
    found = _TEMPORARY.match(path.name) or _CLAIM.match(path.name)
    return None if found is None else path.with_name(f".{found['key']}.claim")


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that it holds; nothing where it is not there."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
