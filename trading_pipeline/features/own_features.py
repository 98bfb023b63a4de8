"""Feature sets of a user's own: Python files and YAML files of a folder.

`features/<set>.py` computes features of its own; `features/<set>.yaml` puts a set together from
columns that exist already. The code of a Python file is part of its set's hash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.features.indicators.columns import indicator_features
from trading_pipeline.features.input_columns import input_feature
from trading_pipeline.features.sets.context import Memory
from trading_pipeline.features.sets.registry import (
    SHIPPED_SETS,
    FeatureSet,
    FeatureSets,
    FeatureSpec,
)
from trading_pipeline.own_code import FreshCopies, collect, load_own_code
from trading_pipeline.settings.external_input import ExternalInputSpec, declared_in
from trading_pipeline.settings.feature_set_file import FeatureSetFile

__all__ = ["feature", "fresh_sets", "own_feature_sets"]

_MARK = "__feature_spec__"
KIND = "feature set"


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

    The function takes forward-adjusted bars (index ts, float64 columns open, high, low, close,
    volume) and gives one number a bar. The first line of its docstring describes the column.

    Parameters
    ----------
    warmup
        Bars before the first row that counts; they become NaN.
    inputs
        Columns of the bars that the function reads.
    name, version
        Of the column; the function's name where none is given.
    needs_context
        Whether the function also takes `context`: the bars' timeframe and calendar, and the rows
        of declared inputs as known at each bar (`context.inputs["vix"]`).
    memory
        "all" where a value depends on every bar back to the first (an expanding quantile, a
        drawdown since the start), so that no warm-up is long enough; the feature is then computed
        from the first bar on.
    **parameters
        Handed to the function by keyword.

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


def own_feature_sets(
    folder: Path | None, files: Mapping[str, FeatureSetFile], sources: Mapping[str, Path]
) -> FeatureSets:
    """The shipped sets, those of a folder's Python files, and those of the parsed YAML `files`.

    `sources` names the YAML files. A file that does not run, declares no feature, names something
    unknown or has the name of another set is no set: asking for it by name raises its error.
    """
    python = load_own_code(folder, KIND, _python_set, SHIPPED_SETS)
    known = FeatureSets(python)
    specs = {sources[name]: spec for name, spec in sorted(files.items())}

    def made(path: Path) -> tuple[str, FeatureSet]:
        return specs[path].name, _yaml_set(specs[path], known)

    return FeatureSets(collect(KIND, dict.fromkeys(specs, ""), made, SHIPPED_SETS, python))


def fresh_sets(chosen: FeatureSet) -> FreshCopies[FeatureSet]:
    """The set with the functions of the user's files made anew for each use."""
    own = sorted({spec.module for spec in chosen.specs if spec.module})

    def renewed(imported: Callable[[str], ModuleType]) -> FeatureSet:
        anew = {
            (name, spec.name): replace(spec, module=name)
            for name in own
            for spec in _declared(imported(name))
        }
        specs = tuple(anew.get((spec.module, spec.name), spec) for spec in chosen.specs)
        return replace(chosen, specs=specs)

    return FreshCopies(own[0] if own else "", renewed, chosen)


def _declared(module: ModuleType) -> list[FeatureSpec]:
    """What the functions of a module are marked as."""
    return [
        spec
        for value in vars(module).values()
        if isinstance(spec := getattr(value, _MARK, None), FeatureSpec)
    ]


def _python_set(module: ModuleType) -> tuple[str, FeatureSet]:
    name = module.__name__.rpartition(".")[2]
    specs = [replace(spec, module=module.__name__) for spec in _declared(module)]
    if not specs:
        raise ConfigurationError(
            "The file declares no feature. Put @feature(warmup=...) of "
            "trading_pipeline.features.own_features in front of a function."
        )
    inputs = declared_in(vars(module), where="The file")
    made = FeatureSet(name=name, version=1, specs=tuple(specs), inputs=inputs)
    _ = made.hash  # while the text is at hand
    return name, made


def _yaml_set(spec: FeatureSetFile, known: FeatureSets) -> FeatureSet:
    specs: list[FeatureSpec] = []
    inputs = {each.name: each for each in spec.inputs}
    for entry in spec.columns:
        if "set" in entry:
            chosen, columns = _set_columns(entry, known)
            specs += columns
            _add_inputs(inputs, chosen)
        elif "input" in entry:
            specs.append(input_feature(entry, inputs))
        else:
            specs += _indicator_columns(entry)
    return FeatureSet(
        name=spec.name, version=spec.version, specs=tuple(specs), inputs=tuple(inputs.values())
    )


def _add_inputs(inputs: dict[str, ExternalInputSpec], chosen: FeatureSet) -> None:
    for each in chosen.inputs:
        if inputs.setdefault(each.name, each) != each:
            raise ConfigurationError(
                f"The input {each.name!r} of the set {chosen.name!r} is another one than the input "
                "of that name here. Give one of them another name.",
                input=each.name,
            )


def _set_columns(
    entry: Mapping[str, Any], known: FeatureSets
) -> tuple[FeatureSet, list[FeatureSpec]]:
    for key in entry:
        if key not in ("set", "only", "without"):
            raise UnknownNameError(
                f"Unknown key {key!r} beside 'set'. "
                f"{did_you_mean(key, ('set', 'only', 'without'))}",
                name=key,
                kind="key",
            )
    chosen = known.get(str(entry["set"]))
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
    return chosen, [
        spec
        for spec in chosen.specs
        if ("only" not in entry or spec.name in named["only"]) and spec.name not in named["without"]
    ]


def _indicator_columns(entry: Mapping[str, Any]) -> tuple[FeatureSpec, ...]:
    if "indicator" not in entry:
        raise ConfigurationError(
            f"A column is {{set: ...}}, {{indicator: ...}} or {{input: ...}}, was {dict(entry)!r}. "
            f"{did_you_mean(str(next(iter(entry), '')), ('set', 'indicator', 'input'))}"
        )
    options = {str(key): value for key, value in entry.items()}
    return indicator_features(str(options.pop("indicator")), **options)
