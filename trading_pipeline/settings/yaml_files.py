"""Reads YAML (or JSON) files into plain values, with errors that name file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.bounded_json import parse_json
from trading_pipeline.settings.bounded_yaml import parse_yaml
from trading_pipeline.settings.file_limits import cut, read_text

__all__ = ["list_spec_files", "parse_settings", "read_yaml"]

SPEC_SUFFIXES = (".yaml", ".yml", ".json")


def read_yaml(path: Path) -> Any:
    """Plain values of a file; an empty file gives an empty dict.

    Raises `ConfigurationError` that names the file and the line for a file that is missing, is not
    text in UTF-8, is not YAML (or JSON, where its name ends so), gives a key twice, or is beyond
    one of the limits of `file_limits`. Nothing is built before it is counted.
    """
    data = parse_settings(read_text(path), path)
    return {} if data is None else data


def parse_settings(text: str, path: Path) -> Any:
    """Plain values of the text of a file; None for an empty text.

    Raises `ConfigurationError` as `read_yaml` does; `path` is named in it.
    """
    try:
        return parse_json(text) if path.suffix == ".json" else parse_yaml(text)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{path}: {error}.", **error.values | {"path": str(path)}
        ) from error
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{path} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno}).",
            path=str(path),
            line=error.lineno,
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigurationError(
            f"{path} is not valid YAML: {_where(error)}",
            path=str(path),
            line=mark.line + 1 if mark else None,
        ) from error


def list_spec_files(folder: Path) -> list[Path]:
    """YAML and JSON files of a folder in the order of their names; none where there is no folder.

    Raises `ConfigurationError` where a file stands in its place, or the folder cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(
            f"{folder} must be a folder of YAML files, and is a file. Move it away.",
            path=str(folder),
        )
    if not folder.is_dir():
        return []
    try:
        return sorted(p for p in folder.iterdir() if p.suffix in SPEC_SUFFIXES and p.is_file())
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be read: {error}. Give yourself the right to read it.",
            path=str(folder),
        ) from error


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = cut(" ".join((getattr(error, "problem", None) or str(error)).split()))
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})." if mark else f"{problem}."
