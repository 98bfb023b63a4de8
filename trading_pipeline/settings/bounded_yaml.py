"""Parses YAML text into plain values, and counts what it holds before anything is built.

Only what settings need is read: mappings, lists, texts, numbers, dates, anchors, aliases and merge
keys. Explicit tags are refused, and so is every file beyond the limits of `file_limits`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import Any

import yaml
from yaml.composer import Composer

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.file_limits import (
    NodeCount,
    check_number,
    check_number_length,
    check_text,
    shown,
)

__all__ = ["BoundedLoader", "parse_yaml"]

_TAG = "tag:yaml.org,2002:"
_NUMBERS = (f"{_TAG}int", f"{_TAG}float")
_SPECIAL_WORDS = (f"{_TAG}merge", f"{_TAG}value")


class BoundedLoader(Composer, yaml.CSafeLoader):
    """Safe loader that counts keys, values and depth while it reads, before it builds a value.

    The text is read by libyaml's parser, ten times as fast as Python's. It refuses a key given
    twice, of which YAML would silently keep the last. It reads 1e-3 as a number, as YAML 1.2 does,
    and names the line of whatever is wrong.
    """

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)  # its nodes are counted; those of libyaml are not
        self._count = NodeCount()
        self._depth = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """One node, counted; an alias counts as all that it repeats."""
        event: Any = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in self.anchors and event.anchor not in self._sizes:
                raise ConfigurationError(
                    f"the alias '*{event.anchor}' stands inside the value that it repeats (line "
                    f"{line}); write the value out",
                    line=line,
                )
            self._count.add(self._sizes.get(str(event.anchor), 1), line)
            return super().compose_node(parent, index)
        if event.tag is not None:
            raise ConfigurationError(
                f"not valid YAML for settings: the tag {shown(event.tag)} is not read (line "
                f"{line}); write the value without a tag",
                line=line,
            )
        before = self._count.nodes
        self._count.add(1, line)
        self._depth += not isinstance(event, yaml.ScalarEvent)
        self._count.check_depth(self._depth, line)
        node = super().compose_node(parent, index)
        self._depth -= not isinstance(event, yaml.ScalarEvent)
        if event.anchor is not None:
            self._sizes[event.anchor] = self._count.nodes - before
        return node

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        """A scalar whose number of characters is checked before it becomes a number."""
        node = super().compose_scalar_node(anchor)
        line = node.start_mark.line + 1
        if node.tag in _NUMBERS:
            check_number_length(node.value, line)
        check_text(node.value, line)
        return node


def parse_yaml(text: str) -> Any:
    """Plain values of a YAML text; None for an empty one.

    Raises `ConfigurationError` with `line` for what is refused here, and `yaml.YAMLError` for what
    is no YAML at all.
    """
    try:
        return yaml.load(text, Loader=BoundedLoader)
    except ConfigurationError:
        raise
    except (ValueError, IndexError, RecursionError) as error:  # escapes the parser checks not
        raise yaml.YAMLError(f"{type(error).__name__}: {error}") from error


def _construct_mapping(loader: BoundedLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        if key_node.tag == f"{_TAG}merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, Hashable):
            raise ConfigurationError(
                f"a key must be a plain word, was {shown(key)} (line {line})", line=line
            )
        if key in seen:
            raise ConfigurationError(
                f"the key {shown(str(key))} is given twice (line {line}); keep one", line=line
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


def _checked(kind: str, construct: Callable[..., Any]) -> Callable[..., Any]:
    """A constructor of scalars whose errors name the value and its line."""

    def constructed(loader: BoundedLoader, node: yaml.ScalarNode) -> Any:
        line = node.start_mark.line + 1
        try:
            value = construct(loader, node)
        except (ValueError, OverflowError) as error:
            raise ConfigurationError(
                f"{shown(node.value)} is no {kind}: {error} (line {line})", line=line
            ) from error
        if kind == "number":
            check_number(node.value, value, line)
        return value

    return constructed


def _refuse_special_word(_: BoundedLoader, node: yaml.Node) -> Any:
    line = node.start_mark.line + 1
    raise ConfigurationError(
        f"{shown(node.value)} has a meaning of its own in YAML (line {line}); put it in quotes "
        "where a text is meant",
        line=line,
    )


BoundedLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)
for _name, _kind in (("int", "number"), ("float", "number"), ("timestamp", "date")):
    BoundedLoader.add_constructor(
        f"{_TAG}{_name}",
        _checked(_kind, getattr(yaml.SafeLoader, f"construct_yaml_{_name}")),
    )
for _word in _SPECIAL_WORDS:
    BoundedLoader.add_constructor(_word, _refuse_special_word)
BoundedLoader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"[-+]?(?:[0-9]+|[0-9]*\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)
