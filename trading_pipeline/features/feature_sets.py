"""This file holds feature sets: named, versioned lists of features, and their computation.

A feature of bar t uses bar t and earlier ones only. It has a value where the value no longer depends
on where the bars begin (to a relative 1e-6), and is NaN on the rows before, its warm-up. So the
same row is the same number whether it was computed from ten years of bars or from one window and
`warmup_bars` before it.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS, PRICE_COLUMNS
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    UnknownNameError,
    did_you_mean,
)

__all__ = [
    "FeatureSet",
    "FeatureSpec",
    "FloatArray",
    "compute_features",
    "feature_set",
    "feature_set_names",
    "register_feature_set",
]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """One feature: a column of numbers, one for each bar.

    `name`: the column; `version`: raised when its meaning changes. `inputs`: columns of the bars it
    reads. `lookback`: bars before bar t that the formula needs at least, so that its first value
    stands `lookback` rows in. `warmup`: rows until the value no longer depends on the first bar
    (equal to `lookback` for a plain window). `compute(bars, **parameters)` gives an array as long
    as the bars. `meaning`: one sentence with the unit.
    """

    name: str
    version: int
    inputs: tuple[str, ...]
    lookback: int
    warmup: int
    compute: Callable[..., FloatArray]
    parameters: Mapping[str, float] = field(default_factory=dict)
    meaning: str = ""

    def __post_init__(self) -> None:
        unknown = [column for column in self.inputs if column not in BAR_COLUMNS]
        if unknown:
            raise ConfigurationError(
                f"The feature {self.name!r} reads {unknown[0]!r}, which bars do not have. "
                f"{did_you_mean(unknown[0], BAR_COLUMNS)}",
                feature=self.name,
            )
        if not 0 <= self.lookback <= self.warmup:
            raise ConfigurationError(
                f"The feature {self.name!r} has a lookback of {self.lookback} and a warm-up of "
                f"{self.warmup} bars; 0 <= lookback <= warmup is needed.",
                feature=self.name,
                lookback=self.lookback,
                warmup=self.warmup,
            )


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """A named, versioned list of features with different names."""

    name: str
    version: int
    specs: tuple[FeatureSpec, ...]

    def __post_init__(self) -> None:
        if not self.specs or len(set(self.columns)) != len(self.specs):
            raise ConfigurationError(
                f"The feature set {self.name!r} needs at least one feature and no name twice; it "
                f"has {', '.join(self.columns) or 'none'}.",
                feature_set=self.name,
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features, in the order of the columns."""
        return tuple(spec.name for spec in self.specs)

    @property
    def warmup_bars(self) -> int:
        """Bars that must be given before the first row that is wanted."""
        return max(spec.warmup for spec in self.specs)

    @cached_property
    def hash(self) -> str:
        """sha256 over names, versions, parameters and the source text of the modules that compute."""
        return canonical_hash(
            {
                "name": self.name,
                "version": self.version,
                "specs": [_spec_values(spec) for spec in self.specs],
                "sources": _source_hashes(self.specs),
            }
        )


_REGISTRY: dict[str, FeatureSet] = {}


def register_feature_set(feature_set: FeatureSet) -> FeatureSet:
    """Make a feature set known by its name; a name taken by another set is a `ConfigurationError`."""
    known = _REGISTRY.get(feature_set.name)
    if known is not None and known.hash != feature_set.hash:
        raise ConfigurationError(
            f"There already is another feature set {feature_set.name!r}. Give yours another name.",
            name=feature_set.name,
        )
    _REGISTRY[feature_set.name] = feature_set
    return feature_set


def feature_set_names() -> tuple[str, ...]:
    """Names of all registered feature sets."""
    _load_shipped()
    return tuple(sorted(_REGISTRY))


def feature_set(name: str) -> FeatureSet:
    """The registered feature set of that name; `UnknownNameError` offers close ones.

    >>> "rsi_14" in feature_set("core").columns
    True
    """
    _load_shipped()
    if name not in _REGISTRY:
        raise UnknownNameError(
            f"There is no feature set {name!r}. {did_you_mean(name, _REGISTRY)}",
            name=name,
            kind="feature set",
        )
    return _REGISTRY[name]


