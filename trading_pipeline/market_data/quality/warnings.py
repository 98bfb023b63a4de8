"""The checks of bars that only warn: volume, stale runs, spikes, unrecorded splits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.currencies import MINOR_UNITS_A_CURRENCY
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.moments import Flags, Floats
from trading_pipeline.market_data.calendars import session_dates
from trading_pipeline.market_data.quality.findings import CheckSettings, Finding
from trading_pipeline.market_data.quality.split_checks import split_findings

__all__ = ["check_warnings", "is_hundredfold", "is_level_shift"]

_WITHOUT_VOLUME = ("index", "fx")
_SPLIT_RATIOS = np.array([1.5, *range(2, 21), 25, 30, 40, 50, 100], dtype=np.float64)
_MINIMUM_RETURNS = 20
_NORMAL_SCALE = 1.4826
"""Median absolute deviation times this is the standard deviation of a normal variable."""


def check_warnings(
    bars: pd.DataFrame,
    previous: pd.DataFrame | None,
    instrument: Instrument,
    calendar: str,
    actions: Sequence[CorporateAction],
    settings: CheckSettings,
) -> list[Finding]:
    """Warnings on sound bars; `previous` gives the bars before them, for what spans the start."""
    if bars.empty:
        return []
    joined, first = bars, 0
    if previous is not None and not previous.empty:
        context = previous.tail(settings.spike_window_bars + 1)
        joined, first = pd.concat([context, bars]), len(context)
    sessions = session_dates(pd.DatetimeIndex(joined.index), instrument.timeframe, calendar)
    splits = _split_at(sessions, actions)
    return [
        *_zero_volume(bars, instrument, settings),
        *_stale(joined, first, instrument, settings),
        *_spikes(joined, first, splits, settings),
        *_level_shifts(joined, first, splits, settings),
        *split_findings(joined, first, sessions, instrument.timeframe, actions, settings),
    ]


def _split_at(sessions: pd.DatetimeIndex, actions: Sequence[CorporateAction]) -> Floats:
    """Ratio of the splits that come into force at each bar, 1.0 where there is none."""
    ratios = np.ones(len(sessions))
    for action in actions:
        position = int(sessions.searchsorted(pd.Timestamp(action.ex_date, tz="UTC")))
        if action.kind == "split" and position < len(sessions):
            ratios[position] *= action.value
    return ratios


def _zero_volume(
    bars: pd.DataFrame, instrument: Instrument, settings: CheckSettings
) -> list[Finding]:
    if instrument.asset_class in _WITHOUT_VOLUME:
        return []
    share = float((bars["volume"] == 0.0).mean())
    if share <= settings.zero_volume_fraction:
        return []
    return [_warning("zero_volume", None, share, f"{share:.1%} of the bars have no volume.")]


def _stale(
    joined: pd.DataFrame, first: int, instrument: Instrument, settings: CheckSettings
) -> list[Finding]:
    """Runs of bars whose four prices repeat the bar before."""
    intraday = instrument.timeframe.is_intraday
    limit = settings.stale_intraday_bars if intraday else settings.stale_daily_bars
    prices = joined[list(PRICE_COLUMNS)].to_numpy()
    changed = np.flatnonzero(np.r_[True, (prices[1:] != prices[:-1]).any(axis=1)])
    lengths = np.diff(np.r_[changed, len(joined)])
    return [
        _warning(
            "stale",
            joined.index[start],
            float(length),
            f"{length} bars in a row have the same four prices.",
        )
        for start, length in zip(changed.tolist(), lengths.tolist(), strict=True)
        if length >= limit and start + length > first
    ]


def _spikes(
    joined: pd.DataFrame, first: int, splits: Floats, settings: CheckSettings
) -> list[Finding]:
    """A close far outside the usual range that the next close takes back."""
    closes = joined["close"].to_numpy()
    log_returns = np.diff(np.log(closes)) + np.log(splits[1:])
    series = pd.Series(log_returns)
    window = settings.spike_window_bars
    centre = series.rolling(window, min_periods=_MINIMUM_RETURNS).median().shift(1)
    deviation = (series - centre).abs()
    usual = deviation.rolling(window, min_periods=_MINIMUM_RETURNS).median().shift(1)
    scale = _NORMAL_SCALE * usual.to_numpy()
    size = np.abs(log_returns)
    following = np.append(log_returns[1:], 0.0)
    reverts = (np.sign(following) == -np.sign(log_returns)) & (
        np.abs(log_returns + following) < 0.5 * size
    )
    found = np.flatnonzero(
        (size > settings.spike_scales * scale) & (size > settings.spike_return) & reverts
    )
    return [
        _warning(
            "spike",
            joined.index[position + 1],
            float(np.expm1(log_returns[position])),
            f"The close moves by {np.expm1(log_returns[position]):.1%} and the next one takes it "
            f"back; the usual size is {scale[position]:.2%}.",
        )
        for position in found.tolist()
        if position + 1 >= first
    ][: settings.shown_findings]


def _level_shifts(
    joined: pd.DataFrame, first: int, splits: Floats, settings: CheckSettings
) -> list[Finding]:
    """An open near a simple multiple of the close before it, without a recorded split."""
    ratio = joined["open"].to_numpy()[1:] / joined["close"].to_numpy()[:-1]
    near = is_level_shift(ratio, settings.level_shift_tolerance)
    found = np.flatnonzero(near & (splits[1:] == 1.0))
    return [
        _warning(
            "level_shift",
            joined.index[position + 1],
            float(ratio[position]),
            _shift_words(float(ratio[position])),
        )
        for position in found.tolist()
        if position + 1 >= first
    ][: settings.shown_findings]


def is_level_shift(ratio: Floats, tolerance: float = CheckSettings.level_shift_tolerance) -> Flags:
    """True for ratios of an open to the close before that are near a split's, or one through it."""
    nearest = _SPLIT_RATIOS[_nearest(ratio)]
    return np.asarray(np.abs(np.maximum(ratio, 1.0 / ratio) / nearest - 1.0) <= tolerance)


def is_hundredfold(ratio: float) -> bool:
    """True where the ratio is that of a currency and its minor unit."""
    return bool(_SPLIT_RATIOS[_nearest(np.array([ratio]))][0] == MINOR_UNITS_A_CURRENCY)


def _nearest(ratio: Floats) -> npt.NDArray[np.intp]:
    step = np.maximum(ratio, 1.0 / ratio)
    return np.asarray(np.abs(step[:, None] / _SPLIT_RATIOS - 1.0).argmin(axis=1))


def _shift_words(ratio: float) -> str:
    nearest = _SPLIT_RATIOS[_nearest(np.array([ratio]))][0]
    units = ", or prices changed between a currency and its hundredth (pence and pounds)"
    return (
        f"The open is {ratio:.4g} times the close before it, near a split of {nearest:g}, and no "
        f"split is recorded{units if is_hundredfold(ratio) else ''}."
    )


def _warning(check_name: str, ts: pd.Timestamp | None, value: float, detail: str) -> Finding:
    return Finding(check_name=check_name, severity="WARN", ts=ts, value=value, detail=detail)
