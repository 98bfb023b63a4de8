"""How robust the best of a study is: every statistic of the search, as values for JSON.

What could not be computed is there under its name as `{"not_enough": reason}`, so that nothing is
left out in silence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import JsonValue

from trading_pipeline.backtest.engine import run_backtest
from trading_pipeline.backtest.result import BacktestResult
from trading_pipeline.backtest.scenario_runner import (
    ScenarioInputs,
    benchmark_settings,
    scenario_settings,
    scenario_signals,
    traded_bars,
    traded_year,
)
from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.optimization.cost_stress import break_even_cost, stressed_costs
from trading_pipeline.optimization.trial_returns import TrialReturns, trial_returns
from trading_pipeline.performance.bar_returns import bar_returns
from trading_pipeline.performance.search.effective_trials import effective_trials
from trading_pipeline.performance.search.importance import parameter_importance
from trading_pipeline.performance.search.overfitting import overfitting_probability
from trading_pipeline.performance.search.plateau import plateau
from trading_pipeline.performance.search.sub_periods import sub_periods
from trading_pipeline.performance.search.superior_ability import SuperiorAbility, superior_ability
from trading_pipeline.settings.backtest_settings import BacktestSettings
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.strategies import SHIPPED, Market, StrategyCatalogue

__all__ = ["robustness"]

Parameters = Mapping[str, JsonValue]
Told = dict[str, Any]
_SAMPLES = 500
_SHOWN_TRIALS = 20


def robustness(
    name: str,
    scenario: ScenarioSpec,
    inputs: ScenarioInputs,
    parameters: Sequence[Parameters],
    values: npt.ArrayLike,
    strategies: StrategyCatalogue = SHIPPED,
    *,
    seed: int = 7,
) -> Told:
    """The statistics of a search on one instrument; every value can be written as JSON.

    Keys: `returns_of` (trials whose returns were compared, and how many were left out), `pbo`,
    `spa` and `stepm` (each `against_holding` and `against_cash`), `effective_trials`, `plateau`,
    `importance`, `stress` (`sub_periods`, `costs`), `break_even_cost_bps` and
    `break_even_outcome`.

    Parameters
    ----------
    name
        The strategy.
    scenario, inputs
        What was traded, and the bars.
    parameters, values
        One set and one value a trial, NaN or None where it has none; the highest value is the best.
    seed
        Of the resampled histories, and of the sample of too many trials.

    Raises `InsufficientDataError` where no trial has a value.
    """
    given = np.asarray(values, dtype=np.float64)  # None becomes NaN
    if np.isnan(given).all():
        raise InsufficientDataError(
            f"No trial of '{name}' has a value, so there is no best to look at. Widen the space, "
            "or give the scenario more bars."
        )
    best = int(np.nanargmax(given))
    bars, rows = traded_bars(scenario, inputs)
    settings = scenario_settings(scenario, inputs.instrument, traded_year(inputs, bars).bars)
    trials = trial_returns(name, scenario, inputs, parameters, given, strategies)
    hold = strategies.validate_params(scenario.benchmark, {})
    entry = strategies.signals(scenario.benchmark, Market(bars.frame), hold)
    held = run_backtest(bars, entry, benchmark_settings(settings), actions=inputs.actions)
    held_returns = bar_returns(held.equity, initial_equity=settings.initial_cash)
    market = inputs.market.traded_from(rows.start)
    chosen = strategies.validate_params(name, parameters[best])
    signals = scenario_signals(name, chosen, market, rows, strategies)

    def rerun(changed: BacktestSettings) -> BacktestResult:
        return run_backtest(bars, signals, changed, actions=inputs.actions)

    own = bar_returns(rerun(settings).equity, initial_equity=settings.initial_cash)
    found: Told = {
        "returns_of": {"trials": len(trials.trials), "left_out": trials.left_out},
        "pbo": _told(lambda: _pbo(trials.returns)),
        "effective_trials": _number(effective_trials(trials.returns)),
        "plateau": asdict(plateau(parameters, given)),
        "importance": parameter_importance(parameters, given),
        "stress": {
            "sub_periods": _told(
                lambda: _sub_periods(own, held_returns, held, settings.periods_per_year or math.nan)
            ),
            "costs": _told(lambda: _costs(settings, rerun)),
        },
        **_break_even(settings, rerun),
    }
    for benchmark, returns in (
        ("against_holding", held_returns),
        ("against_cash", np.zeros(len(bars))),
    ):
        spa, better = _superior(trials, returns, parameters, given, seed)
        found.setdefault("spa", {})[benchmark] = spa
        found.setdefault("stepm", {})[benchmark] = better
    told: Told = _plain(found)
    return told


def _pbo(returns: npt.NDArray[np.float64]) -> Told:
    found = overfitting_probability(returns)
    quantiles = np.quantile(found.logits, (0.05, 0.25, 0.5, 0.75, 0.95))
    return {
        "probability": found.probability,
        "loss_probability": found.loss_probability,
        "degradation_slope": found.degradation_slope,
        "logits": dict(zip(("5%", "25%", "50%", "75%", "95%"), quantiles.tolist(), strict=True)),
        "splits": len(found.logits),
        "blocks": found.blocks,
        "bars": found.bars,
        "trials": found.trials,
    }


def _superior(
    trials: TrialReturns,
    benchmark: npt.NDArray[np.float64],
    parameters: Sequence[Parameters],
    values: npt.NDArray[np.float64],
    seed: int,
) -> tuple[Told, Any]:
    """What the test says, and the parameters of the trials that beat the benchmark."""
    try:
        found = superior_ability(trials.returns, benchmark, samples=_SAMPLES, seed=seed)
    except (InsufficientDataError, DataQualityError) as error:
        return {"not_enough": str(error)}, {"not_enough": str(error)}
    names = ("consistent", "lower", "upper", "block_bars", "joined_bars", "trials")
    told = {f"p_value{f'_{n}' * (n != 'consistent')}": getattr(found, n) for n in names[:3]}
    told |= {n: getattr(found, n) for n in names[3:]} | {"samples": _SAMPLES}
    return told, _better(found, trials, parameters, values)


def _better(
    found: SuperiorAbility,
    trials: TrialReturns,
    parameters: Sequence[Parameters],
    values: npt.NDArray[np.float64],
) -> Told:
    """How many trials beat the benchmark, and the best of them."""
    rows = trials.trials[list(found.superior)]
    shown = rows[np.argsort(-values[rows], kind="stable")][:_SHOWN_TRIALS]
    sets = [dict(parameters[row]) for row in shown.tolist()]
    return {"size": found.size, "count": len(rows), "trials": sets}


def _sub_periods(
    own: npt.NDArray[np.float64],
    held: npt.NDArray[np.float64],
    result: BacktestResult,
    year: float,
) -> Told:
    found = sub_periods(own, held, result.index, periods_per_year=year)
    worst = found.worst
    return {
        "positive_share": found.positive_share,
        "worst": None if worst is None else asdict(worst),
        "parts": [asdict(part) for part in found.parts],
    }


def _costs(settings: BacktestSettings, rerun: Callable[[BacktestSettings], BacktestResult]) -> Any:
    return json.loads(stressed_costs(settings, rerun).to_json(orient="records"))


def _break_even(
    settings: BacktestSettings, rerun: Callable[[BacktestSettings], BacktestResult]
) -> Told:
    found = break_even_cost(settings, rerun)
    return {"break_even_cost_bps": found.commission_bps, "break_even_outcome": found.outcome}


def _told(measure: Callable[[], Any]) -> Any:
    """What a measure gives, or in words why there is not enough for it."""
    try:
        return measure()
    except (InsufficientDataError, DataQualityError) as error:
        return {"not_enough": str(error)}


def _number(value: float) -> Any:
    return {"not_enough": "no trial has returns that vary"} if math.isnan(value) else value


def _plain(value: Any) -> Any:
    """The value with None in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
