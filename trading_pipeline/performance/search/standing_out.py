"""What the best of a search would have to be to stand out after so many trials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from trading_pipeline.performance.dependence import check_confidence, deflated_probability
from trading_pipeline.performance.sharpe_statistics import (
    expected_maximum_sharpe,
    minimum_backtest_years,
)
from trading_pipeline.performance.student_t import student_quantile

__all__ = ["NeededSharpe", "appraisal_ratio", "deflated_numbers", "needed_sharpe"]

_SAME_AS_HOLDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class NeededSharpe:
    """Annual Sharpe ratios that the best of all trials is compared with; NaN where undefined.

    Parameters
    ----------
    by_luck
        What the best of as many trials without skill is expected to show.
    to_stand_out
        Lowest ratio at which the deflated Sharpe ratio reaches the confidence, that of the part
        which holding does not explain too, and the history is as long as the minimum backtest
        length.
    more_bars
        Bars after which the measured ratio would stand out; 0.0 where it does. Luck and error both
        fall with the root of the bars. NaN where no number of bars would do: the ratio is not above
        0, or holding explains all of it.
    """

    by_luck: float
    to_stand_out: float
    more_bars: float


def appraisal_ratio(*, sharpe: float, held_sharpe: float, correlation: float) -> float:
    """Annual Sharpe ratio of what holding does not explain: of `return - beta * held return`.

    `(sharpe - correlation * held_sharpe) / sqrt(1 - correlation^2)` (Treynor and Black 1973). 0.0
    for a rule that is holding itself; NaN where a number is.

    >>> round(appraisal_ratio(sharpe=0.8, held_sharpe=0.5, correlation=0.6), 3)
    0.625
    """
    left = 1.0 - correlation * correlation
    if left < _SAME_AS_HOLDING:
        return 0.0
    return (sharpe - correlation * held_sharpe) / math.sqrt(left)


def needed_sharpe(
    *,
    sharpe: float,
    standard_error: float,
    degrees: int,
    bars: float,
    years: float,
    trials: int,
    variance: float,
    held_sharpe: float = 0.0,
    correlation: float = 0.0,
    confidence: float = 0.95,
) -> NeededSharpe:
    """The annual Sharpe ratio that would stand out after `trials`, and the bars that are missing.

    `standard_error` and `degrees` are those of `SharpeEstimate`, with the dependence of the bars;
    `variance` is that of the trials' annual ratios (not needed for one trial). `held_sharpe` and
    `correlation`: the ratio of buying and holding and the correlation of the returns with it.
    Raises `ConfigurationError` for less than one trial or a confidence outside (0, 1).

    >>> found = needed_sharpe(sharpe=0.8, standard_error=0.3, degrees=40, bars=2_520, years=10.0,
    ...     trials=20, variance=0.09)
    >>> round(found.by_luck, 2), round(found.to_stand_out, 2), round(found.more_bars)
    (0.57, 1.08, 2033)
    """
    check_confidence(confidence)
    by_luck = expected_maximum_sharpe(trials=trials, variance=0.0 if trials == 1 else variance)
    if not (standard_error > 0.0 and years > 0.0 and math.isfinite(by_luck)):
        return NeededSharpe(by_luck=by_luck, to_stand_out=math.nan, more_bars=math.nan)
    margin = by_luck + student_quantile(confidence, degrees=degrees) * standard_error
    # the ratio at which the history is as long as the minimum backtest length
    alone = max(margin, math.sqrt(minimum_backtest_years(trials=trials) / years))
    needed, factor = alone, _factor(alone, sharpe)
    if held_sharpe > 0.0 and math.isfinite(correlation):
        explained = correlation * held_sharpe
        apart = math.sqrt(max(1.0 - correlation * correlation, 0.0)) * margin
        needed = max(needed, explained + apart)
        factor = max(factor, _factor(apart, sharpe - explained))
    more = bars * max(factor - 1.0, 0.0) if math.isfinite(factor) else math.nan
    return NeededSharpe(by_luck=by_luck, to_stand_out=needed, more_bars=more)


def _factor(needed: float, measured: float) -> float:
    """How many times as many bars it takes until `measured` is as high as `needed`."""
    return (needed / measured) ** 2 if measured > 0.0 else math.inf


def deflated_numbers(row: Mapping[str, object]) -> dict[str, float | None]:
    """What the trials make of a result, by the names of stored columns; None where undefined.

    `row`: `sharpe`, `sharpe_standard_error`, `sharpe_degrees_of_freedom`, `bars`, `years`,
    `benchmark_sharpe`, `correlation`, and `trials` with `trial_variance`, the variance of the
    annual ratios of comparable trials. Gives `deflated_sharpe_ratio`, `deflated_appraisal_ratio`
    (the same of the part that holding does not explain, where holding gained),
    `minimum_backtest_years` (for a ratio of 1), `expected_best_sharpe`, `needed_sharpe` and
    `bars_needed`. One trial needs no variance: nothing was chosen.
    """
    trials = int(_number(row, "trials", 0.0))
    if trials < 1:
        return dict.fromkeys(_DEFLATED)
    sharpe, error = _number(row, "sharpe"), _number(row, "sharpe_standard_error")
    degrees, held = _number(row, "sharpe_degrees_of_freedom"), _number(row, "benchmark_sharpe")
    correlation = _number(row, "correlation")
    variance = 0.0 if trials == 1 else _number(row, "trial_variance")
    numbers = [math.nan] * 4
    if not math.isnan(degrees):
        apart = appraisal_ratio(sharpe=sharpe, held_sharpe=held, correlation=correlation)
        for place, ratio in enumerate((sharpe, apart if held > 0.0 else math.nan)):
            numbers[place] = deflated_probability(
                sharpe=ratio,
                standard_error=error,
                degrees=degrees,
                trials=trials,
                variance=variance,
            )
        needed = needed_sharpe(
            sharpe=sharpe,
            standard_error=error,
            degrees=int(degrees),
            bars=_number(row, "bars"),
            years=_number(row, "years"),
            trials=trials,
            variance=variance,
            held_sharpe=held,
            correlation=correlation,
        )
        numbers[2:] = needed.to_stand_out, needed.more_bars
    best = expected_maximum_sharpe(trials=trials, variance=variance)
    values = (*numbers, best, minimum_backtest_years(trials=trials))
    return {
        name: value if math.isfinite(value) else None
        for name, value in zip(_DEFLATED, values, strict=True)
    }


_DEFLATED = (
    "deflated_sharpe_ratio",
    "deflated_appraisal_ratio",
    "needed_sharpe",
    "bars_needed",
    "expected_best_sharpe",
    "minimum_backtest_years",
)


def _number(row: Mapping[str, object], name: str, missing: float = math.nan) -> float:
    value = row.get(name)
    return missing if value is None else float(str(value))
