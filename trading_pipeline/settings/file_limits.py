"""How large a file of settings may be, and the checks that its YAML and JSON readers share.

The limits are far above what people write and far below what hurts: a file of a few kilobytes
can describe billions of values, so everything is counted before it is built.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from trading_pipeline.errors import ConfigurationError

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "MAX_NUMBER_CHARACTERS",
    "MAX_TEXT_CHARACTERS",
    "NodeCount",
    "check_number",
    "check_number_length",
    "check_text",
    "cut",
    "line_of",
    "read_text",
    "shown",
]

MAX_BYTES = 5_000_000
"""Size of one file; a universe of 20,000 instruments has 2 MB."""
MAX_NODES = 500_000
"""Keys and values of one file, counted again wherever an alias repeats them."""
MAX_DEPTH = 32
"""Lists and mappings inside each other."""
MAX_NUMBER_CHARACTERS = 100
"""Characters of one number as it is written."""
MAX_TEXT_CHARACTERS = 10_000
"""Characters of one text."""

_LARGEST_INTEGER = 2**63 - 1
_SHOWN_CHARACTERS = 80
_NOT_PRINTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_OTHER_ENCODINGS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x00\x00\xfe\xff": "UTF-32",
}


class NodeCount:
    """Counts keys and values of a file; raises before there are too many."""

    def __init__(self) -> None:
        self.nodes = 0

    def add(self, nodes: int, line: int) -> None:
        """Count some more, found at `line`. `ConfigurationError` above `MAX_NODES`."""
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise ConfigurationError(
                f"the file holds more than {MAX_NODES:,} keys and values, counted again wherever "
                f"an alias repeats them (line {line}); write fewer, or spread them over several "
                "files",
                line=line,
            )

    @staticmethod
    def check_depth(depth: int, line: int) -> None:
        """`ConfigurationError` for more than `MAX_DEPTH` collections inside each other."""
        if depth > MAX_DEPTH:
            raise ConfigurationError(
                f"more than {MAX_DEPTH} lists or mappings stand inside each other (line {line}); "
                "no setting needs that, so look for a bracket or an indent too many",
                line=line,
            )


def read_text(path: Path) -> str:
    """Text of a file in UTF-8; a byte-order mark in front is no part of it.

    Raises `ConfigurationError` that names the file where there is none, where it is larger than
    `MAX_BYTES`, or where it is not text in UTF-8.
    """
    try:
        with path.open("rb") as file:
            found = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no file {path}.", path=str(path)) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path} cannot be read as text: {error}.", path=str(path)
        ) from error
    if len(found) > MAX_BYTES:
        raise ConfigurationError(
            f"{path} is larger than {MAX_BYTES:,} bytes, which no file of settings needs. Check "
            "that it is the file that was meant, or spread it over several files.",
            path=str(path),
        )
    for mark, encoding in _OTHER_ENCODINGS.items():
        if found.startswith(mark):
            raise ConfigurationError(
                f"{path} cannot be read as text: it is saved as {encoding}. Save it as UTF-8.",
                path=str(path),
                encoding=encoding,
            )
    try:
        text = found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        byte = found[error.start]
        raise ConfigurationError(
            f"{path} cannot be read as text: the byte 0x{byte:02x} is not UTF-8 (line {line}). "
            "Save the file as UTF-8.",
            path=str(path),
            line=line,
        ) from error
    wrong = _NOT_PRINTED.search(text)
    if wrong:
        line = line_of(text, wrong.start())
        kind = "YAML" if path.suffix != ".json" else "JSON"
        raise ConfigurationError(
            f"{path} is not valid {kind}: it holds the character U+{ord(wrong[0]):04X}, which "
            f"cannot be printed (line {line}). Save it as plain text in UTF-8, without that "
            "character.",
            path=str(path),
            line=line,
        )
    return text


def check_number(written: str, value: float, line: int) -> None:
    """`ConfigurationError` for a number that is too long, not finite, or beyond 64 bits."""
    check_number_length(written, line)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(
            f"{shown(written)} is not a finite number (line {line}); write a number, or leave the "
            "key out",
            line=line,
        )
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        raise ConfigurationError(
            f"the whole number {shown(written)} is beyond {_LARGEST_INTEGER} (line {line}); write "
            "a smaller one, or put it in quotes where a text is meant",
            line=line,
        )


def check_number_length(written: str, line: int) -> None:
    """`ConfigurationError` for a number of too many characters, before it is converted."""
    if len(written) > MAX_NUMBER_CHARACTERS:
        raise ConfigurationError(
            f"the number {shown(written)} has {len(written):,} characters, at most "
            f"{MAX_NUMBER_CHARACTERS} are read (line {line}); write a shorter one, or put it in "
            "quotes where a text is meant",
            line=line,
        )


def check_text(text: str, line: int | None) -> None:
    """`ConfigurationError` for a text that is too long, or that no screen and no file can show."""
    where = "" if line is None else f" (line {line})"
    if len(text) > MAX_TEXT_CHARACTERS:
        raise ConfigurationError(
            f"the text {shown(text)} has {len(text):,} characters, at most "
            f"{MAX_TEXT_CHARACTERS:,} are read{where}; shorten it",
            line=line,
        )
    wrong = _NOT_PRINTED.search(text)
    if wrong:
        raise ConfigurationError(
            f"the text {shown(text)} holds the character U+{ord(wrong[0]):04X}, which cannot be "
            f"printed{where}; leave it out",
            line=line,
        )


def line_of(text: str, position: int) -> int:
    """Number of the line in which a character stands; the first is 1."""
    return text.count("\n", 0, position) + 1


def shown(value: object) -> str:
    """A value as an error shows it: on one line, and cut where it is long.

    >>> shown("9" * 5000)[-20:]
    '99999999999999999...'
    """
    try:
        return cut(repr(value))
    except ValueError:  # Python writes no whole number of more than some thousand digits
        return f"a {type(value).__name__} of too many digits to show"


def cut(text: str) -> str:
    """A text on one line and of about 80 characters at most; dots say that there is more.

    >>> print(cut("a\\nb"))
    a\\nb
    """
    first = text[:_SHOWN_CHARACTERS] + ("..." if len(text) > _SHOWN_CHARACTERS else "")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in first)
