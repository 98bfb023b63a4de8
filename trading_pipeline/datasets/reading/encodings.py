"""What the bytes of a file say: text or not, which encoding, how its lines end.

The whole file is read once in blocks of 1 MiB; only its head is kept.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from trading_pipeline.errors import DatasetFormatError

__all__ = ["HEAD_BYTES", "FileBytes", "examine_bytes", "head_text", "require_inside", "transcode"]

HEAD_BYTES = 262_144
_BLOCK = 1 << 20
_LINE_END = re.compile(r"\r\n|\n|\r")
_ARCHIVES = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PARQUET = b"PAR1"
Kind = Literal["text", "parquet", "empty", "binary"]


@dataclass(frozen=True, kw_only=True)
class FileBytes:
    """What the bytes say. `detail` names what a binary file is.

    `old_lines`: lines end in a carriage return alone. `quoted`: a quotation mark occurs.
    """

    kind: Kind
    size: int
    encoding: str | None = None
    bom: bool = False
    quoted: bool = False
    old_lines: bool = False
    detail: str = ""

    @property
    def needs_transcoding(self) -> bool:
        """True where the file must be read through a copy in UTF-8."""
        return self.kind == "text" and (self.encoding != "utf-8" or self.old_lines)


def examine_bytes(path: Path, *, limit: int | None = None) -> FileBytes:
    """Kind, encoding and line ends of a file: BOM, then UTF-8, then cp1252.

    A NUL byte makes a file binary, unless every second byte of its head is one (UTF-16). `limit`:
    how many bytes to look at, for a preview. Raises `DatasetFormatError` where there is no such
    file or it cannot be read.
    """
    size = _size(path)
    if size == 0:
        return FileBytes(kind="empty", size=0)
    with _opened(path) as file:
        head = file.read(4096)
    if head.startswith(_PARQUET):
        return FileBytes(kind="parquet", size=size, encoding="parquet")
    archive = next((detail for magic, detail in _ARCHIVES if head.startswith(magic)), None)
    if archive is not None:
        return FileBytes(kind="binary", size=size, detail=archive)
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            if size == len(bom):
                return FileBytes(kind="empty", size=size, encoding=encoding, bom=True)
            if encoding != "utf-8":
                return FileBytes(kind="text", size=size, encoding=encoding, bom=True, quoted=True)
            return _examine_text(path, size, bom=True, limit=limit)
    wide = _wide_encoding(head)
    if wide is not None:
        return FileBytes(kind="text", size=size, encoding=wide, quoted=True)
    return _examine_text(path, size, bom=False, limit=limit)


def head_text(path: Path, encoding: str, limit: int = HEAD_BYTES) -> list[str]:
    """Lines of the first `limit` bytes, without a BOM; a line that the limit cuts is left out."""
    with _opened(path) as file:
        data = file.read(limit)
        more = bool(file.read(1))
    text = codecs.getincrementaldecoder(encoding)("replace").decode(data, final=not more)
    lines = _LINE_END.split(text.removeprefix("\ufeff"))
    return lines[:-1] if more and len(lines) > 1 else lines


def transcode(source: Path, target: Path, encoding: str) -> None:
    """Write `source` as UTF-8 with `\\n` line ends to `target`, block by block.

    Bytes that the encoding does not have become the replacement character, which no price contains.
    """
    with (
        source.open("r", encoding=encoding, errors="replace") as reading,
        target.open("w", encoding="utf-8", newline="\n") as writing,
    ):
        first = reading.read(_BLOCK)
        writing.write(first.removeprefix("\ufeff"))
        while block := reading.read(_BLOCK):
            writing.write(block)


def require_inside(path: Path, folder: Path) -> Path:
    """`path` with links resolved; raises `DatasetFormatError` where it is not inside `folder`."""
    resolved, allowed = path.expanduser().resolve(), folder.expanduser().resolve()
    if not resolved.is_relative_to(allowed) or resolved == allowed:
        raise DatasetFormatError(
            f"{path} is outside {allowed}, the only folder that files are read from here. Copy "
            "the file into it; a link that leads out of it is not followed.",
            path=str(path),
            folder=str(allowed),
        )
    return resolved


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not path.is_file():
        raise DatasetFormatError(
            f"{path} is not a file but a folder or a device. Name one CSV, TSV or Parquet file.",
            path=str(path),
        )
    return status.st_size


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DatasetFormatError:
    return DatasetFormatError(
        f"{path} cannot be read: {error.strerror}. Check the path and the rights of the file.",
        path=str(path),
    )


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 without a BOM: text in Latin letters has a NUL in every second byte."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if len(head) < 8 or max(even, odd) < 0.9 * half or min(even, odd) > 0.05 * half:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _examine_text(path: Path, size: int, *, bom: bool, limit: int | None) -> FileBytes:
    decoder = codecs.getincrementaldecoder("utf-8")()
    utf8, quoted, feeds, returns, pending = True, False, False, False, False
    for block in _blocks(path, limit):
        if b"\0" in block:
            detail = "not text: it holds NUL bytes"
            return FileBytes(kind="binary", size=size, bom=bom, detail=detail)
        quoted = quoted or b'"' in block
        feeds = feeds or b"\n" in block
        returns = returns or b"\r" in block
        if utf8 and (pending or not block.isascii()):
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                utf8 = False
            pending = bool(decoder.getstate()[0]) if utf8 else False
    return FileBytes(
        kind="text",
        size=size,
        encoding="utf-8" if utf8 and (not pending or limit is not None) else "cp1252",
        bom=bom,
        quoted=quoted,
        old_lines=returns and not feeds,
    )


def _blocks(path: Path, limit: int | None) -> Iterator[bytes]:
    left = limit
    with _opened(path) as file:
        while block := file.read(_BLOCK if left is None else min(_BLOCK, left)):
            left = None if left is None else left - len(block)
            yield block
