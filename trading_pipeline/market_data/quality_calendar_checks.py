"""This file holds the checks of bars against their calendar: grid, gaps, extra bars, identity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import Window
from trading_pipeline.market_data.calendars import (
    expected_bars,
    known_at,
    on_grid,
    session_dates,
)
from trading_pipeline.market_data.quality_findings import CheckSettings, Finding, findings_at
from trading_pipeline.market_data.session_schedule import ALWAYS, WEEKDAYS

__all__ = ["calendar_findings", "grid_findings", "identity_findings"]


def grid_findings(
    index: pd.DatetimeIndex, instrument: Instrument, calendar: str, settings: CheckSettings
) -> list[Finding]:
    """Bars whose label cannot be one of the timeframe and calendar."""
    off = np.flatnonzero(~on_grid(index, instrument.timeframe, calendar))
    detail = f"The stamp is not on the {instrument.timeframe.value} grid of {calendar}."
    return findings_at("grid", "ERROR", index, off, detail, settings=settings)


def calendar_findings(
    index: pd.DatetimeIndex,
    instrument: Instrument,
    calendar: str,
    window: Window | None,
    now: datetime | None,
    settings: CheckSettings,
) -> list[Finding]:
    """Gaps between the first and last bar, missing bars at the window's edges, bars too many."""
    if window is not None:
        start, end = window.start, window.end
    elif len(index):
        start, end = index[0].to_pydatetime(), index[-1].to_pydatetime() + timedelta(seconds=1)
    else:
        return []
    expected = expected_bars(start, end, instrument.timeframe, calendar)
    if now is not None:
        expected = expected[known_at(expected, instrument.timeframe, calendar) <= pd.Timestamp(now)]
    days = session_dates(expected, instrument.timeframe, calendar)
    first, last = _midnight(instrument.listed_from), _midnight(instrument.listed_to)
    listed = np.ones(len(expected), dtype=np.bool_)
    if first is not None:
        listed &= np.asarray(days >= first)
    if last is not None:
        listed &= np.asarray(days <= last)
    due = expected[listed]
    findings = _extra_bars(index, expected, start, end, now, settings)
    missing = due.difference(index)
    if not len(missing):
        return findings
    inside = np.zeros(len(missing), dtype=np.bool_)
    if len(index):
        inside = np.asarray((missing > index[0]) & (missing < index[-1]))
    share = float(inside.sum()) / len(due)
    blocking = calendar not in (ALWAYS, WEEKDAYS) and share > settings.gap_error_fraction
    for run in _runs(due, missing[inside])[: settings.shown_findings]:
        findings.append(
            Finding(
                check_name="gap",
                severity="ERROR" if blocking else "WARN",
                ts=run[0],
                value=float(len(run)),
                detail=f"{len(run)} bar(s) that {calendar} expects are missing up to {run[-1]}; "
                f"{share:.2%} of the window's bars are missing in all.",
            )
        )
    edges = missing[~inside]
    if len(edges):
        findings.append(
            Finding(
                check_name="coverage",
                severity="WARN",
                ts=edges[0],
                value=len(edges) / len(due),
                detail=f"{len(edges)} of {len(due)} expected bars are missing at the window's edges "
                f"({edges[0]} to {edges[-1]}).",
            )
        )
    return findings


def _extra_bars(
    index: pd.DatetimeIndex,
    expected: pd.DatetimeIndex,
    start: datetime,
    end: datetime,
    now: datetime | None,
    settings: CheckSettings,
) -> list[Finding]:
    inside = index[(index >= pd.Timestamp(start)) & (index < pd.Timestamp(end))]
    beyond = index.difference(inside)
    extra = inside.difference(expected)
    if now is not None and len(expected):
        extra = extra[extra <= expected[-1]]  # what is still forming is not the calendar's matter
    stray = beyond.union(extra)
    return findings_at(
        "extra_bar",
        "WARN",
        stray,
        np.arange(len(stray)),
        "The calendar or the window has no such bar.",
        settings=settings,
    )


def identity_findings(
    bars: pd.DataFrame,
    previous: pd.DataFrame | None,
    instrument: Instrument,
    calendar: str,
    actions: Sequence[CorporateAction],
    settings: CheckSettings,
) -> list[Finding]:
    """Another company under the same ticker: a long absence, then quite another price."""
    joined = bars if previous is None or previous.empty else pd.concat([previous.tail(1), bars])
    days = session_dates(pd.DatetimeIndex(joined.index), instrument.timeframe, calendar)
    findings = []
    long_days = pd.Timedelta(days=settings.identity_missing_sessions)
    for position in np.flatnonzero(np.asarray(days[1:] - days[:-1]) > long_days).tolist():
        before, after = days[position], days[position + 1]
        absent = len(expected_bars(before, after, "1d", calendar)) - 1
        splits = [
            action.value
            for action in actions
            if action.kind == "split" and before.date() < action.ex_date <= after.date()
        ]
        price = joined["open"].iloc[position + 1] * float(np.prod(splits))
        ratio = float(price / joined["close"].iloc[position])
        if (
            absent > settings.identity_missing_sessions
            and max(ratio, 1 / ratio) > settings.identity_price_ratio
        ):
            findings.append(
                Finding(
                    check_name="identity",
                    severity="ERROR",
                    ts=joined.index[position + 1],
                    value=ratio,
                    detail=f"After {absent} sessions without a bar the price is {ratio:.2f} times "
                    "what it was: perhaps another company under the same ticker.",
                )
            )
    return findings


def _runs(expected: pd.DatetimeIndex, missing: pd.DatetimeIndex) -> list[pd.DatetimeIndex]:
    """Missing bars grouped where they follow one another in the calendar."""
    if not len(missing):
        return []
    positions = expected.get_indexer(missing)
    cuts = np.flatnonzero(np.diff(positions) > 1) + 1
    bounds = [0, *cuts.tolist(), len(missing)]
    return [missing[start:end] for start, end in pairwise(bounds)]


def _midnight(day: date | None) -> pd.Timestamp | None:
    return None if day is None else pd.Timestamp(datetime(day.year, day.month, day.day, tzinfo=UTC))
