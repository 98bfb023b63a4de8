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

__all__ = ["NeededSharpe", "deflated_numbers", "needed_sharpe"]


@dataclass(frozen=True, kw_only=True)
class NeededSharpe:
    """Annual Sharpe ratios that the best of all trials is compared with; NaN where undefined.

    Parameters
    ----------
    by_luck
        What the best of as many trials without skill is expected to show.
    to_stand_out
        Lowest ratio at which the deflated Sharpe ratio reaches the confidence and the history is
        as long as the minimum backtest length.
    more_bars
        Bars after which the measured ratio would be as high as that; 0.0 where it is. Luck and
        error both fall with the root of the bars. NaN for a ratio that is not above 0.
    """

    by_luck: float
    to_stand_out: float
    more_bars: float


def needed_sharpe(
    *,
    sharpe: float,
    standard_error: float,
    degrees: int,
    bars: float,
    years: float,
    trials: int,
    variance: float,
    confidence: float = 0.95,
) -> NeededSharpe:
    """The annual Sharpe ratio that would stand out after `trials`, and the bars that are missing.

    `standard_error` and `degrees` are those of `SharpeEstimate`, with the dependence of the bars;
    `variance` is that of the trials' annual ratios (not needed for one trial). Raises
    `ConfigurationError` for less than one trial or a confidence outside (0, 1).

    >>> found = needed_sharpe(sharpe=0.8, standard_error=0.3, degrees=40, bars=2_520, years=10.0,
    ...     trials=20, variance=0.09)
    >>> round(found.by_luck, 2), round(found.to_stand_out, 2), round(found.more_bars)
    (0.57, 1.08, 2033)
    """
    check_confidence(confidence)
    by_luck = expected_maximum_sharpe(trials=trials, variance=0.0 if trials == 1 else variance)
    nothing = NeededSharpe(by_luck=by_luck, to_stand_out=math.nan, more_bars=math.nan)
    if not (standard_error > 0.0 and years > 0.0 and math.isfinite(by_luck)):
        return nothing
    margin = student_quantile(confidence, degrees=degrees) * standard_error
    # the ratio at which the history is as long as the minimum backtest length
    long_enough = math.sqrt(minimum_backtest_years(trials=trials) / years)
    needed = max(by_luck + margin, long_enough)
    more = bars * max((needed / sharpe) ** 2 - 1.0, 0.0) if sharpe > 0.0 else math.nan
    return NeededSharpe(by_luck=by_luck, to_stand_out=needed, more_bars=more)


def deflated_numbers(row: Mapping[str, object]) -> dict[str, float | None]:
    """What the trials make of a result, by the names of stored columns; None where undefined.

    `row`: `sharpe`, `sharpe_standard_error`, `sharpe_degrees_of_freedom`, `bars`, `years`, and
    `trials` with `trial_variance`, the variance of the annual ratios of comparable trials. Gives
    `deflated_sharpe_ratio`, `minimum_backtest_years` (for a ratio of 1), `expected_best_sharpe`,
    `needed_sharpe` and `bars_needed`. One trial needs no variance: nothing was chosen.
    """
    trials = int(_number(row, "trials", 0.0))
    names = ("deflated_sharpe_ratio", "expected_best_sharpe", "needed_sharpe", "bars_needed")
    found: dict[str, float | None] = dict.fromkeys(names)
    if trials < 1:
        return {**found, "minimum_backtest_years": None}
    sharpe, error = _number(row, "sharpe"), _number(row, "sharpe_standard_error")
    degrees = _number(row, "sharpe_degrees_of_freedom")
    variance = 0.0 if trials == 1 else _number(row, "trial_variance")
    deflated, needed = math.nan, None
    if not math.isnan(degrees):
        deflated = deflated_probability(
            sharpe=sharpe, standard_error=error, degrees=degrees, trials=trials, variance=variance
        )
        needed = needed_sharpe(
            sharpe=sharpe,
            standard_error=error,
            degrees=int(degrees),
            bars=_number(row, "bars"),
            years=_number(row, "years"),
            trials=trials,
            variance=variance,
        )
    numbers = (
        deflated,
        expected_maximum_sharpe(trials=trials, variance=variance),
        needed.to_stand_out if needed else math.nan,
        needed.more_bars if needed else math.nan,
    )
    found = {
        name: value if math.isfinite(value) else None
        for name, value in zip(names, numbers, strict=True)
    }
    return {**found, "minimum_backtest_years": minimum_backtest_years(trials=trials)}


def _number(row: Mapping[str, object], name: str, missing: float = math.nan) -> float:
    value = row.get(name)
    return missing if value is None else float(str(value))
