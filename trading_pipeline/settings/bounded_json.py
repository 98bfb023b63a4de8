"""Parses JSON text into plain values, and counts what it holds before anything is built."""

from __future__ import annotations

import json
import re
from typing import Any

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.file_limits import (
    NodeCount,
    check_number,
    check_number_length,
    check_text,
    shown,
)

__all__ = ["parse_json"]

# An open text runs to the end of the file, so that a wrong file is scanned once only.
_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*"?)(?P<colon>\s*:)?'
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)"
    r"|(?P<number>-?[0-9][-+.0-9eE]*|NaN|-?Infinity)",
    re.DOTALL,
)


def parse_json(text: str) -> Any:
    """Plain values of a JSON text; None for an empty one.

    Raises `ConfigurationError` with `line` for what is refused here (a key given twice, a file
    beyond the limits of `file_limits`, a number that is not finite), and `json.JSONDecodeError`
    for what is no JSON at all.
    """
    if not text.strip():
        return None
    _check(text)
    data = json.loads(text)
    _check_texts(data)
    return data


def _check(text: str) -> None:
    count, keys = NodeCount(), [set[str]()]
    line = position = 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", position, token.start())
        position = token.start()
        if token["comma"]:
            continue
        if token["open"]:
            keys.append(set())
            count.check_depth(len(keys) - 1, line + 1)
        elif token["close"]:
            if len(keys) > 1:  # else the parser says what is wrong
                keys.pop()
            continue
        elif token["number"]:
            check_number_length(token["number"], line + 1)
            _check_value(token["number"], line + 1)
        elif token["colon"]:
            _check_key(token["text"], keys[-1], line + 1)
        count.add(1, line + 1)


def _check_value(written: str, line: int) -> None:
    try:
        value = int(written) if written.lstrip("-").isdigit() else float(written)
    except ValueError:
        return  # the parser says what is wrong
    check_number(written, value, line)


def _check_key(written: str, seen: set[str], line: int) -> None:
    try:
        key = json.loads(written)
    except ValueError:
        return  # the parser says what is wrong
    if key in seen:
        raise ConfigurationError(
            f"the key {shown(key)} is given twice (line {line}); keep one", line=line
        )
    seen.add(key)


def _check_texts(data: Any) -> None:
    if isinstance(data, str):
        check_text(data, None)
    elif isinstance(data, dict):
        for key, value in data.items():
            check_text(key, None)
            _check_texts(value)
    elif isinstance(data, list):
        for value in data:
            _check_texts(value)
