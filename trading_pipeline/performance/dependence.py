"""How sure a Sharpe ratio is when the returns of neighbouring bars depend on each other.

Positions that are held over several bars, and rules that overlap, make returns dependent; the
formulas of `sharpe_statistics` take them as independent and are then too sure. Here the variance of
the ratio is a long-run variance: of the ratio's influence function (Lo 2002; Mertens 2002), by
equal-weighted cosines (Lazarus, Lewis, Stock and Watson 2018, "HAR inference: recommendations for
practice"), with Student's t in place of the normal law. Ratios and errors are annual unless said
otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.performance.bar_returns import FloatArray
from trading_pipeline.performance.return_metrics import ensure_periods_per_year, sample_deviation
from trading_pipeline.performance.sharpe_statistics import (
    expected_maximum_sharpe,
    probabilistic_sharpe_ratio,
    sharpe_variance_factor,
)
from trading_pipeline.performance.student_t import student_probability, student_quantile

__all__ = [
    "LOWEST_SHARE",
    "SHARPE_TRUST_NAMES",
    "SharpeEstimate",
    "check_confidence",
    "cosine_terms",
    "deflated_probability",
    "estimate_sharpe",
    "lo_eta",
    "long_run_variance",
    "sharpe_trust",
    "track_record_bars",
]

SHARPE_TRUST_NAMES = (
    "probabilistic_sharpe_ratio",
    "minimum_track_record_bars",
    "sharpe_standard_error",
    "sharpe_degrees_of_freedom",
    "sharpe_variance_inflation",
)
LOWEST_SHARE = 0.5
"""Dependence may lower a variance to this share of the plain one and no further.

Gains that follow losses by rule (stale prices, the bounce between bid and ask) would make a ratio
look certain.
"""
_LONGEST_SEARCH_BARS = 1e9
_FEW_VALUES = 1_000


@dataclass(frozen=True, kw_only=True)
class SharpeEstimate:
    """An annual Sharpe ratio with what is known of its error; NaN where it is not defined.

    Parameters
    ----------
    ratio
        The annual Sharpe ratio of the returns.
    standard_error, plain_standard_error
        With the dependence that was found, and as if bars were independent (Mertens 2002).
    degrees
        Degrees of freedom of `standard_error`: cosines, or fewer where few bars carry the result.
    inflation
        Variance with dependence over the plain one; 1.0 for independent bars.
    probability_above, plain_probability_above
        Probability that the true ratio lies above `benchmark`: the probabilistic Sharpe ratio, and
        its form for independent bars.
    benchmark
        Annual ratio that was compared with.
    bars
        Number of returns.
    periods_per_year
        Bars in a year.
    effective_bars
        Bars that carry the result: all of them over the kurtosis of their influence.
    """

    ratio: float
    standard_error: float
    plain_standard_error: float
    degrees: int
    inflation: float
    probability_above: float
    plain_probability_above: float
    benchmark: float
    bars: int
    periods_per_year: float
    effective_bars: float = field(repr=False)

    def interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Lower and upper bound that hold the true ratio with `confidence`; NaN where undefined.

        Raises `ConfigurationError` for a confidence outside (0, 1).
        """
        check_confidence(confidence)
        if math.isnan(self.standard_error):
            return math.nan, math.nan
        half = self.standard_error * student_quantile(0.5 + 0.5 * confidence, degrees=self.degrees)
        return self.ratio - half, self.ratio + half

    def minimum_track_record_bars(self, confidence: float = 0.95) -> float:
        """Fewest bars at which this ratio lies above the benchmark at `confidence`.

        The dependence and the share of bars that carry the result are taken as they are. NaN where
        the ratio is not above the benchmark: no length would suffice.
        """
        return track_record_bars(
            excess=self.ratio - self.benchmark,
            error_of_one_bar=self.standard_error * math.sqrt(self.bars),
            effective_share=self.effective_bars / self.bars if self.bars else math.nan,
            confidence=confidence,
        )


