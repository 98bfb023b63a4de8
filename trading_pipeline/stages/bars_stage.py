"""This file holds the stage of bars: fetch a window, check it, and write it or keep it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from trading_pipeline.domain.bars import empty_bars, normalize_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.hashing import canonical_hash, frame_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import DataFetchError, DataQualityError, MissingDataError
from trading_pipeline.market_data.calendars import expected_bars, known_at
from trading_pipeline.market_data.quality_checks import Finding, check_bars, has_errors
from trading_pipeline.market_data.source import BarBatch, BarRequest
from trading_pipeline.stages.outcome import Outcome, tell_progress
from trading_pipeline.stages.universe_stage import clipped_span
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.bar_store import FetchAttempt

__all__ = ["BarsOutcome", "pending_bars", "refresh_bars"]

_SETTLING = timedelta(days=7)
_PREVIOUS_BARS = 200  # what the checks look back on across a window's start


@dataclass(frozen=True, kw_only=True)
class BarsOutcome(Outcome):
    """A window of bars and all that its checks found."""

    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Ask:
    window: Window
    span: tuple[datetime, datetime] | None  # None: the instrument is not listed in the window
    state: str


@dataclass
class _Context:
    """What the checks look back on: the stored bars, kept up to date, and the actions."""

    stored: pd.DataFrame
    actions: list[CorporateAction]

    @classmethod
    def read(cls, workspace: Workspace, instrument_id: str) -> _Context:
        return cls(
            workspace.bars.read_span(instrument_id, None, None),
            workspace.reference.actions(instrument_id),
        )

    def replace(self, window: Window, bars: pd.DataFrame) -> None:
        before = self.stored.loc[self.stored.index < window.start]
        after = self.stored.loc[self.stored.index >= window.end]
        parts = [part for part in (before, bars, after) if len(part)]
        self.stored = pd.concat(parts) if parts else bars


def refresh_bars(
    workspace: Workspace, instrument_id: str, windows: Sequence[Window]
) -> list[BarsOutcome]:
    """Bring the windows' bars up to date, oldest first.

    A window that is settled for good is not asked for again. Bars with an ERROR finding are not
    written: the outcome's status is `rejected` and the old bars stay. A fetch that fails is logged
    and raised after the other windows were tried.
    """
    failures: list[tuple[str, DataFetchError]] = []
    outcomes: list[BarsOutcome] = []
    newest = workspace.bars.newest_attempts(instrument_id)
    context: _Context | None = None
    for ask in _asks(workspace, instrument_id, windows):
        tell_progress("bars", f"{instrument_id}|{ask.window.key}")
        attempt = newest.get(ask.window.key)
        if attempt is not None and _is_settled(attempt, ask, workspace, instrument_id):
            outcomes.append(_outcome(attempt, changed=False))
            continue
        try:
            context = context or _Context.read(workspace, instrument_id)
            outcomes.append(_refresh(workspace, instrument_id, ask, attempt, context))
        except DataFetchError as error:
            workspace.bars.log_attempt(
                _attempt(workspace, instrument_id, ask, "failed", reason=str(error))
            )
            failures.append((ask.window.key, error))
    if failures:
        keys = ", ".join(key for key, _ in failures)
        first = failures[0][1]
        raise type(first)(
            f"The bars of {instrument_id} could not be fetched for the window(s) {keys}. {first}",
            **first.values,
        ) from first
    return outcomes


def pending_bars(
    workspace: Workspace, instrument_id: str, windows: Sequence[Window]
) -> list[Window]:
    """Windows that `refresh_bars` would ask the source for."""
    newest = workspace.bars.newest_attempts(instrument_id)
    pending = []
    for ask in _asks(workspace, instrument_id, windows):
        attempt = newest.get(ask.window.key)
        if attempt is None or not _is_settled(attempt, ask, workspace, instrument_id):
            pending.append(ask.window)
    return pending


def _asks(workspace: Workspace, instrument_id: str, windows: Sequence[Window]) -> list[_Ask]:
    instrument = workspace.catalog.instrument(instrument_id)
    listing = workspace.reference.listings().get(instrument_id, (None, None))
    universe, now = workspace.catalog.universe, workspace.clock()
    begin = datetime(
        universe.start.year, universe.start.month, universe.start.day, tzinfo=now.tzinfo
    )
    stop = universe.grid.last_moment(now)
    found = []
    for window in sorted(windows):
        start, end = max(window.start, begin), min(window.end, stop)
        span = clipped_span(start, end, instrument, listing)
        found.append(_Ask(window, span, _state(window, stop, now)))
    return found


def _state(window: Window, stop: datetime, now: datetime) -> str:
    end = min(window.end, stop) if stop < now else window.end
    if end > now:
        return "OPEN"
    return "SETTLING" if now - end < _SETTLING else "FINAL"


def _is_settled(attempt: FetchAttempt, ask: _Ask, workspace: Workspace, instrument_id: str) -> bool:
    if attempt.status not in ("ok", "not_listed") or attempt.state != "FINAL":
        return False
    if attempt.source != workspace.catalog.instrument(instrument_id).source:
        return False
    wanted = ask.span or (ask.window.start, ask.window.end)
    return (attempt.requested_from, attempt.requested_to) == wanted


def _refresh(
    workspace: Workspace,
    instrument_id: str,
    ask: _Ask,
    newest: FetchAttempt | None,
    context: _Context,
) -> BarsOutcome:
    if ask.span is None:
        attempt = _attempt(workspace, instrument_id, ask, "not_listed", bars=empty_bars())
        workspace.bars.replace_window(ask.window, empty_bars(), attempt, ())
        return _outcome(attempt, changed=True)
    batch = _fetch(workspace, instrument_id, ask)
    bars, findings = _checked(workspace, instrument_id, ask, batch.frame, context)
    if has_errors(findings):
        reason = next(f"{f.check_name}: {f.detail}" for f in findings if f.severity == "ERROR")
        attempt = _attempt(workspace, instrument_id, ask, "rejected", batch=batch, reason=reason)
        workspace.bars.reject_window(_storable(batch.frame), attempt, findings)
        return _outcome(attempt, changed=False, findings=findings)
    attempt = _attempt(workspace, instrument_id, ask, "ok", batch=batch, bars=bars)
    same = newest is not None and newest.status == "ok"
    if same and newest is not None and newest.content_hash == attempt.content_hash:
        workspace.bars.log_attempt(attempt)  # the bars stand as they are; only the attempt is new
        return _outcome(attempt, changed=False, findings=findings)
    workspace.bars.replace_window(ask.window, bars, attempt, findings)
    context.replace(ask.window, bars)
    return _outcome(attempt, changed=True, findings=findings)


def _fetch(workspace: Workspace, instrument_id: str, ask: _Ask) -> BarBatch:
    instrument = workspace.catalog.instrument(instrument_id)
    start, end = ask.span or (ask.window.start, ask.window.end)
    request = BarRequest(instrument=instrument, start=start, end=end)
    batch = workspace.source_of(instrument).fetch_bars(request)
    expected = expected_bars(start, end, instrument.timeframe, instrument.calendar)
    if batch.frame.empty and len(expected):
        raise MissingDataError(
            f"The source {instrument.source!r} gave no bar of {instrument_id} from {start:%Y-%m-%d} to "
            f"{end:%Y-%m-%d}, where the calendar {instrument.calendar} has {len(expected)}. Check the "
            "symbol, and 'listed_from' and 'listed_to' in universe.yaml.",
            instrument=instrument_id,
            window=ask.window.key,
            expected=len(expected),
        )
    return batch


def _checked(
    workspace: Workspace, instrument_id: str, ask: _Ask, frame: pd.DataFrame, context: _Context
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Closed bars, and what the checks found; the frame as it came where its form is broken."""
    instrument = workspace.catalog.instrument(instrument_id)
    now = workspace.clock()
    try:
        bars = normalize_bars(frame)
    except DataQualityError:
        bars = frame  # the schema check will say what is wrong
    else:
        index = pd.DatetimeIndex(bars.index)
        if index.is_monotonic_increasing:
            closes = known_at(index, instrument.timeframe, instrument.calendar)
            bars = bars.loc[closes <= pd.Timestamp(now)]
    start, end = ask.span or (ask.window.start, ask.window.end)
    previous = context.stored.loc[context.stored.index < ask.window.start].tail(_PREVIOUS_BARS)
    findings = check_bars(
        bars,
        instrument=instrument,
        window=Window(start, end),
        actions=context.actions,
        previous=previous if len(previous) else None,
        now=now,
    )
    return bars, tuple(findings)


