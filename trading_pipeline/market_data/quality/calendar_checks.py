"""Checks of bars against their calendar: grid, gaps, extra bars, identity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.moments import Flags, midnight
from trading_pipeline.domain.windows import Window
from trading_pipeline.market_data.calendars import (
    expected_bars,
    known_at,
    on_grid,
    session_dates,
)
from trading_pipeline.market_data.quality.findings import CheckSettings, Finding, findings_at
from trading_pipeline.market_data.schedule import ALWAYS, WEEKDAYS

__all__ = ["calendar_findings", "due_bars", "grid_findings", "identity_findings"]


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
    *,
    has_previous: bool = False,
) -> list[Finding]:
    """Missing bars (`gap`, `coverage`, `freshness`) and bars too many (`extra_bar`).

    Without a `window` the span from the first to the last bar counts. Bars that closed less than
    `freshness_hours` ago are not missed yet. Missing bars are a `gap`, at the window's edges too,
    with two exceptions: at the end of a window that still runs they are `freshness`, since they may
    come; at the start of a series with an unknown listing date they are `coverage`. Before the
    first and after the last bar of a file, on its own days, they only warn. `gap` blocks on a
    listed market where more than `gap_error_fraction` of the whole window's bars are missing. No
    bars at all are `coverage` alone.
    """
    if window is not None:
        start, end = window.start, window.end
    elif len(index):
        start, end = index[0].to_pydatetime(), index[-1].to_pydatetime() + timedelta(seconds=1)
    else:
        return []
    whole = due_bars(instrument, Window(start, end), calendar=calendar)
    closes = known_at(whole, instrument.timeframe, calendar)
    due, late = whole, whole
    if now is not None:
        grace = pd.Timedelta(hours=settings.freshness_hours)
        due, late = whole[closes <= pd.Timestamp(now)], whole[closes <= pd.Timestamp(now) - grace]
    expected = expected_bars(start, end, instrument.timeframe, calendar)
    findings = _extra_bars(index, expected, due, start, end, now, settings)
    missing = late.difference(index)
    if not len(missing):
        return findings
    before = np.asarray(missing < index[0]) if len(index) else np.ones(len(missing), dtype=np.bool_)
    after = np.asarray(missing > index[-1]) if len(index) else ~before
    unknown_start = before & (not has_previous and instrument.listed_from is None)
    awaited = after & (now is not None and pd.Timestamp(end) > pd.Timestamp(now))
    cut = _cut_sessions(index, instrument, missing, calendar)
    if len(index):
        findings += _gaps(missing[~(unknown_start | awaited | cut)], whole, calendar, settings)
    if cut.any():
        findings.append(
            Finding(
                check_name="gap",
                severity="WARN",
                ts=missing[cut][0],
                value=float(cut.sum()),
                detail=f"The file begins or ends within a session: {int(cut.sum())} bar(s) of its "
                "first or last day are missing.",
            )
        )
    findings += _coverage(index, due, missing, unknown_start, settings)
    if awaited.any():
        findings.append(
            Finding(
                check_name="freshness",
                severity="WARN",
                ts=missing[awaited][-1],
                value=float(awaited.sum()),
                detail=f"{int(awaited.sum())} bar(s) up to {missing[awaited][-1]} closed more than "
                f"{settings.freshness_hours:g} h ago and are not there yet.",
            )
        )
    return findings


def _cut_sessions(
    index: pd.DatetimeIndex, instrument: Instrument, missing: pd.DatetimeIndex, calendar: str
) -> Flags:
    """True for missing bars that lie before the first or after the last bar of a file, on that
    day."""
    none = np.zeros(len(missing), dtype=np.bool_)
    if instrument.source != "files" or not len(index) or not len(missing):
        return none
    days = session_dates(missing, instrument.timeframe, calendar)
    there = session_dates(index[[0, -1]], instrument.timeframe, calendar)
    begins = ends = none
    if there[0] == _midnight(instrument.listed_from):
        begins = np.asarray((missing < index[0]) & (days == there[0]))
    if there[-1] == _midnight(instrument.listed_to):
        ends = np.asarray((missing > index[-1]) & (days == there[-1]))
    return np.asarray(begins | ends)


def due_bars(
    instrument: Instrument,
    window: Window,
    *,
    now: datetime | None = None,
    calendar: str | None = None,
) -> pd.DatetimeIndex:
    """Labels of the bars that the calendar has in the window while the instrument is listed.

    With `now`, only those that are complete at that moment.
    """
    calendar = calendar or instrument.calendar
    expected = expected_bars(window.start, window.end, instrument.timeframe, calendar)
    days = session_dates(expected, instrument.timeframe, calendar)
    first, last = _midnight(instrument.listed_from), _midnight(instrument.listed_to)
    listed = np.ones(len(expected), dtype=np.bool_)
    if first is not None:
        listed &= np.asarray(days >= first)
    if last is not None:
        listed &= np.asarray(days <= last)
    due = expected[listed]
    if now is None:
        return due
    return due[known_at(due, instrument.timeframe, calendar) <= pd.Timestamp(now)]


def _gaps(
    missing: pd.DatetimeIndex, whole: pd.DatetimeIndex, calendar: str, settings: CheckSettings
) -> list[Finding]:
    if not len(missing):
        return []
    share = len(missing) / len(whole)
    blocking = calendar not in (ALWAYS, WEEKDAYS) and share > settings.gap_error_fraction
    runs = _runs(whole, missing)
    findings = [
        Finding(
            check_name="gap",
            severity="ERROR" if blocking else "WARN",
            ts=run[0],
            value=float(len(run)),
            detail=f"{len(run)} bar(s) that {calendar} expects are missing up to {run[-1]}; "
            f"{share:.2%} of the window's bars are missing in all.",
        )
        for run in runs[: settings.shown_findings]
    ]
    if len(runs) > settings.shown_findings:
        more = sum(len(run) for run in runs[settings.shown_findings :])
        findings.append(
            Finding(
                check_name="gap",
                severity="ERROR" if blocking else "WARN",
                ts=None,
                value=float(more),
                detail=f"{more} more missing bars in {len(runs) - settings.shown_findings} runs.",
            )
        )
    return findings


def _coverage(
    index: pd.DatetimeIndex,
    due: pd.DatetimeIndex,
    missing: pd.DatetimeIndex,
    unknown_start: Flags,
    settings: CheckSettings,
) -> list[Finding]:
    share = 1.0 - len(missing) / len(due)
    if len(index) and not unknown_start.any() and share >= settings.coverage_fraction:
        return []
    detail = f"{len(due) - len(missing)} of {len(due)} due bars are there ({share:.2%})"
    if unknown_start.any() and len(index):
        detail += (
            f"; the series starts at {index[0]}, {int(unknown_start.sum())} bars after the window. "
            "Set 'listed_from' in universe.yaml if it did not exist before"
        )
    return [
        Finding(
            check_name="coverage", severity="WARN", ts=missing[0], value=share, detail=detail + "."
        )
    ]


def _extra_bars(
    index: pd.DatetimeIndex,
    expected: pd.DatetimeIndex,
    due: pd.DatetimeIndex,
    start: datetime,
    end: datetime,
    now: datetime | None,
    settings: CheckSettings,
) -> list[Finding]:
    inside = index[(index >= pd.Timestamp(start)) & (index < pd.Timestamp(end))]
    beyond = index.difference(inside)
    extra = inside.difference(expected)
    if now is not None and len(due):
        extra = extra[extra <= due[-1]]  # what is still forming is not the calendar's matter
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
    return None if day is None else pd.Timestamp(midnight(day))