def estimate_sharpe(
    returns: npt.ArrayLike,
    *,
    periods_per_year: float,
    benchmark: float = 0.0,
    variance_error: float = 0.0,
) -> SharpeEstimate:
    """The annual Sharpe ratio of simple bar returns and how sure it is under their dependence.

    The variance is the largest of three: the long-run variance of the influence function, that of
    the returns alone (so that a skew to the right never makes the ratio surer), and
    `LOWEST_SHARE` of the plain variance. Undefined, with NaN in every field: below two returns,
    with a NaN among them (a ruined account), and where they do not vary.

    Parameters
    ----------
    returns
        One simple return a bar, in order of time.
    periods_per_year
        Bars in a year.
    benchmark
        Annual Sharpe ratio to compare with.
    variance_error
        Relative standard error of the returns' variance where it is known to be larger than the
        cosines see, as under clustered volatility (`clustered_volatility.variance_error`).

    Raises
    ------
    DataQualityError
        For more than one dimension.
    ConfigurationError
        For a `periods_per_year` that is not above 0.

    >>> import numpy as np
    >>> shocks = np.random.default_rng(0).normal(size=1_004)
    >>> held_five_bars = np.convolve(shocks, np.ones(5), mode="valid")
    >>> found = estimate_sharpe(held_five_bars, periods_per_year=252)
    >>> found.standard_error > 1.5 * found.plain_standard_error
    True
    """
    year = ensure_periods_per_year(periods_per_year)
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1:
        raise DataQualityError(
            f"The returns have the shape {values.shape}; give one return a bar.",
            shape=values.shape,
        )
    deviation = sample_deviation(values) if np.isfinite(values).all() else math.nan
    if not deviation > 0.0:
        return _undefined(values.size, year, benchmark)
    bars, root = values.size, math.sqrt(year)
    scaled = (values - values.mean()) / deviation
    ratio = float(values.mean()) / deviation
    squares = scaled * scaled
    influence = scaled - 0.5 * ratio * (squares - 1.0)
    of_returns = long_run_variance(scaled)
    plain = float(influence @ influence) / bars
    variance = max(
        long_run_variance(influence),
        of_returns,
        of_returns + 0.25 * ratio * ratio * bars * variance_error * variance_error,
        LOWEST_SHARE * plain,
    )
    effective = _effective_bars(influence)
    degrees = _degrees(bars, effective / bars)
    error = math.sqrt(variance / bars)
    biased = bars / (bars - 1.0)  # the moments divide by bars, `scaled` by bars - 1
    skew = float(squares @ scaled) / bars * biased**1.5
    kurt = float(squares @ squares) / bars * biased**2
    factor = sharpe_variance_factor(sharpe=ratio, skew=skew, kurtosis=kurt)
    plain_error = math.sqrt(factor / (bars - 1.0))
    return SharpeEstimate(
        ratio=ratio * root,
        standard_error=error * root,
        plain_standard_error=plain_error * root,
        degrees=degrees,
        inflation=(error / plain_error) ** 2 if plain_error > 0.0 else math.nan,
        probability_above=student_probability((ratio - benchmark / root) / error, degrees=degrees),
        plain_probability_above=probabilistic_sharpe_ratio(
            sharpe=ratio,
            bars=bars,
            skew=skew,
            kurtosis=kurt,
            benchmark_sharpe=benchmark / root,
        ),
        benchmark=benchmark,
        bars=bars,
        periods_per_year=year,
        effective_bars=effective,
    )


def sharpe_trust(returns: npt.ArrayLike, *, periods_per_year: float) -> dict[str, float]:
    """The metrics of `SHARPE_TRUST_NAMES` for a benchmark of 0; NaN where undefined."""
    found = estimate_sharpe(returns, periods_per_year=periods_per_year)
    defined = found.standard_error > 0.0
    values = (
        found.probability_above,
        found.minimum_track_record_bars(),
        found.standard_error,
        float(found.degrees) if defined else math.nan,
        found.inflation,
    )
    return dict(zip(SHARPE_TRUST_NAMES, values, strict=True))


def deflated_probability(
    *, sharpe: float, standard_error: float, degrees: float, trials: int, variance: float
) -> float:
    """Deflated Sharpe ratio under dependence, from numbers that results store.

    Probability that the true ratio lies above what the best of `trials` without skill would show
    (Bailey and Lopez de Prado 2014), with the error and degrees of `SharpeEstimate`. All in one
    unit, as a rule annual; `variance` is that of the trials' ratios. NaN where a number is NaN or
    the error is not above 0. Raises `ConfigurationError` for less than one trial.

    >>> round(deflated_probability(
    ...     sharpe=1.0, standard_error=0.3, degrees=40, trials=20, variance=0.1
    ... ), 3)
    0.904
    """
    best = expected_maximum_sharpe(trials=trials, variance=variance)
    if math.isnan(degrees) or not standard_error > 0.0:
        return math.nan
    return student_probability((sharpe - best) / standard_error, degrees=int(degrees))


