"""Hashes of the package's code that outlive the process, as lines of a small file.

A hash follows from the package's files alone, so the file's name is the hash of all of them: code
that changed in any byte has another file.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import re
from functools import cached_property, lru_cache
from pathlib import Path

__all__ = ["KeptHashes"]

Stamps = tuple[tuple[Path, int, int], ...]
"""Files with time of change and size."""
_LINE = re.compile(r"([0-9a-f]{64}) ([0-9a-f]{64})\n")
_UNREAD = (".pyc", ".nbi", ".nbc", ".parquet")


class KeptHashes:
    """A dictionary from what is asked for, as text, to the hash of its code.

    `folder`: holds one file for the present code; those of other versions are removed. `package`:
    the folder of the package. What cannot be read or written is as if it had not been kept.
    """

    def __init__(self, folder: Path, package: Path) -> None:
        self.folder, self._package = folder, package

    def get(self, asked: str) -> str | None:
        """The hash that was kept; None without one."""
        return self._lines.get(_sha256(asked))

    def keep(self, asked: str, digest: str) -> None:
        """Add a line to the file; a process that is killed leaves half of it, which is not read.

        Nothing is kept where the package was changed since it was read.
        """
        file, key = self._file, _sha256(asked)
        if _stamps(self._package) != self._read_at:
            return
        self._lines[key] = digest
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="ascii") as lines:
                lines.write(f"\n{key} {digest}\n")

    @cached_property
    def _read_at(self) -> Stamps:
        return _stamps(self._package)

    @property
    def _file(self) -> Path:
        return self.folder / f"{_hash_of(self._package, self._read_at)[:32]}.txt"

    @cached_property
    def _lines(self) -> dict[str, str]:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return dict(_LINE.findall(self._file.read_text(encoding="ascii")))
        with contextlib.suppress(OSError):
            for other in self.folder.glob("*.txt"):
                other.unlink()
        return {}


@lru_cache(maxsize=4)
def _hash_of(package: Path, stamps: Stamps) -> str:
    """Hash of the package's files that have these stamps."""
    together = hashlib.sha256(platform.python_version().encode())
    for path, *_ in stamps:
        name, content = path.relative_to(package).as_posix(), path.read_bytes()
        together.update(f"{name}\n{len(content)}\n".encode())
        together.update(content)
    return together.hexdigest()


def _stamps(package: Path) -> Stamps:
    """A package's files with time of change and size."""
    paths = [p for p in package.rglob("*") if p.suffix not in _UNREAD and p.is_file()]
    stats = [(path, path.stat()) for path in sorted(paths)]
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
