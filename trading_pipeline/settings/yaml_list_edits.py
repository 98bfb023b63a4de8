"""Edits of a list in a YAML text that leave comments and layout alone.

They understand the layouts that people write: a key at the top level with a block list of one item
a line or of several lines, and a short list in brackets. For anything else they give None.
"""

from __future__ import annotations

import json
import re

import yaml
from pydantic import JsonValue

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.bounded_yaml import BoundedLoader

__all__ = ["with_item", "without_item"]

_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9._-]*$")
_READ_AS_OTHERS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def with_item(text: str, key: str, item: JsonValue) -> str | None:
    """The text with an item at the end of the list `key`, which is made where it is missing.

    >>> with_item("end: 2013-03-01\\n", "archived", "FB_1d")
    'end: 2013-03-01\\narchived:\\n  - FB_1d\\n'
    """
    root = _root(text)
    if root is None and not _is_blank(text):
        return None
    node = _value_of(root, key)
    line = f"- {_flow(item)}\n"
    if node is None:
        return f"{_ended(text)}{key}:\n  {line}"
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        return None
    if node.flow_style:
        end = node.value[-1].end_mark.index
        return f"{text[:end]}, {_flow(item)}{text[end:]}"
    indent = " " * node.start_mark.column
    end = _line_after(text, node.value[-1])
    head, tail = _ended(text[:end]), text[end:]
    return f"{head}{indent}{line}{tail}"


def without_item(text: str, key: str, position: int) -> str | None:
    """The text without an item of the list `key`; with its last item the key goes too."""
    root = _root(text)
    node = _value_of(root, key)
    if not isinstance(node, yaml.SequenceNode) or position >= len(node.value):
        return None
    if node.flow_style and len(node.value) > 1:
        return None
    item = first = node.value[position]
    if len(node.value) == 1:
        first = next(k for k, v in root.value if v is node)  # type: ignore[union-attr]
    start = text.rfind("\n", 0, first.start_mark.index) + 1
    return text[:start] + text[_line_after(text, item) :]


def _root(text: str) -> yaml.MappingNode | None:
    try:
        node = yaml.compose(text, Loader=BoundedLoader)
    except (yaml.YAMLError, ConfigurationError):
        return None
    return node if isinstance(node, yaml.MappingNode) and not node.flow_style else None


def _value_of(root: yaml.MappingNode | None, key: str) -> yaml.Node | None:
    if root is None:
        return None
    return next((value for name, value in root.value if name.value == key), None)


def _line_after(text: str, node: yaml.Node) -> int:
    """Where the line after a node begins; a comment behind it belongs to its line."""
    newline = text.find("\n", _end(node))
    return len(text) if newline < 0 else newline + 1


def _end(node: yaml.Node) -> int:
    """Where a node ends; YAML's own mark of a block lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    return end


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _is_blank(text: str) -> bool:
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())


def _flow(value: JsonValue) -> str:
    """A value on one line, words without quotes where YAML reads them as words."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, str):
        plain = _PLAIN_WORD.match(value) and value.casefold() not in _READ_AS_OTHERS
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
