"""The checks of bars that can block: form, order, prices, calendar, identity.

Each takes bars in any state and gives findings; nothing is repaired. `check_bars` runs all of them
and then, on bars whose form is sound, the warnings of `quality.warnings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS, PRICE_COLUMNS
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import Window
from trading_pipeline.market_data.quality.calendar_checks import (
    calendar_findings,
    grid_findings,
    identity_findings,
)
from trading_pipeline.market_data.quality.findings import (
    ERROR_CHECKS,
    CheckSettings,
    Finding,
    findings_at,
)
from trading_pipeline.market_data.quality.price_rounding import rounding_findings, widen_bars
from trading_pipeline.market_data.quality.warnings import check_warnings

__all__ = ["ERROR_CHECKS", "CheckSettings", "Finding", "check_bars", "has_errors"]

DEFAULT_SETTINGS = CheckSettings()


def has_errors(findings: Iterable[Finding]) -> bool:
    """True when at least one finding blocks."""
    return any(finding.severity == "ERROR" for finding in findings)


def check_bars(
    bars: pd.DataFrame,
    *,
    instrument: Instrument,
    window: Window | None = None,
    calendar: str | None = None,
    actions: Sequence[CorporateAction] = (),
    previous: pd.DataFrame | None = None,
    now: datetime | None = None,
    settings: CheckSettings = DEFAULT_SETTINGS,
) -> list[Finding]:
    """All findings on bars as traded; an empty list means that nothing was found.

    `window`: the span the bars were fetched for, clipped to the instrument's listing; without it
    the span from the first to the last bar counts. `calendar`: instead of the instrument's.
    `previous`: bars before the window, so that identity, spikes, stale runs and level shifts are
    seen across its start. `now`: bars not yet known at that moment are not expected.

    Bars with a broken schema, wrong order, duplicates or impossible prices get those findings only,
    since the rest would be noise. No bars give no finding but `coverage`.
    """
    findings = _schema(bars)
    if findings:
        return findings
    findings = [*_order(bars, settings), *_duplicates(bars, settings)]
    findings += [*_ohlc(bars, settings), *_positive(bars, settings)]
    if any(finding.check_name != "ohlc" for finding in findings):
        return findings
    findings += rounding_findings(bars, settings)
    calendar = calendar or instrument.calendar
    index = pd.DatetimeIndex(bars.index)
    findings += grid_findings(index, instrument, calendar, settings)
    has_previous = previous is not None and len(previous) > 0
    findings += calendar_findings(
        index, instrument, calendar, window, now, settings, has_previous=has_previous
    )
    findings += identity_findings(bars, previous, instrument, calendar, actions, settings)
    findings += check_warnings(bars, previous, instrument, calendar, actions, settings)
    return findings


def _schema(bars: pd.DataFrame) -> list[Finding]:
    problems: list[tuple[str, pd.Timestamp | None]] = []
    index = bars.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None or index.name != "ts":
        problems.append(("the index is not an aware UTC DatetimeIndex named ts", None))
    elif str(index.tz) != "UTC" or index.unit != "us" or bool(index.hasnans):
        problems.append(("the index is not UTC in microseconds without missing stamps", None))
    if tuple(bars.columns) != BAR_COLUMNS:
        found = ", ".join(map(str, bars.columns))
        problems.append((f"columns are {found}; they must be {', '.join(BAR_COLUMNS)}", None))
    for column in (name for name in BAR_COLUMNS if list(bars.columns).count(name) == 1):
        if str(bars[column].dtype) != "float64":
            problems.append((f"column {column} is {bars[column].dtype}, not float64", None))
        elif bars[column].isna().any():
            empty = bars[column].isna()
            first = bars.index[empty.to_numpy()][0]
            stamp = first if isinstance(first, pd.Timestamp) else None
            problems.append((f"column {column} has {int(empty.sum())} missing value(s)", stamp))
    return [
        Finding(check_name="schema", severity="ERROR", ts=ts, value=None, detail=f"Bars: {text}.")
        for text, ts in problems
    ]


def _order(bars: pd.DataFrame, settings: CheckSettings) -> list[Finding]:
    moments = pd.DatetimeIndex(bars.index).asi8
    falls = np.flatnonzero(np.diff(moments) < 0) + 1
    return findings_at(
        "order",
        "ERROR",
        bars.index,
        falls,
        lambda position: f"The bar comes after a later one, that of {bars.index[position - 1]}.",
        settings=settings,
    )


def _duplicates(bars: pd.DataFrame, settings: CheckSettings) -> list[Finding]:
    """Stamps that occur more than once; those whose bars differ come first."""
    again = pd.DatetimeIndex(bars.index[bars.index.duplicated(keep=False)].unique())
    if not len(again):
        return []
    distinct = bars.reset_index().drop_duplicates()["ts"]
    differ = again.isin(distinct[distinct.duplicated()])
    ordered = again[differ].append(again[~differ])
    return findings_at(
        "duplicate_ts",
        "ERROR",
        ordered,
        np.arange(len(ordered)),
        lambda position: _duplicate_words(bars.loc[[ordered[position]]]),
        values=lambda position: len(bars.loc[[ordered[position]]]),
        settings=settings,
        others="stamps occur more than once",
    )


def _duplicate_words(rows: pd.DataFrame) -> str:
    unlike = {str(name): rows[name].unique() for name in rows if rows[name].nunique() > 1}
    words = "with equal values"
    if unlike:
        told = (
            f"{name} {' and '.join(f'{value:g}' for value in values[:3])}"
            for name, values in unlike.items()
        )
        words = f"with conflicting values: {', '.join(told)}"
    return f"{len(rows)} bars carry this stamp, {words}."


def _ohlc(bars: pd.DataFrame, settings: CheckSettings) -> list[Finding]:
    opened, high, low, close = widen_bars(bars, settings)[0][list(PRICE_COLUMNS)].to_numpy().T
    allowed = settings.ohlc_tolerance * np.abs(close)
    with np.errstate(invalid="ignore"):  # infinite prices are the finding of `positive`
        above = np.maximum(opened, close) - high
        below = low - np.minimum(opened, close)
        excess = np.maximum(np.maximum(above, below), low - high)
        broken = np.flatnonzero(excess > allowed)
    return findings_at(
        "ohlc",
        "ERROR",
        bars.index,
        broken,
        lambda position: (
            f"High and low do not bound open and close, by {excess[position]:g}: open "
            f"{opened[position]:g}, high {high[position]:g}, low {low[position]:g}, close "
            f"{close[position]:g}."
        ),
        values=excess,
        settings=settings,
    )


def _positive(bars: pd.DataFrame, settings: CheckSettings) -> list[Finding]:
    values = bars[list(PRICE_COLUMNS)].to_numpy()
    volume = bars["volume"].to_numpy()
    lowest = values.min(axis=1, initial=np.inf)
    bad = ~np.isfinite(values).all(axis=1) | (lowest <= 0.0) | ~np.isfinite(volume) | (volume < 0.0)
    return findings_at(
        "positive",
        "ERROR",
        bars.index,
        np.flatnonzero(bad),
        lambda position: (
            "A price is not finite and above 0, or the volume is below 0 or not finite: "
            + ", ".join(f"{name} {bars[name].iloc[position]:g}" for name in BAR_COLUMNS)
            + "."
        ),
        values=np.minimum(lowest, volume),
        settings=settings,
    )
