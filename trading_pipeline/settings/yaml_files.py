"""This file holds the reading of YAML (or JSON) files into plain values, with errors that name them."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from trading_pipeline.errors import ConfigurationError

__all__ = ["list_spec_files", "read_yaml"]

SPEC_SUFFIXES = (".yaml", ".yml", ".json")


class _StrictLoader(yaml.SafeLoader):
    """Safe loader that refuses a key given twice, which YAML would silently let the last one win."""


def _construct_mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            line = key_node.start_mark.line + 1
            raise ConfigurationError(f"the key '{key}' is given twice (line {line})")
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)


def read_yaml(path: Path) -> Any:
    """Plain values of a file; an empty file gives an empty dict.

    Raises `ConfigurationError` that names the file and the line for a file that is missing, is not
    text, is not YAML, or gives a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no file {path}.", path=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read as text: {error}.", path=str(path)
        ) from error
    try:
        data = yaml.load(text, Loader=_StrictLoader)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}; keep one.", path=str(path)) from error
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"{path} is not valid YAML: {_where(error)}", path=str(path)
        ) from error
    return {} if data is None else data


def list_spec_files(folder: Path) -> list[Path]:
    """YAML and JSON files of a folder in the order of their names; none where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix in SPEC_SUFFIXES and p.is_file())


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})." if mark else f"{problem}."