def compute_features(feature_set: FeatureSet, bars: pd.DataFrame) -> pd.DataFrame:
    """The features of forward-adjusted `bars`: same index, one float64 column a feature.

    Row i of a column is NaN for i < warmup and a finite number from there on; nothing is filled.
    Fewer bars than the warm-up give NaN only. Volume may be 0 throughout. Raises `DataQualityError`
    for bars that are not in increasing order, have a NaN, an infinite value, a price of 0 or less
    or a negative volume, and, by name, for a feature that gives another length, an infinite value,
    or NaN after its warm-up.
    """
    _check_bars(bars)
    columns = {spec.name: _column(spec, bars) for spec in feature_set.specs}
    return pd.DataFrame(columns, index=bars.index.rename("ts"), dtype="float64")


def _column(spec: FeatureSpec, bars: pd.DataFrame) -> FloatArray:
    if len(bars) <= spec.warmup:
        return np.full(len(bars), np.nan)
    values = np.array(spec.compute(bars, **spec.parameters), dtype="float64")
    if values.shape != (len(bars),):
        raise DataQualityError(
            f"The feature {spec.name!r} gave values of shape {values.shape} for {len(bars)} bars; it "
            "must give one number for each bar.",
            feature=spec.name,
            shape=values.shape,
        )
    values[: spec.warmup] = np.nan
    wrong = np.flatnonzero(~np.isfinite(values[spec.warmup :]))
    if wrong.size:
        row = spec.warmup + int(wrong[0])
        raise DataQualityError(
            f"The feature {spec.name!r} is {values[row]} at {bars.index[row]} (row {row}), after its "
            f"warm-up of {spec.warmup} bars. Give the case a value in its formula, or declare a "
            "longer warm-up; nothing is filled.",
            feature=spec.name,
            ts=bars.index[row],
            row=row,
            value=float(values[row]),
        )
    return values


def _check_bars(bars: pd.DataFrame) -> None:
    missing = [column for column in BAR_COLUMNS if column not in bars.columns]
    if missing:
        raise DataQualityError(
            f"Bars lack the column(s) {', '.join(missing)}; features need {', '.join(BAR_COLUMNS)}.",
            missing=missing,
        )
    if not (bars.index.is_monotonic_increasing and bars.index.is_unique):
        raise DataQualityError(
            "The bars are not in increasing order of ts, or one stands there twice; features of such "
            "bars mean nothing. Sort them and drop the copies."
        )
    for column in BAR_COLUMNS:
        values = bars[column].to_numpy(dtype="float64")
        low_enough = values > 0.0 if column in PRICE_COLUMNS else values >= 0.0
        wrong = np.flatnonzero(~(np.isfinite(values) & low_enough))
        if wrong.size:
            row = int(wrong[0])
            raise DataQualityError(
                f"The {column} of bar {bars.index[row]} is {values[row]}; features need finite prices "
                "above 0 and volumes of 0 or more. Mend or reject the bar first.",
                ts=bars.index[row],
                row=row,
                column=column,
                value=float(values[row]),
            )


def _spec_values(spec: FeatureSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "version": spec.version,
        "inputs": list(spec.inputs),
        "lookback": spec.lookback,
        "warmup": spec.warmup,
        "compute": f"{spec.compute.__module__}.{spec.compute.__qualname__}",
        "parameters": dict(spec.parameters),
    }


def _source_hashes(specs: tuple[FeatureSpec, ...]) -> dict[str, str]:
    """Hashes of the computing modules and of this package's modules that they import from."""
    found: dict[str, str] = {}
    waiting = {spec.compute.__module__ for spec in specs}
    while waiting:
        name = waiting.pop()
        module = sys.modules[name]
        try:
            source = inspect.getsource(module)
        except (OSError, TypeError) as error:
            raise ConfigurationError(
                f"The source text of the module {name!r}, which computes a feature, cannot be read, so "
                "a change of it would go unseen. Put the formula into a file.",
                module=name,
            ) from error
        found[name] = hashlib.sha256(source.encode()).hexdigest()
        used = {getattr(value, "__module__", None) or "" for value in vars(module).values()}
        used |= {value.__name__ for value in vars(module).values() if inspect.ismodule(value)}
        package = __name__.rpartition(".")[0]
        waiting |= {n for n in used if n.startswith(package + ".") and n not in found}
    return found


def _load_shipped() -> None:
    """Import the modules that register the shipped sets; late, because they import this one."""
    from trading_pipeline.features import (
        core_features,  # noqa: F401
        pattern_features,  # noqa: F401
    )
