"""What searches cost beside their sweeps: the estimator, and walk-forward optimization.

Run `python -m benchmarks.study_speed`. Process CPU time in one process, the least of three; seeded
random walks of daily bars. Walk-forward optimization is compared with the sweeps of its training
spans by the same calls, 10 windows of a year.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import pandas as pd

from benchmarks.feature_speed import market
from trading_pipeline.backtest.scenario_runner import ScenarioInputs
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
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

_HEADS = (
    "\n| Walk forward | combinations | its sweeps | all of it | ratio |\n|---|---:|---:|---:|---:|"
)


def main() -> None:
    """Print both tables as Markdown."""
    print("| Trials of tpe, 3 parameters | CPU a trial |\n|---|---:|")  # noqa: T201
    for budget in (200, 1_000, 2_000):
        seconds = _cpu(lambda budget=budget: _estimated(budget), times=1)
        print(f"| {budget:,} | {1_000 * seconds / budget:.1f} ms |")  # noqa: T201
    print(_HEADS)  # noqa: T201
    for name in ("sma_crossover", "rsi_reversion"):
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


def _walked(name: str) -> str:
    space = {"fast": {"range": [2, 40, 2]}, "slow": {"range": [50, 240, 10]}}
    if name == "rsi_reversion":
        space = {"window": {"range": [2, 30, 1]}, "oversold": {"range": [10, 40, 5]}}
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
    many = evaluator.validated(space_of(study).combinations())

    def sweeps() -> None:
        for fold in folds:
            evaluator.trials(many, evaluator.part(*fold.train))

    def everything() -> None:
        trials = TrialRun(evaluator, space_of(study), TrialMemory(), None, len(folds))
        chosen = []
        for fold in folds:
            sets, trained = trials.searched(fold.name, *fold.train)
            chosen.append((sets[trained.best], trained.row(trained.best)))
        walked_forward(evaluator, folds, chosen)

    everything()
    alone, whole = _cpu(sweeps), _cpu(everything)
    return (
        f"| {name}, {len(folds)} folds | {len(many)} | {1_000 * alone:.0f} ms | "
        f"{1_000 * whole:.0f} ms | {whole / alone:.2f} |"
    )


def _study(strategy: str, space: object, **more: object) -> StudySpec:
    asked = {"name": "s", "strategy": strategy, "scenario": "s", "space": space, **more}
    return StudySpec.parse(asked, where="here")


def _cpu(work: Callable[[], object], times: int = 3) -> float:
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


if __name__ == "__main__":
    main()
