"""Fetches the bars of a window and brings them into form: resampled, cut, joined, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from trading_pipeline.domain.bars import empty_bars, normalize_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import DataQualityError, MissingDataError
from trading_pipeline.market_data.calendars import expected_bars, known_at
from trading_pipeline.market_data.quality.checks import check_bars, has_errors
from trading_pipeline.market_data.quality.findings import (
    ERROR_CHECKS,
    CheckSettings,
    Finding,
    check_settings,
    findings_at,
)
from trading_pipeline.market_data.quality.price_rounding import widen_bars
from trading_pipeline.market_data.quality.repairs import repair_bars
from trading_pipeline.market_data.quality.restatements import (
    bar_revisions,
    keep_equal_values,
    restatement_findings,
)
from trading_pipeline.market_data.quality.score import coverage_of, quality_score
from trading_pipeline.market_data.resampling import finer_span, resample_bars
from trading_pipeline.market_data.sources.protocol import BarBatch, BarRequest
from trading_pipeline.stages.market_data.bar_windows import WindowAsk, overlap_start
from trading_pipeline.stages.workspace import Workspace

__all__ = ["PREVIOUS_BARS", "FetchedBars", "WindowHistory", "fetch_window", "storable"]

PREVIOUS_BARS = 200  # what the checks look back on across a window's start


@dataclass(frozen=True)
class WindowHistory:
    """What is known before a fetch: the window's stored bars, those before it, and the actions."""

    stored: pd.DataFrame
    previous: pd.DataFrame
    actions: list[CorporateAction]


@dataclass(frozen=True)
class FetchedBars:
    """The window's bars as they would be stored, and what was found on the way.

    `bars` are the closed ones of the whole window (as they came where their form is broken).
    `revisions` compares them with the stored ones. `expected` counts the due bars.
    """

    bars: pd.DataFrame
    findings: tuple[Finding, ...]
    revisions: pd.DataFrame
    batch: BarBatch
    asked_from: datetime
    expected: int
    coverage: float
    score: float

    @property
    def is_sound(self) -> bool:
        """True where no finding blocks."""
        return not has_errors(self.findings)


def fetch_window(
    workspace: Workspace,
    ask: WindowAsk,
    history: WindowHistory,
    due: pd.DatetimeIndex,
    *,
    continued: bool,
) -> FetchedBars:
    """Ask the source for a window, from the last stored bars on where `continued`.

    `due`: labels of the bars of the whole span that are complete by now. Raises what the source
    raises, and `MissingDataError` where it has no bar of a span in which some are due.
    """
    settings = check_settings(workspace.catalog.universe.checks_of(ask.instrument.id))
    span = Window(*ask.bounds)
    begin = overlap_start(history.stored, ask.instrument) if continued else span.start
    asked = Window(max(begin, span.start), span.end)
    batch = _ask(workspace, ask, asked, due[due >= pd.Timestamp(asked.start)])
    now = workspace.clock()
    # a bar that closed after the answer was given was still forming in it
    bars, findings = _formed(batch, ask.instrument, asked, min(now, batch.fetched_at), settings)
    revisions = bar_revisions(empty_bars(), empty_bars())
    if bars is None:
        bars = batch.frame
    else:
        kept = history.stored.loc[history.stored.index < pd.Timestamp(asked.start)]
        old = history.stored.loc[history.stored.index >= pd.Timestamp(asked.start)]
        if bars.index.is_unique and bars.index.is_monotonic_increasing:
            bars = keep_equal_values(old, bars, tolerance=settings.restatement_tolerance)
            revisions = bar_revisions(old, bars)
            findings += restatement_findings(revisions, settings)
        bars = pd.concat([kept, bars]) if len(kept) else bars
    found = check_bars(
        bars,
        instrument=ask.instrument,
        window=span,
        actions=history.actions,
        previous=history.previous if len(history.previous) else None,
        now=now,
        settings=settings,
    )
    findings = [*found, *findings]
    coverage = coverage_of(bars.index, due)
    return FetchedBars(
        bars=bars,
        findings=tuple(findings),
        revisions=revisions,
        batch=batch,
        asked_from=asked.start,
        expected=len(due),
        coverage=coverage,
        score=quality_score(findings, coverage),
    )


def _ask(workspace: Workspace, ask: WindowAsk, asked: Window, due: pd.DatetimeIndex) -> BarBatch:
    instrument = workspace.catalog.instrument(ask.instrument.id)
    finer, span = instrument.resample_from, asked
    if finer is not None:
        span = Window(
            *finer_span(asked.start, asked.end, finer, instrument.timeframe, instrument.calendar)
        )
        instrument = replace(instrument, timeframe=finer, resample_from=None)
    now = workspace.clock()
    end = min(span.end, now) if span.start < now else span.end  # nothing can be closed after now
    batch = workspace.source_of(instrument).fetch_bars(
        BarRequest(instrument=instrument, start=span.start, end=end)
    )
    if batch.frame.empty and len(due):
        raise MissingDataError(
            f"The source {instrument.source!r} gave no bar of {instrument.id} from "
            f"{span.start:%Y-%m-%d} to {end:%Y-%m-%d}, where the calendar {instrument.calendar} "
            f"has {len(due)} that are due. Check the symbol, and 'listed_from' and 'listed_to' in "
            "universe.yaml.",
            instrument=ask.instrument.id,
            window=ask.window.key,
            expected=len(due),
        )
    return batch


