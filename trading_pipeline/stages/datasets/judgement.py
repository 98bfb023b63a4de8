"""Judges a file's bars before they are registered, and says how to fix what a check would block.

The checks are those that a fetch of the same bars would run, window by window. Spans are aware UTC
and half-open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import MissingDataError
from trading_pipeline.market_data.quality.calendar_checks import due_bars
from trading_pipeline.market_data.quality.findings import Finding
from trading_pipeline.market_data.sources.protocol import (
    ActionRequest,
    BarBatch,
    BarRequest,
    SourceCapabilities,
)
from trading_pipeline.settings.universe import InstrumentSpec, UniverseFile
from trading_pipeline.stages.market_data.bar_fetch import PREVIOUS_BARS, WindowHistory, fetch_window
from trading_pipeline.stages.market_data.bar_windows import window_asks
from trading_pipeline.stages.workspace import Workspace

__all__ = ["blocking_findings", "blocking_reason"]

_AHEAD = timedelta(days=1)  # a session's date may lie before the sun has reached it
_FIXES = {
    "duplicate_ts": "keep one row of each stamp with --duplicates first or --duplicates last",
    "ohlc": "correct or take out these rows in the file",
    "positive": "correct or take out these rows in the file",
    "grid": "say what the bars are with --timeframe, --calendar or --tz",
    "gap": "name the right --calendar, or allow the missing share with --max-missing, such as "
    "--max-missing 0.2",
    "identity": "put one series into the file, or split it where another begins",
    "future": "take these rows out of the file, or correct their date (--date-order)",
    "calendar": "name another --calendar; 24/5 has every weekday",
    "no_bars": "name the right --calendar, or split the file at the hole",
}
_SHOWN_STAMPS = 5


@dataclass(frozen=True)
class _BarsInHand:
    """Bars that are not registered yet, as a source."""

    bars: pd.DataFrame
    asked_at: datetime
    name: str = "files"

    def capabilities(self) -> SourceCapabilities:
        return SourceCapabilities(timeframes=tuple(Timeframe), needs_network=False)

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        index = self.bars.index
        first, last = (
            int(index.searchsorted(pd.Timestamp(each))) for each in (request.start, request.end)
        )
        return BarBatch(
            frame=self.bars.iloc[first:last],
            price_basis="as_traded",
            fetched_at=self.asked_at,
            client_version="not registered yet",
        )

    def fetch_actions(self, request: ActionRequest) -> list[CorporateAction]:  # noqa: ARG002
        return []


def blocking_findings(
    workspace: Workspace, name: str, spec: InstrumentSpec, bars: pd.DataFrame
) -> list[Finding]:
    """What would keep the bars out of the warehouse; looked at window by window as a fetch does."""
    now = workspace.clock()
    ahead = pd.DatetimeIndex(bars.index) > pd.Timestamp(now + _AHEAD)
    if ahead.any():
        stamps = bars.index[ahead]
        text = f"The bar is dated in the future; today is {now:%Y-%m-%d} now."
        return [_finding("future", stamps[0], text, len(stamps))]
    universe = workspace.catalog.universe.overlaid(UniverseFile(instruments=(spec,)))
    judged = replace(
        workspace,
        catalog=replace(workspace.catalog, universe=universe),
        open_source=lambda _: _BarsInHand(bars, now),
    )
    listing = (spec.listed_from, spec.listed_to)
    found: list[Finding] = []
    previous, is_judged = bars.iloc[:0], False
    for ask in window_asks(judged, name, judged.windows_of(name), listing=listing):
        due = due_bars(ask.instrument, Window(*ask.bounds), now=now)
        if ask.span is None or not len(due):
            continue
        history = WindowHistory(bars.iloc[:0], previous, [])
        try:
            fetched = fetch_window(judged, ask, history, due, continued=False)
        except MissingDataError:
            start, end = ask.span
            text = (
                f"No bar from {start:%Y-%m-%d} to {end:%Y-%m-%d}, where the calendar "
                f"{spec.calendar} has {len(due):,}."
            )
            found.append(_finding("no_bars", pd.Timestamp(start), text, len(due)))
            continue
        found += [each for each in fetched.findings if each.severity == "ERROR"]
        previous = fetched.bars.tail(PREVIOUS_BARS)
        is_judged = True
    if not is_judged and not found:
        text = f"The calendar {spec.calendar} has none of the file's bars from {bars.index[0]} to "
        found = [_finding("calendar", bars.index[0], f"{text}{bars.index[-1]}.", len(bars))]
    return found


def blocking_reason(findings: Sequence[Finding]) -> str:
    """One sentence a check: how many bars, which ones, what is wrong, how to fix it."""
    sentences = []
    for check in dict.fromkeys(each.check_name for each in findings):
        mine = [each for each in findings if each.check_name == check]
        stamps = [_shown(each.ts) for each in mine if each.ts is not None]
        count = sum(_cases(each) for each in mine)
        where = ", ".join(stamps[:_SHOWN_STAMPS]) + (", ..." if len(stamps) > _SHOWN_STAMPS else "")
        fix = f" To fix it: {_FIXES[check]}." if check in _FIXES else ""
        sentences.append(
            f"{check} ({count:,} found{' at ' + where if where else ''}): {mine[0].detail}{fix}"
        )
    return " ".join(sentences)


def _cases(finding: Finding) -> int:
    """How many bars a finding speaks of; one of `gap` is a whole run of missing ones."""
    return int(finding.value or 1) if finding.check_name == "gap" else finding.count


def _finding(check: str, ts: pd.Timestamp, text: str, count: int) -> Finding:
    return Finding(
        check_name=check, severity="ERROR", ts=ts, value=float(count), detail=text, count=count
    )


def _shown(ts: pd.Timestamp) -> str:
    return f"{ts:%Y-%m-%d}" if ts == ts.normalize() else f"{ts:%Y-%m-%d %H:%M} UTC"
