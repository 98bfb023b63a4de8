"""How sure a volatility is when calm and wild times come in clusters. Returns per bar.

A resampled history breaks up clusters that last longer than its blocks, so a bootstrap interval is
much too narrow. Here a GARCH(1,1) (Bollerslev 1986) tells how long clusters last, and the variance
of the sample variance follows from its autocorrelations. It is fitted to what an autoregression
leaves over: the squares of positions that overlap are alike without any clusters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.performance.bar_returns import FloatArray
from trading_pipeline.performance.dependence import (
    check_confidence,
    cosine_terms,
    long_run_variance,
)
from trading_pipeline.performance.return_metrics import ensure_periods_per_year, sample_deviation
from trading_pipeline.performance.student_t import student_quantile

__all__ = ["VarianceError", "variance_error", "volatility_interval"]

_BETAS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98)
_ALPHAS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.45)
_LARGEST_PERSISTENCE = 0.99
_LARGEST_KURTOSIS = 30.0
_LEAST_LIKELIHOOD_RATIO = 6.0
_CLUSTERED_DEGREES = 6
"""Degrees that make up for not knowing persistence and kurtosis; chosen by simulated cover."""
_MOST_FITTED_BARS = 20_000
_LAGS = 25
_LARGEST_SCORE = 0.96
"""Bound of an interval's upper end: 5 times the measured volatility."""


@dataclass(frozen=True, kw_only=True)
class VarianceError:
    """The relative standard error of a sample variance, and what it rests on.

    Parameters
    ----------
    relative
        Standard error over the variance; NaN where it is not defined.
    degrees
        Degrees of freedom of Student's t for it.
    persistence
        Sum of the two GARCH coefficients; 0.0 where no clusters were found.
    """

    relative: float
    degrees: int
    persistence: float


def variance_error(returns: npt.ArrayLike) -> VarianceError:
    """How far the sample variance of dependent returns may be from the true one.

    The largest of the plain error (from the kurtosis), that of a long-run variance of the squares,
    and, where a GARCH(1,1) is clearly more likely than constant volatility (likelihood ratio of at
    least 6), that which its clusters imply. The GARCH has the sample's variance and is found on a
    grid for the remainders of an autoregression with 25 lags (a tenth of the bars at the most);
    longer series than 20,000 bars are fitted on their last ones. NaN, with one degree, below 20
    returns, where one is not finite, and where they do not vary.
    """
    values = np.asarray(returns, dtype=np.float64)
    usable = values.ndim == 1 and values.size >= 20 and bool(np.isfinite(values).all())
    if not (usable and sample_deviation(values) > 0.0):
        return VarianceError(relative=math.nan, degrees=1, persistence=0.0)
    bars = values.size
    squares = (values - values.mean()) ** 2
    squares /= squares.mean()
    kurtosis = min(float(squares @ squares) / bars, _LARGEST_KURTOSIS)
    error = max(kurtosis - 1.0, long_run_variance(squares))
    degrees, persistence = cosine_terms(bars), 0.0
    fit = _garch(_unexplained_squares(values[-_MOST_FITTED_BARS:]))
    if fit is not None:
        alpha, beta = fit
        degrees, persistence = min(_CLUSTERED_DEGREES, degrees), alpha + beta
        error = max(error, (kurtosis - 1.0) * _clustering(alpha, beta))
    return VarianceError(relative=math.sqrt(error / bars), degrees=degrees, persistence=persistence)


def volatility_interval(
    returns: npt.ArrayLike,
    *,
    periods_per_year: float,
    confidence: float = 0.9,
    error: VarianceError | None = None,
) -> tuple[float, float]:
    """Bounds that hold the true annual volatility with `confidence`.

    Symmetric for one over the variance, so that the upper bound is farther away: a quiet sample is
    more often too quiet than a wild one too wild. At most 5 times the measured volatility; 0.0 and
    0.0 for returns that do not vary. `error`: of `variance_error`, where it is known already.

    Raises
    ------
    InsufficientDataError
        Below 20 returns, or if one is not finite.
    ConfigurationError
        For a confidence outside (0, 1) or a `periods_per_year` that is not above 0.
    """
    check_confidence(confidence)
    root = math.sqrt(ensure_periods_per_year(periods_per_year))
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1 or values.size < 20 or not np.isfinite(values).all():
        raise InsufficientDataError(
            f"An interval of volatility needs 20 or more finite returns in a row; there are "
            f"{int(np.isfinite(values).sum())} finite ones of {values.size}. Measure a longer "
            "span.",
            returns=values.size,
        )
    deviation = sample_deviation(values)
    if deviation == 0.0:
        return 0.0, 0.0
    known = variance_error(values) if error is None else error
    score = known.relative * student_quantile(0.5 + 0.5 * confidence, degrees=known.degrees)
    low = deviation / math.sqrt(1.0 + score)
    high = deviation / math.sqrt(1.0 - min(score, _LARGEST_SCORE))
    return low * root, high * root


def _unexplained_squares(values: FloatArray) -> FloatArray:
    """Squares, of mean 1, of what an autoregression leaves over (equations of Yule and Walker)."""
    centred = values - values.mean()
    bars, lags = centred.size, min(_LAGS, centred.size // 10)
    spectrum = np.fft.rfft(centred, 2 * bars)
    covariances = np.fft.irfft(spectrum * spectrum.conj())[: lags + 1] / bars
    if not covariances[0] > 0.0:
        return np.ones(bars)
    places = np.arange(lags)
    matrix = covariances[np.abs(places[:, np.newaxis] - places)]
    matrix += 1e-9 * covariances[0] * np.eye(lags)
    left = centred.copy()
    for lag, weight in enumerate(np.linalg.solve(matrix, covariances[1:]), start=1):
        left[lag:] -= weight * centred[:-lag]
    squares: FloatArray = left[lags:] ** 2
    mean = float(squares.mean())
    return squares / mean if mean > 0.0 else np.ones(bars)


def _garch(squares: FloatArray) -> tuple[float, float] | None:
    """Most likely coefficients for squares of mean 1; None where volatility may be constant.

    With the long-run variance at 1, `h[t] - 1 = alpha * sum(beta^k * (squares[t-1-k] - 1))`: one
    convolution a beta serves all alphas.
    """
    bars = squares.size
    length = 1 << (2 * bars - 1).bit_length()
    excess = np.zeros(bars)
    excess[1:] = squares[:-1] - 1.0
    spectrum = np.fft.rfft(excess, length)
    powers = np.arange(bars)
    constant = float(squares.sum())
    best, found = constant - _LEAST_LIKELIHOOD_RATIO, None
    for beta in _BETAS:
        decay = np.fft.rfft(beta**powers, length)
        memory = np.fft.irfft(spectrum * decay, length)[:bars]
        for alpha in _ALPHAS:
            if alpha + beta > 0.995:
                break
            variance = np.maximum(1.0 + alpha * memory, 1e-6)
            likelihood = float(np.log(variance).sum() + (squares / variance).sum())
            if likelihood < best:
                best, found = likelihood, (alpha, beta)
    return found


def _clustering(alpha: float, beta: float) -> float:
    """Long-run variance of the squares of a GARCH(1,1) over their variance.

    The squares are an ARMA(1,1); its first autocorrelation is that of Bollerslev (1986).
    """
    persistence = min(alpha + beta, _LARGEST_PERSISTENCE)
    beta = max(persistence - alpha, 0.0)
    rest = 1.0 - alpha * beta - beta * beta
    first = alpha * rest / (1.0 - 2.0 * alpha * beta - beta * beta)
    return 1.0 + 2.0 * first / (1.0 - persistence)
