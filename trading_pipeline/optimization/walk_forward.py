"""Walk-forward optimization: parameters of one span trade the next, and the spans are joined.

Each training span and each segment begins flat, in cash, with all earlier bars as warm-up. What is
still open at the end of a training span is valued at its last close. Where the parameters change,
the old ones sell by the last bar of their window, at its open, at the scenario's costs; the new
ones begin on the next bar with the cash that is there. Where they stay, trading goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import JsonValue

from trading_pipeline.backtest.kernels.codes import T_ENTRY_BAR
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import OptimizationError
from trading_pipeline.optimization.evaluated_trials import EvaluatedTrials, status_of
from trading_pipeline.optimization.evaluation import Evaluator
from trading_pipeline.optimization.study_metrics import metric_values
from trading_pipeline.optimization.trial_record import TrialRecord
from trading_pipeline.performance import return_metrics as measure
from trading_pipeline.performance.bar_returns import FloatArray, checked_returns
from trading_pipeline.performance.summary import years_between
from trading_pipeline.settings.study import StudySpec, WalkForwardSpec

__all__ = ["Fold", "WalkForward", "record_windows", "walk_forward_folds", "walked_forward"]

_PERIODS = {"year": "Y", "quarter": "Q", "month": "M"}
Row = dict[str, Any]
Chosen = tuple[dict[str, JsonValue], Row]
"""Parameters, and the trial by which they were chosen."""


@dataclass(frozen=True)
class Fold:
    """A training span and the window after it, as rows of the searched bars, ends exclusive."""

    number: int
    train: tuple[int, int]
    test: tuple[int, int]

    @property
    def name(self) -> str:
        """How the ledger names its training span."""
        return f"wf{self.number}"


@dataclass(frozen=True, kw_only=True)
class WalkForward:
    """What walking forward came to.

    `equity`: account value at each close of the test windows, one joined series, from `start` in
    cash. `chosen`: of each fold, None where no combination had a value. `tested`: of each fold, its
    window measured alone, with the columns of a trial. `trades`: entries of all windows.
    """

    folds: tuple[Fold, ...]
    chosen: tuple[Chosen | None, ...]
    start: float
    equity: pd.Series
    returns: FloatArray
    tested: tuple[Row, ...]
    trades: int
    periods_per_year: float

    def trials(self) -> Iterator[tuple[Fold, dict[str, JsonValue], EvaluatedTrials]]:
        """Each fold in which something was chosen, its parameters, and its window as a trial."""
        for fold, chosen, row in zip(self.folds, self.chosen, self.tested, strict=True):
            if chosen is not None:
                yield fold, chosen[0], EvaluatedTrials.of_rows([row])


def walk_forward_folds(study: StudySpec, index: pd.DatetimeIndex) -> list[Fold]:
    """The folds of a study: windows of the calendar (UTC), trained on, then traded.

    The first and the last window may hold fewer bars; each fold moves on by the windows it trades.
    Raises `OptimizationError` where there are too few windows for one fold.
    """
    spec = study.walk_forward or WalkForwardSpec()
    periods = index.tz_localize(None).to_period(_PERIODS[spec.window])
    edges = [0, *(np.flatnonzero(periods[1:] != periods[:-1]) + 1).tolist(), len(index)]
    windows, needed = len(edges) - 1, spec.train_windows + spec.test_windows
    if windows < needed:
        raise OptimizationError(
            f"The study '{study.name}' walks forward over {spec.train_windows} + "
            f"{spec.test_windows} windows of a {spec.window}, but its bars from "
            f"{index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d} lie in {windows}. Take fewer "
            "'train_windows', a shorter 'window' (year, quarter, month), or earlier 'dates' of the "
            "scenario.",
            study=study.name,
            windows=windows,
            needed=needed,
        )
    found: list[Fold] = []
    for at in range(0, windows - spec.train_windows, spec.test_windows):
        middle = at + spec.train_windows
        train = (edges[at], edges[middle])
        test = (edges[middle], edges[min(middle + spec.test_windows, windows)])
        found.append(Fold(len(found) + 1, train, test))
    if found[0].train[1] < 2:
        raise OptimizationError(
            f"The study '{study.name}' walks forward, and its first training span holds one bar. "
            "Take more 'train_windows', or a longer 'window' (year, quarter, month).",
            study=study.name,
        )
    return found


def walked_forward(
    evaluator: Evaluator, folds: Sequence[Fold], chosen: Sequence[Chosen | None]
) -> WalkForward:
    """Trade each window by the parameters chosen before it; in cash where none had a value."""
    first, last = folds[0].test[0], folds[-1].test[1]
    start, year = evaluator.whole.settings.initial_cash, evaluator.whole.bars_a_year
    cash = start
    equity, entries = np.empty(last - first), np.zeros(last - first, dtype=np.int64)
    segments = list(_segments(folds, chosen))
    for number, (begin, end, parameters) in enumerate(segments):
        place = slice(begin - first, end - first)
        equity[place] = cash
        if parameters is not None and end - begin >= 2 and cash > 0.0:
            (params,) = evaluator.validated([parameters])
            part = evaluator.with_cash(evaluator.part(begin, end), cash)
            run = evaluator.run(params, part, close_at_end=number < len(segments) - 1)
            equity[place] = run.equity
            np.add.at(entries, run.trade_rows[:, T_ENTRY_BAR].astype(np.int64) + begin - first, 1)
        cash = float(equity[place][-1])
    values = np.concatenate(([start], equity))
    returns = checked_returns(values)
    tested = []
    for fold, each in zip(folds, chosen, strict=True):
        rows = slice(fold.test[0] - first, fold.test[1] - first)
        stamps = evaluator.index[fold.test[0] : fold.test[1]]
        before = float(values[rows.start])
        told = _measured(returns[rows], equity[rows], before, stamps, evaluator.study.metric, year)
        told |= {"trade_count": int(entries[rows].sum())}
        tested.append(told | {"parameters_hash": None if each is None else canonical_hash(each[0])})
    return WalkForward(
        folds=tuple(folds),
        chosen=tuple(chosen),
        start=start,
        equity=pd.Series(equity, index=evaluator.index[first:last], name="equity"),
        returns=returns,
        tested=tuple(tested),
        trades=int(entries.sum()),
        periods_per_year=year,
    )


def record_windows(found: WalkForward, evaluator: Evaluator, record: TrialRecord) -> None:
    """Record each traded window as a trial of the parameters that traded it, if it is not yet."""
    for fold, parameters, trial in found.trials():
        name = f"{fold.name}/test"
        if trial.parameters_hash[0] not in record.known(name):
            record.add(name, evaluator.written(*fold.test), [parameters], trial)


def _segments(
    folds: Sequence[Fold], chosen: Sequence[Chosen | None]
) -> Iterator[tuple[int, int, dict[str, JsonValue] | None]]:
    """Consecutive windows that trade the same parameters: first row, end, parameters."""
    pairs = zip(folds, chosen, strict=True)
    for _, group in itertools.groupby(pairs, key=lambda one: one[1] and canonical_hash(one[1][0])):
        members = list(group)
        parameters = members[0][1]
        yield members[0][0].test[0], members[-1][0].test[1], parameters and parameters[0]


def _measured(
    returns: FloatArray,
    equity: FloatArray,
    before: float,
    stamps: pd.DatetimeIndex,
    metric: str,
    year: float,
) -> Row:
    """A window of the joined equity as a trial; `before` is the account value before it."""
    found: Row = {
        "bars": len(returns),
        "final_equity": float(equity[-1]),
        "sharpe": measure.sharpe(returns, periods_per_year=year),
        "max_drawdown": measure.max_drawdown(returns),
        "mean": measure.mean_or_nan(returns),
        "sd": measure.sample_deviation(returns),
        "skew": measure.skewness(returns),
        "kurtosis": measure.kurtosis(returns),
    }
    columns = {name: np.array([value]) for name, value in found.items()} | {
        "trade_count": np.ones(1)  # doing nothing in a window is no reason to leave it out
    }
    years = years_between(stamps, len(stamps))
    value = float(metric_values(columns, metric, initial=before, years=years)[0])
    return found | {"value": value, "status": status_of(value, None)}
