"""This file holds the feature sets that people add: Python files and YAML files of a folder.

`features/<set>.py` computes features of its own, `features/<set>.yaml` puts a set together from columns
that there are. The text of a Python file is part of its set's hash.
"""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import (
    ConfigurationError,
    TradingPipelineError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.features.indicators.columns import indicator_features
from trading_pipeline.features.sets.context import Memory
from trading_pipeline.features.sets.registry import (
    FeatureSet,
    FeatureSpec,
    feature_set,
    feature_set_names,
    replace_own_sets,
)
from trading_pipeline.settings.feature_set_file import FeatureSetFile

__all__ = ["feature", "load_own_sets"]

_MARK = "__feature_spec__"
_NAME = re.compile(r"^[a-z0-9_]{1,64}$")
_loaded: str | None = None


def feature(
    *,
    warmup: int,
    inputs: Sequence[str] = BAR_COLUMNS,
    name: str | None = None,
    version: int = 1,
    needs_context: bool = False,
    memory: Memory = "warmup",
    **parameters: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of bars a feature of the set that its file is.

    `warmup`: bars before the first row that counts; they become NaN. `inputs`: columns that it reads.
    `memory="all"`: a value depends on every bar back to the first (an expanding quantile, a drawdown
    since the start), so that no warm-up is long enough; the feature is then computed from the first
    bar on. `parameters` are given to the function. The function takes forward-adjusted bars (index ts, float64
    columns open, high, low, close, volume; with `needs_context` also `context`) and gives one number a
    bar; its first line of text is the column's description.

    >>> @feature(warmup=1, inputs=["close"])
    ... def change(bars):
    ...     "Change of the close, in its currency."
    ...     return bars["close"].diff()
    """

    def declare(compute: Callable[..., Any]) -> Callable[..., Any]:
        meaning = (compute.__doc__ or "").strip().partition("\n")[0].strip()
        spec = FeatureSpec(
            name=name or compute.__name__,
            version=version,
            inputs=tuple(inputs),
            lookback=0,
            warmup=warmup,
            compute=compute,
            parameters=parameters,
            meaning=meaning,
            needs_context=needs_context,
            memory=memory,
        )
        setattr(compute, _MARK, spec)
        return compute

    return declare


def load_own_sets(
    folder: Path | None, files: Mapping[str, FeatureSetFile], sources: Mapping[str, Path]
) -> dict[str, Path]:
    """Know the sets of a folder's Python files and of the parsed YAML `files`, and forget earlier ones.

    `sources` names the YAML files. Gives the file of each set by its name. Nothing is done where the
    texts are those of the last call. Raises `ConfigurationError` that begins with the file for one
    that does not run, declares no feature, or has the name of another set or file.
    """
    global _loaded  # what is known is the process's, as the registry is
    texts = {path: _text(path) for path in _python_files(folder)}
    fingerprint = canonical_hash(
        [
            [[str(path), text] for path, text in texts.items()],
            [[str(sources.get(name)), spec.hash] for name, spec in sorted(files.items())],
        ]
    )
    found = {path.stem: path for path in texts} | {name: sources[name] for name in files}
    if fingerprint == _loaded:
        return found
    _loaded = None
    own: dict[str, FeatureSet] = {}
    replace_own_sets(own)
    shipped = feature_set_names()
    for path, text in texts.items():
        with _naming(path):
            _ensure_free(path.stem, shipped, own)
            own[path.stem] = _python_set(path, text)
    replace_own_sets(own)  # so that YAML sets can name them
    made = dict(own)
    for name, spec in sorted(files.items()):
        with _naming(sources[name]):
            _ensure_free(name, shipped, made)
            made[name] = _yaml_set(spec)
    replace_own_sets(made)
    _loaded = fingerprint
    return found


def _python_files(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    return sorted(p for p in folder.glob("*.py") if p.is_file() and not p.name.startswith("_"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read as text: {error}.", path=str(path)
        ) from error


def _python_set(path: Path, text: str) -> FeatureSet:
    if not _NAME.match(path.stem):
        raise ConfigurationError(
            f"A feature set is called after its file, and {path.stem!r} is no name for one. Use small "
            "letters, digits and underscores.",
            name=path.stem,
        )
    module = ModuleType(f"own_features_{path.stem}")
    module.__file__ = str(path)
    # the hash must be of the text that runs, not of what the file holds a moment later
    linecache.cache[str(path)] = (len(text), None, text.splitlines(keepends=True), str(path))
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, str(path), "exec"), module.__dict__)
    except TradingPipelineError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"The file does not run: {_place(error, path)}{type(error).__name__}: {error}. Mend it, or "
            "take it out of the folder.",
            path=str(path),
        ) from error
    specs = [
        spec
        for value in vars(module).values()
        if isinstance(spec := getattr(value, _MARK, None), FeatureSpec)
    ]
    if not specs:
        raise ConfigurationError(
            "The file declares no feature. Put @feature(warmup=...) of "
            "trading_pipeline.features.own_features in front of a function.",
            path=str(path),
        )
    made = FeatureSet(name=path.stem, version=1, specs=tuple(specs))
    _ = made.hash  # while the text is at hand
    return made


def _place(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: "
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f"line {lines[-1]}: " if lines else ""


def _yaml_set(spec: FeatureSetFile) -> FeatureSet:
    specs: list[FeatureSpec] = []
    for entry in spec.columns:
        specs += _set_columns(entry) if "set" in entry else _indicator_columns(entry)
    return FeatureSet(name=spec.name, version=spec.version, specs=tuple(specs))


def _set_columns(entry: Mapping[str, Any]) -> list[FeatureSpec]:
    for key in entry:
        if key not in ("set", "only", "without"):
            raise UnknownNameError(
                f"Unknown key {key!r} beside 'set'. {did_you_mean(key, ('set', 'only', 'without'))}",
                name=key,
                kind="key",
            )
    chosen = feature_set(str(entry["set"]))
    named: dict[str, list[str]] = {}
    for key in ("only", "without"):
        value = entry.get(key, [])
        if not isinstance(value, list):
            raise ConfigurationError(
                f"{key!r} of the set {chosen.name!r} must be a list of columns, was {value!r}."
            )
        named[key] = [str(column) for column in value]
        for column in named[key]:
            if column not in chosen.columns:
                raise UnknownNameError(
                    f"The feature set {chosen.name!r} has no column {column!r}. "
                    f"{did_you_mean(column, chosen.columns)}",
                    name=column,
                    kind="column",
                )
    return [
        spec
        for spec in chosen.specs
        if ("only" not in entry or spec.name in named["only"]) and spec.name not in named["without"]
    ]


def _indicator_columns(entry: Mapping[str, Any]) -> tuple[FeatureSpec, ...]:
    if "indicator" not in entry:
        raise ConfigurationError(
            f"A column is {{set: ...}} or {{indicator: ...}}, was {dict(entry)!r}. "
            f"{did_you_mean(str(next(iter(entry), '')), ('set', 'indicator'))}"
        )
    options = {str(key): value for key, value in entry.items()}
    return indicator_features(str(options.pop("indicator")), **options)


def _ensure_free(name: str, shipped: Sequence[str], own: Mapping[str, FeatureSet]) -> None:
    if name in shipped or name in own:
        raise ConfigurationError(
            f"The feature set {name!r} is there already: it is "
            f"{'a shipped one' if name in shipped else 'made by another file of the folder'}. Give "
            "this file another name.",
            name=name,
        )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file in front of an error; its class stays where it is one of configuration."""
    try:
        yield
    except TradingPipelineError as error:
        kind = type(error) if isinstance(error, ConfigurationError) else ConfigurationError
        values = error.values | {"path": str(path)}
        raise kind(f"{path}: {error}", **values) from error