def long_run_variance(values: npt.ArrayLike, *, terms: int | None = None) -> float:
    """Variance of the mean of dependent values times their number; NaN below two values.

    Mean square of the first `terms` coefficients of the cosine transform (type II); None takes
    `cosine_terms`. Two values have one coefficient, and all of them together give the plain sample
    variance. Of more than 1,000 values up to 4 % at the old end are left out, so that the length is
    a product of 2, 3, 5 and 7, whose transform is several times as fast.

    >>> round(long_run_variance([1.0, 2.0, 3.0, 4.0]), 12) == round(5.0 / 3.0, 12)
    True
    """
    given: FloatArray = np.asarray(values, dtype=np.float64)
    count = given.size
    if count < 2:
        return math.nan
    wanted = cosine_terms(count) if terms is None else max(1, min(terms, count - 1))
    given = given[count - _quick_length(count) :]
    count = given.size
    # Makhoul (1980): the cosine transform of n values by one Fourier transform of n
    folded = np.concatenate((given[::2], given[1::2][::-1]))
    places = np.arange(1, wanted + 1)
    transform = np.fft.rfft if wanted <= count // 2 else np.fft.fft
    turned = transform(folded)[1 : wanted + 1] * np.exp(-0.5j * math.pi * places / count)
    coefficients = turned.real
    return float(coefficients @ coefficients) * 2.0 / count / wanted


def cosine_terms(bars: int) -> int:
    """Cosines for a series of this length: `0.2 * bars^(2/3)`, at least 4, fewer than bars.

    >>> cosine_terms(1_250), cosine_terms(24), cosine_terms(3)
    (23, 4, 2)
    """
    return max(1, min(max(4, int(0.2 * bars ** (2.0 / 3.0))), bars - 1))


def track_record_bars(
    *, excess: float, error_of_one_bar: float, effective_share: float = 1.0, confidence: float
) -> float:
    """Fewest bars at which `excess` is `confidence`-sure, if its error falls with their root.

    `excess`: ratio less benchmark. `error_of_one_bar`: standard error times the root of the bars it
    was measured on, in the same unit. NaN where `excess` is not above 0. Raises
    `ConfigurationError` for a confidence outside (0.5, 1).
    """
    if not 0.5 < confidence < 1.0:
        raise ConfigurationError(
            f"The confidence is {confidence}; it must lie above 0.5 and below 1, for example 0.95.",
            confidence=confidence,
        )
    if not (excess > 0.0 and error_of_one_bar > 0.0 and effective_share > 0.0):
        return math.nan
    step = excess / error_of_one_bar

    def is_sure(bars: int) -> bool:
        degrees = _degrees(bars, effective_share)
        return student_probability(step * math.sqrt(bars), degrees=degrees) >= confidence

    high = 2
    while not is_sure(high):
        high *= 2
        if high > _LONGEST_SEARCH_BARS:  # degrees no longer matter
            quantile = student_quantile(confidence, degrees=_degrees(high, effective_share))
            return (quantile / step) ** 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_sure(middle) else (middle, high)
    return float(high)


def lo_eta(*, periods: int, autocorrelation: float) -> float:
    """Factor from a Sharpe ratio per period to one of `periods` periods for AR(1) returns.

    Lo (2002), equation 20: `sqrt(periods)` for independent returns, less where gains follow gains.
    Raises `ConfigurationError` for less than one period or a correlation outside (-1, 1).

    >>> round(lo_eta(periods=12, autocorrelation=0.2), 2)
    2.88
    """
    if periods < 1 or not -1.0 < autocorrelation < 1.0:
        raise ConfigurationError(
            f"There are {periods} periods with an autocorrelation of {autocorrelation}; at least 1 "
            "period and a correlation between -1 and 1 are needed.",
            periods=periods,
            autocorrelation=autocorrelation,
        )
    lags = np.arange(1, periods)
    dependence = float(((periods - lags) * autocorrelation**lags).sum())
    return periods / math.sqrt(periods + 2.0 * dependence)


def check_confidence(confidence: float) -> None:
    """Raise `ConfigurationError` for a confidence outside (0, 1)."""
    if not 0.0 < confidence < 1.0:
        raise ConfigurationError(
            f"The confidence is {confidence}; it must lie between 0 and 1, for example 0.9.",
            confidence=confidence,
        )


@cache
def _quick_length(count: int) -> int:
    """The largest product of 2, 3, 5 and 7 up to `count`; small counts as they are."""
    length = count
    while count > _FEW_VALUES:
        rest = length
        for factor in (2, 3, 5, 7):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            break
        length -= 1
    return length


def _effective_bars(influence: FloatArray) -> float:
    """Number of bars over the kurtosis of their influence: one spike counts as one bar."""
    squares = influence * influence
    total = float(squares.sum())
    fourth = float(squares @ squares)
    return total * total / fourth if fourth > 0.0 else 1.0


def _degrees(bars: int, effective_share: float) -> int:
    return max(1, min(cosine_terms(bars), int(bars * effective_share + 1e-9)))


def _undefined(bars: int, year: float, benchmark: float) -> SharpeEstimate:
    nothing = math.nan
    return SharpeEstimate(
        ratio=nothing,
        standard_error=nothing,
        plain_standard_error=nothing,
        degrees=1,
        inflation=nothing,
        probability_above=nothing,
        plain_probability_above=nothing,
        benchmark=benchmark,
        bars=bars,
        periods_per_year=year,
        effective_bars=nothing,
    )
