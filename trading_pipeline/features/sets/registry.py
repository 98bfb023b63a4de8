"""This file holds feature sets: named, versioned lists of features, and their computation.

A feature of bar t uses bar t and earlier ones only. It has a value where the value no longer depends
on where the bars begin (to a relative 1e-6), and is NaN on the rows before, its warm-up. So the
same row is the same number whether it was computed from ten years of bars or from one window and
`warmup_bars` before it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS, PRICE_COLUMNS
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    TradingPipelineError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.features.sets.context import FeatureContext, Memory
from trading_pipeline.features.source_hashes import source_hashes

__all__ = [
    "FeatureContext",
    "FeatureSet",
    "FeatureSpec",
    "FloatArray",
    "compute_features",
    "feature_set",
    "feature_set_names",
    "register_feature_set",
    "replace_own_sets",
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

    `part`: the place of this feature in what `compute` gives, where it gives several arrays at once;
    features with the same `compute` and parameters are computed together. `needs_context`: `compute`
    takes `context`, a `FeatureContext` (None for daily bars without one). `warmups`: shorter warm-ups
    by timeframe, where that depends on it. `memory`: "all" where a value depends on every bar back
    to the first; the feature is then computed from there on, and not held to its `warmup`.
    """

    name: str
    version: int
    inputs: tuple[str, ...]
    lookback: int
    warmup: int
    compute: Callable[..., Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    meaning: str = ""
    part: int | None = None
    needs_context: bool = False
    warmups: Mapping[str, int] = field(default_factory=dict)
    memory: Memory = "warmup"

    def __post_init__(self) -> None:
        unknown = [column for column in self.inputs if column not in BAR_COLUMNS]
        if unknown:
            raise ConfigurationError(
                f"The feature {self.name!r} reads {unknown[0]!r}, which bars do not have. "
                f"{did_you_mean(unknown[0], BAR_COLUMNS)}",
                feature=self.name,
            )
        if self.memory not in get_args(Memory):
            raise ConfigurationError(
                f"The feature {self.name!r} has the memory {self.memory!r}; expected 'warmup' or "
                f"'all'. {did_you_mean(str(self.memory), get_args(Memory))}",
                feature=self.name,
                memory=self.memory,
            )
        if not 0 <= self.lookback <= min((self.warmup, *self.warmups.values())):
            raise ConfigurationError(
                f"The feature {self.name!r} has a lookback of {self.lookback} and a warm-up of "
                f"{self.warmup} bars; 0 <= lookback <= warmup is needed.",
                feature=self.name,
                lookback=self.lookback,
                warmup=self.warmup,
            )

    def warmup_in(self, context: FeatureContext | None) -> int:
        """Rows until the value no longer depends on the first bar, for bars of that context."""
        return self.warmup if context is None else self.warmups.get(context.timeframe, self.warmup)

    def values(self, bars: pd.DataFrame, context: FeatureContext | None = None) -> FloatArray:
        """What the formula gives for `bars`, as it is: unchecked, and with values in the warm-up."""
        given = self._given(bars, context)
        return np.asarray(given if self.part is None else given[self.part], dtype="float64")

    def _given(self, bars: pd.DataFrame, context: FeatureContext | None) -> Any:
        if not self.needs_context:
            return self._called(bars)
        if context is None and _are_intraday(bars):
            raise ConfigurationError(
                f"The feature {self.name!r} depends on the sessions of these intraday bars, which bars "
                "do not tell. Give context=FeatureContext(timeframe, calendar).",
                feature=self.name,
            )
        return self._called(bars, context=context)

    def _called(self, bars: pd.DataFrame, **context: FeatureContext | None) -> Any:
        try:
            return self.compute(bars, **context, **self.parameters)
        except TradingPipelineError:
            raise
        except Exception as error:
            from trading_pipeline.storage.disk_space import disk_full_error  # loads DuckDB

            full = disk_full_error(error, Path(os.environ["NUMBA_CACHE_DIR"]))
            if full is not None:  # the compiler's cache has no room: the formula is not to blame
                raise full from error
            raise ConfigurationError(
                f"The feature {self.name!r} failed on {len(bars)} bars: {type(error).__name__}: {error}. "
                f"See {self.compute.__qualname__} in {self.compute.__module__}.",
                feature=self.name,
            ) from error


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """A named, versioned list of features with different names."""

    name: str
    version: int
    specs: tuple[FeatureSpec, ...]

    def __post_init__(self) -> None:
        if not self.specs:
            raise ConfigurationError(
                f"The feature set {self.name!r} needs at least one feature; it has none.",
                feature_set=self.name,
            )
        twice = sorted(name for name, count in Counter(self.columns).items() if count > 1)
        if twice:
            raise ConfigurationError(
                f"The feature set {self.name!r} needs different names for its features; it has "
                f"{', '.join(twice)} twice. Rename one or leave it out.",
                feature_set=self.name,
                feature=twice[0],
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features, in the order of the columns."""
        return tuple(spec.name for spec in self.specs)

    @property
    def warmup_bars(self) -> int:
        """Bars that must be given before the first row that is wanted."""
        return max(spec.warmup for spec in self.specs)

    def warmup_in(self, context: FeatureContext | None) -> int:
        """As `warmup_bars`, for bars of that context."""
        return max(spec.warmup_in(context) for spec in self.specs)

    @property
    def remembers_all(self) -> bool:
        """True where a column depends on every bar back to the first."""
        return any(spec.memory == "all" for spec in self.specs)

    @cached_property
    def hash(self) -> str:
        """sha256 over names, versions, parameters and the source text of the modules that compute."""
        return canonical_hash(
            {
                "name": self.name,
                "version": self.version,
                "specs": [_spec_values(spec) for spec in self.specs],
                "sources": source_hashes({spec.compute.__module__ for spec in self.specs}),
            }
        )


_REGISTRY: dict[str, FeatureSet] = {}
_OWN: dict[str, FeatureSet] = {}


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


def replace_own_sets(sets: Mapping[str, FeatureSet]) -> None:
    """Let `sets` be the ones that people's files add, in place of those before."""
    own = dict(sets)
    _OWN.clear()
    _OWN.update(own)


def feature_set_names() -> tuple[str, ...]:
    """Names of all feature sets, shipped, registered and of people's files."""
    _load_shipped()
    return tuple(sorted({*_REGISTRY, *_OWN}))


def feature_set(name: str) -> FeatureSet:
    """The registered feature set of that name; `UnknownNameError` offers close ones.

    >>> "rsi_14" in feature_set("core").columns
    True
    """
    _load_shipped()
    known = _OWN if name in _OWN else _REGISTRY
    if name not in known:
        raise UnknownNameError(
            f"There is no feature set {name!r}. {did_you_mean(name, feature_set_names())}",
            name=name,
            kind="feature set",
        )
    return known[name]


def compute_features(
    feature_set: FeatureSet,
    bars: pd.DataFrame,
    *,
    context: FeatureContext | None = None,
    complete: bool = True,
) -> pd.DataFrame:
    """The features of forward-adjusted `bars`: same index, one float64 column a feature.

    Row i of a column is NaN for i < warmup and a finite number from there on; nothing is filled.
    Fewer bars than the warm-up give NaN only. Volume may be 0 throughout. `context` is needed for
    intraday bars by features that read sessions, and by those of coarser bars. The frame is one block
    of 8 bytes a value, and what a formula needs besides is let go before the next one. With
    `complete=False` NaN after the warm-up is left for an audit to judge.

    Raises `DataQualityError` for bars that are not in increasing order, have a NaN, an infinite value,
    a price of 0 or less or a negative volume, and, by name, for a feature that gives another length,
    an infinite value, or NaN after its warm-up.
    """
    _check_bars(bars)
    _keep_freed_memory()
    specs = feature_set.specs
    block = np.empty((len(specs), len(bars)))
    together: dict[str, list[int]] = {}
    for place, spec in enumerate(specs):
        if len(bars) > spec.warmup_in(context):
            together.setdefault(_computed_as(spec), []).append(place)
        else:
            block[place] = np.nan
    for places in together.values():
        given = specs[places[0]]._given(bars, context)
        for place in places:
            part = specs[place].part
            values = given if part is None else given[part]
            _fill(block[place], specs[place], values, bars, specs[place].warmup_in(context))
            if complete or np.isinf(block[place]).any():
                _check_values(block[place], specs[place], bars, specs[place].warmup_in(context))
        given = None
    return pd.DataFrame(
        block.T, index=bars.index.rename("ts"), columns=list(feature_set.columns), copy=False
    )


@cache
def _keep_freed_memory() -> None:
    """Let the C library keep up to 64 MB for reuse; it does once a block of 32 MB has been freed.

    Otherwise each column's scratch arrays are mapped, paged in and given back again, which takes longer
    than the arithmetic. The block itself is never touched.
    """
    np.empty(31 * 2**20, dtype=np.uint8)


def _computed_as(spec: FeatureSpec) -> str:
    """Equal for features that one call gives; only those with a part share one."""
    if spec.part is None:
        return spec.name
    where = f"{spec.compute.__module__}.{spec.compute.__qualname__}"
    return f"{where} {sorted(spec.parameters.items())}"


def _fill(row: FloatArray, spec: FeatureSpec, given: Any, bars: pd.DataFrame, warmup: int) -> None:
    values = np.asarray(given, dtype="float64")
    if values.shape != (len(bars),):
        raise DataQualityError(
            f"The feature {spec.name!r} gave values of shape {values.shape} for {len(bars)} bars; it "
            "must give one number for each bar.",
            feature=spec.name,
            shape=values.shape,
        )
    row[:warmup] = np.nan
    row[warmup:] = values[warmup:]


def _check_values(row: FloatArray, spec: FeatureSpec, bars: pd.DataFrame, warmup: int) -> None:
    # a sum is finite where all values are; only otherwise is it worth looking at each
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(row[warmup:].sum()):
            return
    wrong = np.flatnonzero(~np.isfinite(row[warmup:]))
    if wrong.size:
        place = warmup + int(wrong[0])
        raise DataQualityError(
            f"The feature {spec.name!r} is {row[place]} at {bars.index[place]} (row {place}), after "
            f"its warm-up of {warmup} bars. Give the case a value in its formula, or declare a "
            "longer warm-up; nothing is filled.",
            feature=spec.name,
            ts=bars.index[place],
            row=place,
            value=float(row[place]),
        )


def _are_intraday(bars: pd.DataFrame) -> bool:
    index = pd.DatetimeIndex(bars.index)
    return bool((index != index.normalize()).any())


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
        low = 0.0 if column not in PRICE_COLUMNS else np.nextafter(0.0, 1.0)
        # a comparison with NaN is False
        if not len(values) or (values.min() >= low and values.max() < np.inf):
            continue
        low_enough = values >= low
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
        "part": spec.part,
        "needs_context": spec.needs_context,
        "warmups": dict(spec.warmups),
        **({"memory": "all"} if spec.memory == "all" else {}),  # other sets keep their hash
    }


def _load_shipped() -> None:
    """Import the modules that register the shipped sets; late, because they import this one."""
    from trading_pipeline.features.sets import (  # noqa: F401
        alpha158,
        candles,
        coarse,
        core,
        fractional,
        lags,
        patterns,
    )