def _formed(
    batch: BarBatch,
    instrument: Instrument,
    asked: Window,
    cutoff: datetime,
    settings: CheckSettings,
) -> tuple[pd.DataFrame | None, list[Finding]]:
    """Closed bars of the span in the instrument's timeframe; None where their form is broken."""
    try:
        bars = normalize_bars(batch.frame)
    except DataQualityError:
        return None, []  # the schema check will say what is wrong
    fetched = instrument.resample_from or instrument.timeframe
    bars, findings = repair_bars(bars, fetched, instrument.calendar, settings)
    bars, rounded = widen_bars(bars, settings)
    findings += rounded
    if instrument.resample_from is not None:
        coarse, found = _resampled(bars, instrument, asked, cutoff, settings)
        return coarse, [*findings, *found]
    index = pd.DatetimeIndex(bars.index)
    inside = (index >= pd.Timestamp(asked.start)) & (index < pd.Timestamp(asked.end))
    stray = index[~inside]
    findings += findings_at(
        "extra_bar",
        "WARN",
        stray,
        stray.argsort(),
        "The source gave a bar outside the span that it was asked for; it was left out.",
        settings=settings,
    )
    bars, index = bars.loc[inside], index[inside]
    if not index.is_monotonic_increasing:
        return bars, findings  # the checks will say so
    closed = known_at(index, instrument.timeframe, instrument.calendar) <= pd.Timestamp(cutoff)
    return bars.loc[closed], [*findings, *_forming(index[~closed], cutoff)]


def _forming(index: pd.DatetimeIndex, cutoff: datetime) -> list[Finding]:
    if not len(index):
        return []
    return [
        Finding(
            check_name="partial_last",
            severity="WARN",
            ts=index[0],
            value=float(len(index)),
            detail=f"{len(index)} bar(s) from {index[0]} on were still forming at "
            f"{cutoff:%Y-%m-%d %H:%M} and were left out.",
        )
    ]


def _resampled(
    bars: pd.DataFrame,
    instrument: Instrument,
    asked: Window,
    cutoff: datetime,
    settings: CheckSettings,
) -> tuple[pd.DataFrame | None, list[Finding]]:
    """Coarse bars, and what the checks of the finer ones found; none where those are broken."""
    finer = instrument.resample_from or Timeframe.M1
    span = Window(
        *finer_span(asked.start, asked.end, finer, instrument.timeframe, instrument.calendar)
    )
    index = pd.DatetimeIndex(bars.index)
    if index.is_monotonic_increasing:
        closed = known_at(index, finer, instrument.calendar) <= pd.Timestamp(cutoff)
        bars = bars.loc[closed]
    found = check_bars(
        bars,
        instrument=replace(instrument, timeframe=finer, resample_from=None),
        window=span,
        now=cutoff,
        settings=settings,
    )
    findings = [
        replace(each, detail=f"Among the {finer.value} bars: {each.detail}")
        for each in found
        if each.check_name in (*ERROR_CHECKS, "extra_bar") and each.check_name != "identity"
    ]
    if any(each.severity == "ERROR" and each.check_name != "gap" for each in findings):
        return empty_bars(), findings
    coarse = resample_bars(bars, finer, instrument.timeframe, instrument.calendar, now=cutoff)
    coarse = coarse.loc[
        (coarse.index >= pd.Timestamp(asked.start)) & (coarse.index < pd.Timestamp(asked.end))
    ]
    if len(coarse):
        findings += _short_last(bars, coarse, instrument, finer)
    return coarse, findings


def _short_last(
    bars: pd.DataFrame, coarse: pd.DataFrame, instrument: Instrument, finer: Timeframe
) -> list[Finding]:
    """The last coarse bar where finer bars at its end are missing."""
    label = coarse.index[-1]
    begin, end = finer_span(
        label.to_pydatetime(),
        (label + pd.Timedelta(microseconds=1)).to_pydatetime(),
        finer,
        instrument.timeframe,
        instrument.calendar,
    )
    wanted = expected_bars(begin, end, finer, instrument.calendar)
    missing = wanted[wanted > bars.index[-1]]
    if not len(missing):
        return []
    return [
        Finding(
            check_name="partial_last",
            severity="WARN",
            ts=label,
            value=float(len(missing)),
            detail=f"The last bar lacks {len(missing)} of {len(wanted)} {finer.value} bars at its "
            f"end, from {missing[0]} on.",
        )
    ]


def storable(frame: pd.DataFrame) -> pd.DataFrame:
    """Rejected bars as far as they fit the table; none where their form is broken."""
    try:
        return normalize_bars(frame)
    except (DataQualityError, TypeError, ValueError):
        return empty_bars()
