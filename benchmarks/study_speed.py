"""What searches cost beside their sweeps: the estimator, and walk-forward optimization.

Run `python -m benchmarks.study_speed`. Process CPU time in one process, the least of five; seeded
random walks of daily bars, 10 windows of a year. Walk-forward optimization is compared with the
sweeps of its training spans as a user makes them, by `run_sweep` of a list of dicts and its table,
on bars that are cut already; at most 1.2 times as much is wanted. The calls of `run_sweep` that it
makes itself, of sets that it has checked once for all folds, are timed inside of it and told too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pandas as pd

from benchmarks.feature_speed import market
from trading_pipeline.backtest.scenario_runner import ScenarioInputs
from trading_pipeline.backtest.sweeps.result import SweepResult
from trading_pipeline.backtest.sweeps.run import run_sweep
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.optimization import evaluation
from trading_pipeline.optimization.search_methods import search
from trading_pipeline.optimization.search_space import SearchSpace
from trading_pipeline.optimization.study_checks import space_of
from trading_pipeline.optimization.study_run import evaluator_of
from trading_pipeline.optimization.trial_record import TrialMemory
from trading_pipeline.optimization.trial_run import TrialRun
from trading_pipeline.optimization.walk_forward import walk_forward_folds, walked_forward
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec

_SPACE = {"fast": {"range": [2, 60]}, "slow": {"range": [20, 300]}, "take": {"log": [0.01, 1]}}

_WALKED: dict[str, tuple[str, dict[str, object]]] = {
    "sma_crossover": (
        "sma_crossover",
        {"fast": {"range": [2, 40, 2]}, "slow": {"range": [50, 240, 10]}},
    ),
    "sma_crossover, more": (
        "sma_crossover",
        {"fast": {"range": [2, 60, 1]}, "slow": {"range": [65, 240, 3]}},
    ),
    "rsi_reversion": (
        "rsi_reversion",
        {"window": {"range": [2, 30, 1]}, "oversold": {"range": [10, 40, 5]}},
    ),
}
_HEADS = (
    "\n| Walk forward | combinations | all of it | sweeps of its spans, from dicts | ratio (1.2) "
    "| its own calls of run_sweep | ratio |\n|---|---:|---:|---:|---:|---:|---:|"
)


def main() -> None:
    """Print both tables as Markdown."""
    print("| Trials of tpe, 3 parameters | CPU a trial |\n|---|---:|")  # noqa: T201
    for budget in (200, 1_000, 2_000):
        seconds = _cpu(lambda budget=budget: _estimated(budget), times=1)
        print(f"| {budget:,} | {1_000 * seconds / budget:.1f} ms |")  # noqa: T201
    print(_HEADS)  # noqa: T201
    for name in _WALKED:
        print(_walked(name))  # noqa: T201


def _estimated(budget: int) -> None:
    method = search(SearchSpace(_study("sma_crossover", _SPACE, method="tpe", budget=budget)))
    batch = next(method)
    while True:
        values = [-abs(math.log(float(str(each["take"])) / 0.1)) for each in batch.sets]
        try:
            batch = method.send(values)
        except StopIteration:
            return


def _walked(label: str) -> str:
    name, space = _WALKED[label]
    study = _study(name, space, walk_forward={"train_windows": 3, "test_windows": 1})
    raw = market(13 * 365).set_axis(
        pd.date_range("2000-01-01", periods=13 * 365, tz="UTC", name="ts"), axis=0
    )
    inputs = ScenarioInputs(
        instrument=Instrument(symbol="X", timeframe=Timeframe.D1, source="test", calendar="24/7"),
        raw=raw,
        factors=pd.DataFrame({"total": 1.0, "split": 1.0}, index=raw.index),
        known_at=pd.DatetimeIndex(raw.index + pd.Timedelta(days=1)),
        actions=[],
        periods_per_year=365.0,
        predictions={},
    )
    scenario = ScenarioSpec.parse(
        {"name": "s", "strategy": {"type": name}, "costs": {"commission_bps": 5}}, where="here"
    )
    evaluator = evaluator_of(study, scenario, inputs)
    folds = walk_forward_folds(study, evaluator.index)
    many = space_of(study).combinations()
    parts = [evaluator.part(*fold.train) for fold in folds]

    def sweeps() -> None:
        for part in parts:
            frame = inputs.raw.iloc[part.rows]
            assert len(run_sweep(frame, name, many, part.settings, market=part.market).table)

    def everything() -> None:
        trials = TrialRun(evaluator, space_of(study), TrialMemory(), None, len(folds))
        chosen = []
        for fold in folds:
            sets, trained = trials.searched(fold.name, *fold.train)
            chosen.append((sets[trained.best], trained.row(trained.best)))
        walked_forward(evaluator, folds, chosen)

    everything()
    alone, (whole, inside) = _cpu(sweeps), _with_its_sweeps(everything)
    return (
        f"| {label}, {len(folds)} folds | {len(many):,} | {1_000 * whole:.0f} ms | "
        f"{1_000 * alone:.0f} ms | {whole / alone:.2f} | "
        f"{1_000 * inside:.0f} ms | {whole / inside:.2f} |"
    )


def _with_its_sweeps(work: Callable[[], object]) -> tuple[float, float]:
    """CPU time of all of it, and of the calls of `run_sweep` inside of it; the least of five."""
    inside = 0.0

    def timed(*given: Any, **more: Any) -> SweepResult:
        nonlocal inside
        began = time.process_time()
        found = run_sweep(*given, **more)
        inside += time.process_time() - began
        return found

    found = []
    with patch.object(evaluation, "run_sweep", timed):
        for _ in range(5):
            inside, began = 0.0, time.process_time()
            work()
            found.append((time.process_time() - began, inside))
    return min(found)


def _study(strategy: str, space: object, **more: object) -> StudySpec:
    asked = {"name": "s", "strategy": strategy, "scenario": "s", "space": space, **more}
    return StudySpec.parse(asked, where="here")


def _cpu(work: Callable[[], object], times: int = 5) -> float:
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


if __name__ == "__main__":
    main()
