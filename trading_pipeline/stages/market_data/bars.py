"""This file holds the stage of bars: fetch a window, check it, and write it or keep it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from trading_pipeline.domain.bars import empty_bars, normalize_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.hashing import canonical_hash, frame_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import (
    DataFetchError,
    DataQualityError,
    MissingDataError,
    RangeUnavailableError,
)
from trading_pipeline.market_data.quality.calendar_checks import due_bars
from trading_pipeline.market_data.quality.findings import Finding
from trading_pipeline.stages.market_data.bar_fetch import (
    PREVIOUS_BARS,
    FetchedBars,
    WindowHistory,
    fetch_window,
)
from trading_pipeline.stages.market_data.bar_windows import (
    WindowAsk,
    expiry,
    is_settled,
    may_continue,
    window_asks,
)
from trading_pipeline.stages.outcome import Outcome, tell_progress
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.fetch_attempts import FetchAttempt

__all__ = ["BarsOutcome", "pending_bars", "refresh_bars"]


@dataclass(frozen=True, kw_only=True)
class BarsOutcome(Outcome):
    """A window of bars and all that its checks found."""

    findings: tuple[Finding, ...] = ()


@dataclass
class _Refresh:
    """One call of `refresh_bars`: what it has read, so that nothing is read twice."""

    workspace: Workspace
    instrument_id: str
    refetch: bool
    newest: dict[str, FetchAttempt]
    negative: dict[str, FetchAttempt]
    _actions: list[CorporateAction] | None = None
    _tail: tuple[datetime, pd.DataFrame] | None = None
    _findings: dict[str, list[dict[str, Any]]] | None = field(default=None)

    def history(self, window: Window) -> WindowHistory:
        """Stored bars in and before a window; those before are kept from the window before it."""
        bars = self.workspace.bars
        if self._actions is None:
            self._actions = self.workspace.reference.actions(self.instrument_id)
        if self._tail is not None and self._tail[0] == window.start:
            previous = self._tail[1]
        else:
            previous = bars.read_tail(self.instrument_id, window.start, PREVIOUS_BARS)
        attempt = self.newest.get(window.key)
        stored = (
            empty_bars()
            if attempt is None
            else bars.read_span(self.instrument_id, window.start, window.end)
        )
        return WindowHistory(stored, previous, self._actions)

    def remember(self, window: Window, history: WindowHistory, bars: pd.DataFrame) -> None:
        """Keep the last bars for the checks of the window that follows."""
        parts = [part for part in (history.previous, bars) if len(part)]
        joined = pd.concat(parts) if parts else bars
        self._tail = (window.end, joined.tail(PREVIOUS_BARS))

    def stored_findings(self, window_key: str) -> tuple[Finding, ...]:
        """What the newest attempt at a window found."""
        if self._findings is None:
            self._findings = self.workspace.bars.findings(self.instrument_id)
        rows = self._findings.get(window_key, [])
        return tuple(
            Finding(**{**row, "ts": None if row["ts"] is None else pd.Timestamp(row["ts"])})
            for row in rows
        )


def refresh_bars(
    workspace: Workspace,
    instrument_id: str,
    windows: Sequence[Window],
    *,
    refetch: bool = False,
) -> list[BarsOutcome]:
    """Bring the windows' bars up to date, oldest first; each window is committed on its own.

    OPEN and SETTLING windows are asked for again from their last bars on, with an overlap. A FINAL one
    is not, and neither is one of which the source said lately that it has none; `refetch` asks for all
    of them, whole. Bars with an ERROR finding are not written: the outcome's status is `rejected` and
    the old bars stay. A fetch that fails is logged and raised after the other windows were tried.
    """
    failures: list[tuple[str, DataFetchError]] = []
    outcomes: list[BarsOutcome] = []
    work = _Refresh(
        workspace,
        instrument_id,
        refetch,
        workspace.bars.newest_attempts(instrument_id),
        {} if refetch else workspace.bars.negative_answers(instrument_id, workspace.clock()),
    )
    for ask in window_asks(workspace, instrument_id, windows):
        tell_progress("bars", f"{instrument_id}|{ask.window.key}")
        attempt = work.newest.get(ask.window.key)
        if attempt is not None and is_settled(attempt, ask) and not refetch:
            findings = work.stored_findings(ask.window.key)
            outcomes.append(_outcome(attempt, changed=False, findings=findings))
            continue
        try:
            outcomes.append(_refresh(work, ask, attempt))
        except DataFetchError as error:
            if not error.values.get("remembered"):
                workspace.bars.log_attempt(_failed(workspace, ask, error))
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
    """Windows that `refresh_bars` would not leave as they are without a look."""
    newest = workspace.bars.newest_attempts(instrument_id)
    pending = []
    for ask in window_asks(workspace, instrument_id, windows):
        attempt = newest.get(ask.window.key)
        if attempt is None or not is_settled(attempt, ask):
            pending.append(ask.window)
    return pending


def _refresh(work: _Refresh, ask: WindowAsk, newest: FetchAttempt | None) -> BarsOutcome:
    workspace, store = work.workspace, work.workspace.bars
    if ask.span is None:
        attempt = _attempt(workspace, ask, "not_listed", bars=empty_bars())
        return _without_rows(work, ask, newest, attempt)
    if not len(due_bars(ask.instrument, Window(*ask.span), now=workspace.clock())):
        reason = "No bar of the window is complete yet, or the calendar has none in it."
        attempt = _attempt(workspace, ask, "no_rows", bars=empty_bars(), reason=reason)
        return _without_rows(work, ask, newest, attempt)
    _refuse_remembered(work.negative.get(ask.window.key), ask)
    history = work.history(ask.window)
    continued = not work.refetch and may_continue(newest, ask) and len(history.stored) > 0
    fetched = fetch_window(workspace, ask, history, continued=continued)
    if not fetched.is_sound:
        reason = next(
            f"{f.check_name}: {f.detail}" for f in fetched.findings if f.severity == "ERROR"
        )
        attempt = _attempt(workspace, ask, "rejected", fetched=fetched, reason=reason)
        store.reject_window(_storable(fetched.bars), attempt, fetched.findings)
        work.remember(ask.window, history, history.stored)
        return _outcome(attempt, changed=False, findings=fetched.findings)
    attempt = _attempt(workspace, ask, "ok", fetched=fetched, bars=fetched.bars)
    same = newest is not None and newest.status == "ok"
    changed = not (same and newest is not None and newest.content_hash == attempt.content_hash)
    if changed:
        store.replace_window(ask.window, fetched.bars, attempt, fetched.findings, fetched.revisions)
    else:
        store.log_attempt(attempt, fetched.findings)  # the bars stand as they are
    work.remember(ask.window, history, fetched.bars)
    return _outcome(
        attempt,
        changed=changed,
        findings=fetched.findings,
        coverage=fetched.coverage,
        restated=fetched.revisions["ts"].nunique(),
    )


def _without_rows(
    work: _Refresh, ask: WindowAsk, newest: FetchAttempt | None, attempt: FetchAttempt
) -> BarsOutcome:
    changed = newest is None or newest.status != attempt.status or newest.rows > 0
    if changed:
        work.workspace.bars.replace_window(ask.window, empty_bars(), attempt, ())
    else:
        work.workspace.bars.log_attempt(attempt)
    return _outcome(attempt, changed=changed)


def _refuse_remembered(answer: FetchAttempt | None, ask: WindowAsk) -> None:
    """Raise what the source said lately, instead of asking it for the same span again."""
    if answer is None or (answer.requested_from, answer.requested_to) != ask.bounds:
        return
    if answer.source != ask.instrument.source:
        return
    raise MissingDataError(
        f"{answer.reason} It was asked at {answer.fetched_at:%Y-%m-%d %H:%M} UTC and is not asked again "
        f"before {answer.expires_at:%Y-%m-%d %H:%M} UTC, unless you say so: trading-pipeline run "
        f"{ask.instrument.id} --refetch.",
        instrument=ask.instrument.id,
        window=ask.window.key,
        remembered=True,
    )


def _storable(frame: pd.DataFrame) -> pd.DataFrame:
    """Rejected bars as far as they fit the table; none where their form is broken."""
    try:
        return normalize_bars(frame)
    except (DataQualityError, TypeError, ValueError):
        return empty_bars()


def _failed(workspace: Workspace, ask: WindowAsk, error: DataFetchError) -> FetchAttempt:
    """The row of a fetch that brought nothing; that the source has none is believed for a while."""
    if isinstance(error, MissingDataError | RangeUnavailableError):
        until = expiry(ask.state, workspace.clock())
        return _attempt(workspace, ask, "no_data", reason=str(error), expires_at=until)
    return _attempt(workspace, ask, "failed", reason=str(error))


def _attempt(
    workspace: Workspace,
    ask: WindowAsk,
    status: str,
    *,
    fetched: FetchedBars | None = None,
    bars: pd.DataFrame | None = None,
    reason: str | None = None,
    expires_at: datetime | None = None,
) -> FetchAttempt:
    start, end = ask.bounds
    finer = ask.instrument.resample_from
    has_rows = bars is not None and len(bars) > 0
    return FetchAttempt(
        instrument=ask.instrument.id,
        window=ask.window.key,
        source=ask.instrument.source,
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
        expires_at=expires_at,
        client_version=fetched.batch.client_version if fetched else None,
        run_id=workspace.run_id,
        asked_from=fetched.asked_from if fetched else None,
        price_basis=fetched.batch.price_basis if fetched else None,
        resampled_from=None if finer is None else finer.value,
        expected=fetched.expected if fetched else None,
        score=fetched.score if fetched else None,
    )


def _outcome(
    attempt: FetchAttempt,
    *,
    changed: bool,
    findings: tuple[Finding, ...] = (),
    coverage: float | None = None,
    restated: int = 0,
) -> BarsOutcome:
    if coverage is None and attempt.expected:
        coverage = min(1.0, attempt.rows / attempt.expected)
    metadata: dict[str, Any] = {
        "status": attempt.status,
        "state": attempt.state,
        "source": attempt.source,
        "first_bar": str(attempt.first_ts or ""),
        "last_bar": str(attempt.last_ts or ""),
        "asked_from": str(attempt.asked_from or ""),
        "resampled_from": attempt.resampled_from or "",
        "price_basis": attempt.price_basis or "",
        "content_hash": (attempt.content_hash or "")[:12],
        "findings": len(findings),
        "errors": sum(finding.severity == "ERROR" for finding in findings),
        "restated_bars": restated,
        "reason": attempt.reason or "",
    }
    if attempt.score is not None:
        metadata["quality_score"] = float(attempt.score)
    if coverage is not None:
        metadata["coverage"] = float(coverage)
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
