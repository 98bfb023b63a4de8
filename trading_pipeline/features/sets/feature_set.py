"""What a feature and a feature set are: frozen values that name, describe and compute columns.

A feature of bar t uses bar t and earlier ones only. It has a value where the value no longer
depends on where the bars begin (to a relative 1e-6), and is NaN on the rows before, its warm-up. So
the same row is the same number whether it was computed from ten years of bars or from one window
and `warmup_bars` before it.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import ConfigurationError, TradingPipelineError, did_you_mean
from trading_pipeline.features.sets.context import FeatureContext, Memory
from trading_pipeline.own_code import error_place, is_failure
from trading_pipeline.settings.external_input import ExternalInputSpec

__all__ = ["FeatureContext", "FeatureSet", "FeatureSpec", "FloatArray", "plain_window"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """One feature: a column of numbers, one for each bar.

    `name`: the column; `version`: raised when its meaning changes. `inputs`: columns of the bars it
    reads. `lookback`: bars before bar t that the formula needs at least, so that its first value
    stands `lookback` rows in. `warmup`: rows until the value no longer depends on the first bar
    (equal to `lookback` for a plain window). `compute(bars, **parameters)` gives an array as long
    as the bars. `meaning`: one sentence with the unit.

    `part`: the place of this feature in what `compute` gives, where it gives several arrays at
    once; features with the same `compute` and parameters are computed together. `needs_context`:
    `compute` takes `context`, a `FeatureContext` (None for daily bars without one). `warmups`:
    shorter warm-ups by timeframe, where that depends on it. `memory`: "all" where a value depends
    on every bar back to the first; the feature is then computed from there on, and not held to its
    `warmup`. `module`: the module of a user's file that declares it, empty for all others.
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
    module: str = ""

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
        """What the formula gives for `bars`, as it is: unchecked, with values in the warm-up."""
        given = self.given(bars, context)
        return np.asarray(given if self.part is None else given[self.part], dtype="float64")

    def given(self, bars: pd.DataFrame, context: FeatureContext | None) -> Any:
        """What `compute` gives, all of its arrays where it gives several."""
        if not self.needs_context:
            return self._called(bars)
        if context is None and _are_intraday(bars):
            raise ConfigurationError(
                f"The feature {self.name!r} depends on the sessions of these intraday bars, which "
                "bars do not tell. Give context=FeatureContext(timeframe, calendar).",
                feature=self.name,
            )
        return self._called(bars, context=context)

    def _called(self, bars: pd.DataFrame, **context: FeatureContext | None) -> Any:
        try:
            return self.compute(bars, **context, **self.parameters)
        except TradingPipelineError:
            raise
        except BaseException as error:
            if not is_failure(error):
                raise
            from trading_pipeline.storage.disk_space import disk_full_error  # loads DuckDB

            full = disk_full_error(error, Path(os.environ["NUMBA_CACHE_DIR"]))
            if full is not None:  # the compiler's cache has no room: the formula is not to blame
                raise full from error
            raise ConfigurationError(
                f"The feature {self.name!r} failed on {len(bars)} bars: {type(error).__name__}: "
                f"{error}. See {error_place(error, _file_of(self.compute))}.",
                feature=self.name,
            ) from error


def plain_window(
    name: str,
    inputs: tuple[str, ...],
    lookback: int,
    compute: Callable[..., Any],
    meaning: str,
    *,
    part: int | None = None,
    **parameters: Any,
) -> FeatureSpec:
    """A feature of a plain window: it forgets every bar more than `lookback` bars old."""
    return FeatureSpec(
        name=name,
        version=1,
        inputs=inputs,
        lookback=lookback,
        warmup=lookback,
        compute=compute,
        parameters=parameters,
        meaning=meaning,
        part=part,
    )


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """A named, versioned list of features with different names.

    `inputs`: external inputs that are declared; formulas find them in their context.
    """

    name: str
    version: int
    specs: tuple[FeatureSpec, ...]
    inputs: tuple[ExternalInputSpec, ...] = ()

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
    def is_own(self) -> bool:
        """True where a column comes from a Python file of the user's."""
        return any(spec.module for spec in self.specs)

    @property
    def remembers_all(self) -> bool:
        """True where a column depends on every bar back to the first."""
        return any(spec.memory == "all" for spec in self.specs)

    @cached_property
    def hash(self) -> str:
        """sha256 over names, versions, parameters and the code that computes."""
        # late: it computes what is defined here
        from trading_pipeline.features.sets.computation import compute_features

        return canonical_hash(
            {
                "name": self.name,
                "version": self.version,
                "specs": [_spec_values(spec) for spec in self.specs],
                "code": code_hash(compute_features),
                **({"inputs": [each.hash for each in self.inputs]} if self.inputs else {}),
            }
        )


def _file_of(compute: Callable[..., Any]) -> Path:
    return Path(getattr(sys.modules.get(compute.__module__), "__file__", None) or "?")


def _are_intraday(bars: pd.DataFrame) -> bool:
    index = pd.DatetimeIndex(bars.index)
    return bool((index != index.normalize()).any())


def _spec_values(spec: FeatureSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "version": spec.version,
        "inputs": list(spec.inputs),
        "lookback": spec.lookback,
        "warmup": spec.warmup,
        "compute": code_hash(spec.compute),
        "parameters": dict(spec.parameters),
        "part": spec.part,
        "needs_context": spec.needs_context,
        "warmups": dict(spec.warmups),
        **({"memory": "all"} if spec.memory == "all" else {}),  # other sets keep their hash
    }
