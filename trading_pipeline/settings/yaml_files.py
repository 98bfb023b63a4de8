"""Reads YAML (or JSON) files into plain values, with errors that name file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from trading_pipeline.errors import ConfigurationError

__all__ = ["list_spec_files", "read_yaml"]

SPEC_SUFFIXES = (".yaml", ".yml", ".json")


class _StrictLoader(yaml.SafeLoader):
    """Safe loader that refuses a key given twice, of which YAML would silently keep the last.

    It also reads 1e-3 as a number, as YAML 1.2 does, and names the line of an invalid date.
    """


def _construct_mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, Hashable):
            raise ConfigurationError(f"a key must be a plain word, was {key!r} (line {line})")
        if key in seen:
            raise ConfigurationError(f"the key '{key}' is given twice (line {line}); keep one")
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


def _construct_date(loader: _StrictLoader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError as error:
        line = node.start_mark.line + 1
        raise ConfigurationError(f"{node.value!r} is no date: {error} (line {line})") from error


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)
_StrictLoader.add_constructor("tag:yaml.org,2002:timestamp", _construct_date)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+|[0-9]*\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_yaml(path: Path) -> Any:
    """Plain values of a file; an empty file gives an empty dict.

    Raises `ConfigurationError` that names the file and the line for a file that is missing, is not
    text, is not YAML (or JSON, where its name ends so), or gives a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no file {path}.", path=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read as text: {error}.", path=str(path)
        ) from error
    try:
        data = _parse(text, is_json=path.suffix == ".json")
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}.", path=str(path)) from error
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{path} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno}).",
            path=str(path),
        ) from error
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"{path} is not valid YAML: {_where(error)}", path=str(path)
        ) from error
    return {} if data is None else data


def list_spec_files(folder: Path) -> list[Path]:
    """YAML and JSON files of a folder in the order of their names; none where there is no
    folder."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix in SPEC_SUFFIXES and p.is_file())


def _parse(text: str, *, is_json: bool) -> Any:
    if not is_json:
        return yaml.load(text, Loader=_StrictLoader)
    return json.loads(text, object_pairs_hook=_json_object) if text.strip() else None


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ConfigurationError(f"the key '{twice}' is given twice; keep one")
    return found


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})." if mark else f"{problem}."
