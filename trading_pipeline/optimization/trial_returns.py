"""Bar returns of a study's trials side by side, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import JsonValue

from trading_pipeline.backtest.scenario_runner import (
    ScenarioInputs,
    scenario_settings,
    traded_bars,
    traded_year,
)
from trading_pipeline.backtest.sweeps.run import run_sweep
from trading_pipeline.errors import OptimizationError, StrategyError
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.strategies import SHIPPED, StrategyCatalogue

__all__ = ["TrialReturns", "sampled_trials", "trial_returns"]

MOST_TRIALS = 500
MOST_VALUES = 20_000_000
"""160 megabytes of returns at the most."""


@dataclass(frozen=True, eq=False)
class TrialReturns:
    """Simple bar returns, (bars, columns), and the trial of each column.

    `left_out`: trials that were not run again, since there are too many for the memory or their
    strategy raised.
    """

    returns: npt.NDArray[np.float64]
    trials: npt.NDArray[np.int64]
    left_out: int


def sampled_trials(
    values: npt.ArrayLike, bars: int, *, most_trials: int = MOST_TRIALS, seed: int = 7
) -> npt.NDArray[np.int64]:
    """Rows of the trials whose returns fit into memory: the best and a seeded sample, in order.

    `values`: of the metric, NaN where undefined. At most `most_trials`, and as many as make
    20,000,000 returns (at least two).
    """
    given = np.asarray(values, dtype=np.float64)
    most = max(2, min(most_trials, MOST_VALUES // max(bars, 1)))
    if given.size <= most:
        return np.arange(given.size, dtype=np.int64)
    best = -1 if np.isnan(given).all() else int(np.nanargmax(given))
    drawn = np.random.default_rng(seed).permutation(given.size)
    kept = [best] if best >= 0 else []
    others = drawn[drawn != best][: most - len(kept)]
    return np.sort(np.concatenate((np.array(kept, dtype=np.int64), others.astype(np.int64))))


def trial_returns(
    name: str,
    scenario: ScenarioSpec,
    inputs: ScenarioInputs,
    parameters: Sequence[Mapping[str, JsonValue]],
    values: npt.ArrayLike,
    strategies: StrategyCatalogue = SHIPPED,
    *,
    most_trials: int = MOST_TRIALS,
) -> TrialReturns:
    """Bar returns of the trials of a strategy, each from a run of its own on the scenario's bars.

    Parameters
    ----------
    name
        The strategy.
    scenario, inputs
        What is traded, and the bars.
    parameters, values
        One set and one value of the metric a trial; of too many trials the best and a seeded sample
        are taken (`sampled_trials`).
    strategies
        Where the strategy is found.

    An account that is ruined has NaN from then on. A set for which the strategy raises is left out
    and counted. Raises `OptimizationError` for another number of values than of sets, and what
    `traded_bars` raises.
    """
    if np.shape(values) != (len(parameters),):
        raise OptimizationError(
            f"There are {len(parameters)} parameter sets and values of the shape "
            f"{np.shape(values)}; each set needs one value."
        )
    bars, rows = traded_bars(scenario, inputs)
    settings = scenario_settings(scenario, inputs.instrument, traded_year(inputs, bars).bars)
    market = inputs.market.traded_from(rows.start)
    chosen = sampled_trials(values, len(bars), most_trials=most_trials)
    sets, kept = [], []
    for row in chosen.tolist():
        try:
            sets.append(strategies.validate_params(name, parameters[row]).model_dump())
        except StrategyError:
            continue
        kept.append(row)
    try:
        found = run_sweep(
            bars, name, sets, settings, actions=inputs.actions, market=market,
            strategies=strategies,
        )  # fmt: skip
    except StrategyError:  # of every set
        nothing = np.empty((len(bars), 0))
        return TrialReturns(nothing, np.empty(0, dtype=np.int64), left_out=len(parameters))
    traded = [at for at in range(len(sets)) if at not in found.errors]
    returns, kept = found.returns(traded), [kept[at] for at in traded]
    return TrialReturns(
        returns=returns,
        trials=np.array(kept, dtype=np.int64),
        left_out=len(parameters) - len(kept),
    )
