"""How far a measured Sharpe ratio can be trusted. Ratios per bar unless said otherwise.

Sources: Lo (2002), "The statistics of Sharpe ratios", eq. 9; Bailey and Lopez de Prado (2012), "The
Sharpe ratio efficient frontier", eqs. 8 and 11; the same (2014), "The deflated Sharpe ratio";
Bailey, Borwein, Lopez de Prado and Zhu (2014), "Pseudo-mathematics and financial charlatanism".
`skew` and `kurtosis` are the biased standardized moments of the returns, kurtosis 3.0 for the
normal law. All but the last take bars as independent; `dependence` has the forms that do not, and
results are judged by those.

`convention`: "2012" as in the papers above, the error at the measured ratio over `bars - 1`; "2025"
(Lopez de Prado, Lipton and Zoonekynd, "How to use the Sharpe ratio") the error that the ratio would
have at the benchmark, over `bars`.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal, get_args

from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.performance.return_metrics import ensure_periods_per_year

__all__ = [
    "Convention",
    "deflated_sharpe_ratio",
    "expected_maximum_sharpe",
    "lo_standard_error_annual",
    "minimum_backtest_years",
    "minimum_track_record_bars",
    "probabilistic_sharpe_ratio",
    "sharpe_variance_factor",
]

Convention = Literal["2012", "2025"]
_EULER_GAMMA = 0.5772156649015329


def sharpe_variance_factor(*, sharpe: float, skew: float, kurtosis: float) -> float:
    """Variance of an estimated Sharpe ratio times its number of bars (less one).

    `1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe^2`; NaN if the moments make it negative, which
    cannot happen in a sample but can with rounded moments.
    """
    factor = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    return factor if factor >= 0.0 else math.nan


def probabilistic_sharpe_ratio(
    *,
    sharpe: float,
    bars: float,
    skew: float,
    kurtosis: float,
    benchmark_sharpe: float = 0.0,
    convention: Convention = "2012",
) -> float:
    """Probability that the true Sharpe ratio lies above `benchmark_sharpe`, both per bar.

    NaN below two bars and where a value is NaN. Raises `UnknownNameError` for another convention.

    >>> round(
    ...     probabilistic_sharpe_ratio(sharpe=0.458, bars=24, skew=-2.448, kurtosis=10.164), 3
    ... )
    0.913
    """
    at = _error_at(convention, sharpe, benchmark_sharpe)
    factor = sharpe_variance_factor(sharpe=at, skew=skew, kurtosis=kurtosis)
    if not bars >= 2 or not factor > 0.0 or math.isnan(benchmark_sharpe):
        return math.nan
    counted = bars - 1.0 if convention == "2012" else float(bars)
    score = (sharpe - benchmark_sharpe) * math.sqrt(counted / factor)
    return 0.5 * math.erfc(-score / math.sqrt(2.0))


def expected_maximum_sharpe(*, trials: int, variance: float) -> float:
    """Sharpe ratio that the best of `trials` trials without any skill is expected to have.

    `variance`: of the trials' ratios, in the unit squared of what is given back. 0 for one trial;
    NaN for a variance that is NaN or below 0. Raises `ConfigurationError` for less than one trial.

    >>> round(expected_maximum_sharpe(trials=100, variance=1.0), 3)
    2.531
    """
    if trials < 1:
        raise ConfigurationError(
            f"The number of trials is {trials}; it must be 1 or more.", trials=trials
        )
    if not variance >= 0.0:
        return math.nan
    if trials == 1:
        return 0.0
    normal = NormalDist().inv_cdf
    first, second = -normal(1.0 / trials), -normal(1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - _EULER_GAMMA) * first + _EULER_GAMMA * second)


def deflated_sharpe_ratio(
    *,
    sharpe: float,
    bars: float,
    skew: float,
    kurtosis: float,
    trials: int,
    variance: float,
    convention: Convention = "2012",
) -> float:
    """Probability that the true ratio lies above what the best of all trials would show by chance.

    `variance`: of the trials' ratios per bar. NaN where `probabilistic_sharpe_ratio` is.
    """
    return probabilistic_sharpe_ratio(
        sharpe=sharpe,
        bars=bars,
        skew=skew,
        kurtosis=kurtosis,
        benchmark_sharpe=expected_maximum_sharpe(trials=trials, variance=variance),
        convention=convention,
    )


def minimum_backtest_years(*, trials: int, annual_sharpe: float = 1.0) -> float:
    """Years below which the best of `trials` without skill is expected to reach `annual_sharpe`.

    `(expected maximum of as many normal values / annual_sharpe)^2` (Bailey and others 2014, eq. 6):
    a shorter history cannot tell the two apart. 0.0 for one trial; NaN for a ratio that is not
    above 0, infinite where the years are beyond a float. Raises `ConfigurationError` for less than
    one trial.

    >>> round(minimum_backtest_years(trials=45), 3), round(minimum_backtest_years(trials=7), 3)
    (4.998, 1.923)
    """
    best = expected_maximum_sharpe(trials=trials, variance=1.0)
    if not annual_sharpe > 0.0:
        return math.nan
    ratio = best / annual_sharpe
    return ratio * ratio  # unlike a power, a product is infinite where it is too large


def minimum_track_record_bars(
    *,
    sharpe: float,
    skew: float,
    kurtosis: float,
    benchmark_sharpe: float = 0.0,
    confidence: float = 0.95,
    convention: Convention = "2012",
) -> float:
    """Bars until this Sharpe ratio beats the benchmark's at `confidence`.

    NaN if the ratio is not above the benchmark, as no length would suffice. Raises
    `ConfigurationError` for a confidence outside (0.5, 1).
    """
    if not 0.5 < confidence < 1.0:
        raise ConfigurationError(
            f"The confidence is {confidence}; it must lie above 0.5 and below 1, for example 0.95.",
            confidence=confidence,
        )
    at = _error_at(convention, sharpe, benchmark_sharpe)
    if not sharpe > benchmark_sharpe:
        return math.nan
    factor = sharpe_variance_factor(sharpe=at, skew=skew, kurtosis=kurtosis)
    quantile = NormalDist().inv_cdf(confidence)
    lost = 1.0 if convention == "2012" else 0.0
    return lost + factor * (quantile / (sharpe - benchmark_sharpe)) ** 2


def lo_standard_error_annual(*, sharpe: float, bars: float, periods_per_year: float) -> float:
    """Standard error of the annualized Sharpe ratio if returns were independent and alike.

    `sqrt((1 + sharpe^2 / 2) / bars * periods_per_year)` with the ratio per bar; NaN without bars.
    """
    ensure_periods_per_year(periods_per_year)
    if not bars >= 1:
        return math.nan
    return math.sqrt((1.0 + 0.5 * sharpe * sharpe) / bars * periods_per_year)


def _error_at(convention: Convention, sharpe: float, benchmark_sharpe: float) -> float:
    """Ratio at which the standard error is evaluated."""
    known = get_args(Convention)
    if convention not in known:
        raise UnknownNameError(
            f"There is no convention {convention!r} of Sharpe ratio statistics. "
            f"{did_you_mean(str(convention), known)}",
            name=str(convention),
            kind="convention",
        )
    return sharpe if convention == "2012" else benchmark_sharpe
