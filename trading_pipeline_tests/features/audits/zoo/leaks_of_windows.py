"""Features whose windows, fits, ranks or fills reach into the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.ndimage
import scipy.signal
import scipy.stats

from trading_pipeline_tests.features.audits.zoo.cases import Zoo

leak = Zoo()


def change(bars):
    return bars.close / bars.close.shift(1) - 1.0


def shifted(k):
    def compute(bars):
        return bars.close.shift(-k) / bars.close - 1.0

    compute.__name__ = f"shift_by_minus_{k}"
    return compute


for back in (1, 2, 5, 20):
    leak(0)(shifted(back))


@leak(0)
def percent_change_backward(bars):
    return bars.close.pct_change(periods=-1)


@leak(1)
def gradient(bars):
    return np.gradient(bars.close.to_numpy())


@leak(5)
def centred_mean(bars):
    return bars.close.rolling(5, center=True).mean() / bars.close


@leak(7)
def centred_extremum(bars):
    return bars.high == bars.high.rolling(7, center=True).max()


@leak(11)
def savitzky_golay(bars):
    return scipy.signal.savgol_filter(bars.close, 11, 2) / bars.close


@leak(20)
def gaussian_filter(bars):
    return scipy.ndimage.gaussian_filter1d(bars.close.to_numpy(), 3.0)


@leak(60)
def filter_of_both_directions(bars):
    b, a = scipy.signal.butter(2, 0.2)
    return scipy.signal.filtfilt(b, a, bars.close) / bars.close


@leak(9)
def convolution_same(bars):
    return np.convolve(bars.close, np.ones(9) / 9.0, mode="same") / bars.close


@leak(1)
def fourier_low_pass(bars):
    moves = np.log(bars.close.to_numpy())
    spectrum = np.fft.rfft(moves)
    spectrum[len(spectrum) // 8 :] = 0.0
    return np.fft.irfft(spectrum, len(moves))


@leak(1)
def detrended(bars):
    return scipy.signal.detrend(np.log(bars.close.to_numpy()))


@leak(5)
def smallest_low_to_come(bars):
    return bars.low[::-1].rolling(5, min_periods=1).min()[::-1] / bars.close


@leak(1)
def reversed_cumulative_maximum(bars):
    return bars.high[::-1].cummax()[::-1] > 1.3 * bars.close


@leak(1)
def drawdown_to_come(bars):
    return (bars.low[::-1].cummin()[::-1] / bars.close - 1.0).clip(lower=-0.05)


@leak(1)
def reversed_average(bars):
    return bars.close[::-1].ewm(span=10).mean()[::-1] / bars.close


@leak(1)
def filled_after_sorting_backward(bars):
    rises = bars.close.where(bars.close > bars.open)
    return rises.sort_index(ascending=False).ffill().sort_index() / bars.close


@leak(1)
def interpolated(bars):
    return bars.close.where(change(bars).abs() < 0.02).interpolate() / bars.close


@leak(1)
def z_score_of_all(bars):
    moves = change(bars)
    return (moves - moves.mean()) / moves.std()


@leak(1)
def scaled_to_the_range_of_all(bars):
    volume = np.log1p(bars.volume)
    return (volume - volume.min()) / (volume.max() - volume.min())


@leak(1)
def rank_of_all(bars):
    return change(bars).rank(pct=True)


@leak(1)
def tails_by_the_quantile_of_all(bars):
    moves = change(bars)
    return moves > moves.quantile(0.995)


@leak(1)
def clipped_at_quantiles_of_all(bars):
    moves = change(bars)
    return moves.clip(moves.quantile(0.002), moves.quantile(0.998))


@leak(1)
def bins_of_all(bars):
    return pd.qcut(bars.volume.rank(method="first"), 5, labels=False)


@leak(1)
def above_the_median_of_all(bars):
    return bars.volume > bars.volume.median()


@leak(5)
def regression_on_all(bars):
    moves = change(bars).fillna(0.0)
    slope, intercept = np.polyfit(moves.shift(1).fillna(0.0), moves, 1)
    return moves.shift(1) * slope + intercept


@leak(5)
def principal_component_of_all(bars):
    columns = np.column_stack([change(bars).fillna(0.0).shift(k).fillna(0.0) for k in range(3)])
    _, _, rows = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    return np.abs(columns @ rows[0])


@leak(1)
def extreme_z_scores_of_all(bars):
    z = pd.Series(scipy.stats.zscore(change(bars).fillna(0.0)), bars.index)
    return z.where(z.abs() > 4.0, 0.0)


@leak(1)
def highest_close_of_all(bars):
    return bars.close == bars.close.max()


@leak(6)
def peaks(bars):
    flags = np.zeros(len(bars))
    flags[scipy.signal.find_peaks(bars.close, prominence=5.0)[0]] = 1.0
    return flags


@leak(6)
def relative_extrema(bars):
    flags = np.zeros(len(bars))
    flags[scipy.signal.argrelextrema(bars.low.to_numpy(), np.less, order=6)[0]] = 1.0
    return flags


@leak(20)
def outcome_of_a_barrier(bars):
    moves = [bars.close.shift(-k) / bars.close - 1.0 for k in range(1, 6)]
    hit = np.max(moves, axis=0)
    return np.where(hit > 0.08, 1.0, 0.0)


@leak(1)
def bars_until_a_jump(bars):
    jumps = pd.Series(np.arange(len(bars), dtype=float), bars.index).where(change(bars) > 0.04)
    return (jumps.bfill() - np.arange(len(bars))).clip(upper=3.0)


@leak(20)
def rolling_mean_moved_back(bars):
    return bars.close.rolling(20).mean().shift(-2) / bars.close
