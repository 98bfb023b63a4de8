"""A case of the zoo: a feature with its warm-up, and the bars that it is tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.features.audits.comparison import CausalityFinding
from trading_pipeline.features.audits.features import audit_feature_set
from trading_pipeline.features.sets.context import FeatureContext, Memory
from trading_pipeline.features.sets.registry import FeatureSet, FeatureSpec
from trading_pipeline.stages.features.features import CUTS_OF_A_RUN
from trading_pipeline_tests.features.conftest import random_walk


@dataclass(frozen=True, kw_only=True)
class Case:
    """`bars`: the market that it is tried on, a key of `MARKETS`."""

    name: str
    warmup: int
    compute: Callable[[pd.DataFrame], np.ndarray]
    bars: str = "daily"
    memory: Memory = "warmup"

    def __str__(self) -> str:
        return self.name


class Zoo(dict[str, Case]):
    """Cases by name; its call is a decorator that adds one."""

    def __call__(self, warmup: int, bars: str = "daily", **others):
        def add(compute):
            def finished(part: pd.DataFrame) -> np.ndarray:
                values = np.asarray(compute(part), dtype="float64")
                # as people do, so that a missing future is no NaN
                return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)

            name = compute.__name__
            chosen = compute if others.pop("keeps_nan", False) else finished
            self[name] = Case(name=name, warmup=warmup, compute=chosen, bars=bars, **others)
            return compute

        return add


def daily(seed: int, rows: int = 1500) -> pd.DataFrame:
    """Business days with fat tails; a few of them without any volume."""
    bars = random_walk(rows, seed)
    generator = np.random.default_rng([seed, 1])
    bars.loc[bars.index[generator.choice(rows, 12, replace=False)], "volume"] = 0.0
    return bars


def sessions(seed: int, days: int, minutes: int) -> pd.DataFrame:
    """Bars of New York's summer hours, 13:30 to 20:00 UTC, with a gap overnight."""
    dates = pd.bdate_range("2019-04-01", periods=days)
    within = pd.to_timedelta(np.arange(0, 390, minutes), unit="min") + pd.Timedelta("13h30min")
    index = pd.DatetimeIndex((dates.to_numpy()[:, None] + within.to_numpy()).ravel(), tz="UTC")
    bars = random_walk(len(index), seed)
    share = np.sqrt(minutes / 390.0)  # of a day's volatility
    steps = np.log(bars["close"]).diff().fillna(0.0).to_numpy() * share
    generator = np.random.default_rng([seed, 2])
    first = np.append(True, index[1:].date != index[:-1].date)
    steps += np.where(first, generator.standard_t(4, len(index)) * 0.008, 0.0)
    close = 100.0 * np.exp(np.cumsum(steps))
    shapes = bars[["open", "high", "low", "close"]].div(bars["close"], axis=0).to_numpy() ** share
    prices = shapes * close[:, None]
    frame = pd.DataFrame(prices, columns=["open", "high", "low", "close"])
    frame["volume"] = bars["volume"].to_numpy()
    return frame.set_axis(index.as_unit("us").rename("ts"), axis=0)


MARKETS = {
    "daily": daily,
    "five_minutes": lambda seed: sessions(seed, 25, 5),
    "hourly": lambda seed: sessions(seed, 215, 60),
}
CONTEXTS = {
    "daily": FeatureContext(Timeframe.D1, "XNYS"),
    "five_minutes": FeatureContext(Timeframe.M5, "XNYS"),
    "hourly": FeatureContext(Timeframe.H1, "XNYS"),
}


def as_sets(cases: Iterable[Case]) -> dict[str, FeatureSet]:
    """One feature set a market, with the cases of that market as its columns."""
    specs: dict[str, list[FeatureSpec]] = {}
    for case in cases:
        spec = FeatureSpec(
            name=case.name,
            version=1,
            inputs=("close",),
            lookback=0,
            warmup=case.warmup,
            compute=case.compute,
            memory=case.memory,
        )
        specs.setdefault(case.bars, []).append(spec)
    return {
        bars: FeatureSet(name="zoo", version=1, specs=tuple(those)) for bars, those in specs.items()
    }


def columns_found(cases: Iterable[Case], seed: int) -> dict[str, CausalityFinding]:
    """The first finding of each column that the audit of a run finds, by name."""
    found: dict[str, CausalityFinding] = {}
    for bars, chosen in as_sets(cases).items():
        market = MARKETS[bars](seed)
        for finding in audit_feature_set(
            chosen, market, context=CONTEXTS[bars], cuts=CUTS_OF_A_RUN, seed=seed
        ):
            found.setdefault(finding.column, finding)
    return found
