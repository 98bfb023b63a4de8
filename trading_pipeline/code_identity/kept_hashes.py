"""Hashes of the package's code that outlive the process, as lines of a small file.

A hash follows from the package's files alone, so the file's name is the hash of all of them: code
that changed in any byte has another file.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import re
from functools import cached_property
from pathlib import Path

__all__ = ["KeptHashes"]

_LINE = re.compile(r"([0-9a-f]{64}) ([0-9a-f]{64})\n")
_UNREAD = (".pyc", ".nbi", ".nbc", ".parquet")


class KeptHashes:
    """A dictionary from what is asked for, as text, to the hash of its code.

    `folder`: holds one file for the present code; those of other versions are removed. `package`:
    the folder of the package. What cannot be read or written is as if it had not been kept.
    """

    def __init__(self, folder: Path, package: Path) -> None:
        self._folder, self._package = folder, package
        self._read_at: list[tuple[Path, int, int]] = []

    def get(self, asked: str) -> str | None:
        """The hash that was kept; None without one."""
        return self._lines.get(_sha256(asked))

    def keep(self, asked: str, digest: str) -> None:
        """Add a line to the file; a process that is killed leaves half of it, which is not read.

        Nothing is kept where the package was changed since it was read.
        """
        file, key = self._file, _sha256(asked)
        if self._stamps() != self._read_at:
            return
        self._lines[key] = digest
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="ascii") as lines:
                lines.write(f"\n{key} {digest}\n")

    @cached_property
    def _file(self) -> Path:
        together = hashlib.sha256(platform.python_version().encode())
        self._read_at = self._stamps()
        for path, *_ in self._read_at:
            name, content = path.relative_to(self._package).as_posix(), path.read_bytes()
            together.update(f"{name}\n{len(content)}\n".encode())
            together.update(content)
        return self._folder / f"{together.hexdigest()[:32]}.txt"

    def _stamps(self) -> list[tuple[Path, int, int]]:
        """The package's files with time of change and size."""
        paths = [p for p in self._package.rglob("*") if p.suffix not in _UNREAD and p.is_file()]
        stats = [(path, path.stat()) for path in sorted(paths)]
        return [(path, stat.st_mtime_ns, stat.st_size) for path, stat in stats]

    @cached_property
    def _lines(self) -> dict[str, str]:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return dict(_LINE.findall(self._file.read_text(encoding="ascii")))
        with contextlib.suppress(OSError):
            for other in self._folder.glob("*.txt"):
                other.unlink()
        return {}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