def _storable(frame: pd.DataFrame) -> pd.DataFrame:
    """Rejected bars as far as they fit the table; none where their form is broken."""
    try:
        return normalize_bars(frame)
    except (DataQualityError, TypeError, ValueError):
        return empty_bars()


def _attempt(
    workspace: Workspace,
    instrument_id: str,
    ask: _Ask,
    status: str,
    *,
    batch: BarBatch | None = None,
    bars: pd.DataFrame | None = None,
    reason: str | None = None,
) -> FetchAttempt:
    start, end = ask.span or (ask.window.start, ask.window.end)
    has_rows = bars is not None and len(bars) > 0
    return FetchAttempt(
        instrument=instrument_id,
        window=ask.window.key,
        source=workspace.catalog.instrument(instrument_id).source,
        requested_from=start,
        requested_to=end,
        fetched_at=workspace.clock(),
        rows=0 if bars is None else len(bars),
        first_ts=bars.index[0] if bars is not None and has_rows else None,
        last_ts=bars.index[-1] if bars is not None and has_rows else None,
        content_hash=None if bars is None else frame_hash(bars),
        state=ask.state,
        status=status,
        reason=reason,
        client_version=batch.client_version if batch else None,
        run_id=workspace.run_id,
    )


def _outcome(
    attempt: FetchAttempt, *, changed: bool, findings: tuple[Finding, ...] = ()
) -> BarsOutcome:
    metadata = {
        "status": attempt.status,
        "state": attempt.state,
        "source": attempt.source,
        "first_bar": str(attempt.first_ts or ""),
        "last_bar": str(attempt.last_ts or ""),
        "content_hash": (attempt.content_hash or "")[:12],
        "findings": len(findings),
        "reason": attempt.reason or "",
    }
    return BarsOutcome(
        asset="bars",
        partition=f"{attempt.instrument}|{attempt.window}",
        status=attempt.status,
        rows=attempt.rows,
        changed=changed,
        content_hash=attempt.content_hash or canonical_hash(attempt.reason),
        metadata=metadata,
        findings=findings,
    )
