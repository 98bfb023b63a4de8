"""The stage of bars: fetch a window, check it, and write it or keep it out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any

import pandas as pd

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.hashing import canonical_hash, frame_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import (
    DataFetchError,
    MissingDataError,
    RangeUnavailableError,
)
from trading_pipeline.market_data.quality.calendar_checks import due_bars
from trading_pipeline.market_data.quality.findings import Finding
from trading_pipeline.stages.features.instrument_series import stored_series
from trading_pipeline.stages.market_data.bar_fetch import (
    PREVIOUS_BARS,
    FetchedBars,
    WindowHistory,
    fetch_window,
    storable,
)
from trading_pipeline.stages.market_data.bar_windows import (
    WindowAsk,
    expiry,
    is_fresh,
    is_settled,
    may_continue,
    refuse_remembered,
    window_asks,
)
from trading_pipeline.stages.outcome import Outcome, Shown, tell_progress
from trading_pipeline.stages.stage import ByWindow, Identity
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.bar_content import held_span
from trading_pipeline.storage.stores.fetch_attempts import FetchAttempt

__all__ = ["BarStage", "BarsOutcome"]


@dataclass(frozen=True, kw_only=True)
class BarsOutcome(Outcome):
    """A window of bars and all that its checks found."""

    findings: tuple[Finding, ...] = ()


class BarStage(ByWindow[FetchAttempt]):
    """Bars of one instrument as traded.

    OPEN and SETTLING windows are asked for again from their last bars on, with an overlap. A FINAL
    one is not, and neither is one of which the source said lately that it has none; `refetch` asks
    for all of them, whole.
    """

    asset = "bars"

    def __init__(self, workspace: Workspace, instrument_id: str, *, refetch: bool = False) -> None:
        super().__init__(workspace, instrument_id)
        self._refetch = refetch or workspace.ask_again
        self._tail: tuple[datetime, pd.DataFrame] | None = None

    def identity(self, key: Window) -> Identity:
        """The partition with the hash of what its source is asked; an attempt settles it."""
        (ask,) = self._asks([key])
        finer = ask.instrument.resample_from
        asked = canonical_hash([self.asset, ask.instrument.source, finer, ask.bounds, ask.state])
        return Identity(self.asset, self.partition(key), asked, self.code_hash)

    def pending(self, keys: Iterable[Window]) -> list[Window]:
        """Windows that were never fetched, or for another span or series, or changed since; those
        that are not final where a bar has become due since the newest fetch. The first, too, where
        bars beyond the instrument's span were changed."""
        asks, now = self._asks(keys), self.workspace.clock()
        found = [ask.window for ask in asks if not self._is_fresh(ask, now)]
        return found or [ask.window for ask in asks[:1] if self._damaged_beyond]

    def materialize(self, keys: Iterable[Window]) -> list[BarsOutcome]:
        """Bring the windows' bars up to date, oldest first; each window is committed on its own.

        Bars with an ERROR finding are not written: the outcome's status is `rejected` and the old
        bars stay. A fetch that fails is logged and raised after the other windows were tried.
        Changed bars of windows that lie beyond the instrument's span by now are made good first.
        """
        failures: list[tuple[str, DataFetchError]] = []
        outcomes: list[BarsOutcome] = []
        for ask in self._damaged_beyond:
            try:
                self._make_good(ask)
            except DataFetchError as error:
                failures.append((ask.window.key, error))
        for ask in self._asks(keys):
            tell_progress(self.asset, self.partition(ask.window))
            attempt = self._newest.get(ask.window.key)
            if attempt is not None and self._is_settled(ask) and not self._refetch:
                findings = self._stored_findings(ask.window.key)
                outcomes.append(self._outcome(attempt, changed=False, findings=findings))
                continue
            try:
                outcomes.append(self._fetch(ask, attempt))
            except DataFetchError as error:
                if not error.values.get("remembered"):
                    self._write(self.workspace.bars.log_attempt, self._failed(ask, error))
                failures.append((ask.window.key, error))
        if failures:
            keys_of_failed = ", ".join(key for key, _ in failures)
            first = failures[0][1]
            raise type(first)(
                f"The bars of {self.instrument_id} could not be fetched for the window(s) "
                f"{keys_of_failed}. {first}",
                **first.values,
            ) from first
        return outcomes

    def describe(self, product: FetchAttempt) -> dict[str, Shown]:
        """What was fetched from where, and how good it is."""
        shown: dict[str, Shown] = {
            "status": product.status,
            "state": product.state,
            "source": product.source,
            "first_bar": str(product.first_ts or ""),
            "last_bar": str(product.last_ts or ""),
            "asked_from": str(product.asked_from or ""),
            "resampled_from": product.resampled_from or "",
            "price_basis": product.price_basis or "",
            "content_hash": (product.content_hash or "")[:12],
            "reason": product.reason or "",
        }
        if product.score is not None:
            shown["quality_score"] = float(product.score)
        if product.expected:
            shown["coverage"] = min(1.0, product.rows / product.expected)
        return shown

    def held(self, key: Window) -> tuple[int, str] | None:
        """Rows and content hash by the newest attempt."""
        attempt = self._newest.get(key.key)
        return None if attempt is None else (attempt.rows, attempt.content_hash or "")

    @cached_property
    def _newest(self) -> dict[str, FetchAttempt]:
        return self.workspace.bars.newest_attempts(self.instrument_id)

    @cached_property
    def _changed_windows(self) -> dict[str, str]:
        """As they were when the stage first asked."""
        return stored_series(self.workspace, self.instrument_id).changed_windows

    @cached_property
    def _damaged_beyond(self) -> list[WindowAsk]:
        """Changed windows that the instrument's span does not have any more, as once asked for.

        Their bars still are the beginning or end of the series.
        """
        own = {window.key for window in self.workspace.windows_of(self.instrument_id)}
        kept = self.workspace.bars.content_attempts(self.instrument_id)
        found = []
        for key in self._changed_windows:
            if key in kept and key not in own:
                span = kept[key].requested_from, kept[key].requested_to
                (ask,) = self._asks([Window(pd.Timestamp(key, tz="UTC").to_pydatetime(), span[1])])
                found.append(replace(ask, span=span, state="FINAL"))
        return found

    @cached_property
    def _no_data(self) -> dict[str, FetchAttempt]:
        """What the source said lately that it does not have."""
        if self._refetch:
            return {}
        return self.workspace.bars.negative_answers(self.instrument_id, self.workspace.clock())

    @cached_property
    def _actions(self) -> list[CorporateAction]:
        return self.workspace.reference.actions(self.instrument_id)

    @cached_property
    def _findings(self) -> dict[str, list[dict[str, Any]]]:
        return self.workspace.bars.findings(self.instrument_id)

    def _asks(self, windows: Iterable[Window]) -> list[WindowAsk]:
        return window_asks(self.workspace, self.instrument_id, windows)

    def _is_settled(self, ask: WindowAsk) -> bool:
        attempt = self._newest.get(ask.window.key)
        return attempt is not None and is_settled(attempt, ask) and not self._changed(ask.window)

    def _is_fresh(self, ask: WindowAsk, now: datetime) -> bool:
        attempt = self._newest.get(ask.window.key)
        if attempt is None or self._refetch or self._changed(ask.window):
            return False
        return is_settled(attempt, ask) or is_fresh(attempt, ask, now)

    def _changed(self, window: Window) -> str:
        """What is wrong with stored bars that are not those that were fetched."""
        return self._changed_windows.get(window.key, "")

    def _stored_findings(self, window_key: str) -> tuple[Finding, ...]:
        """What the newest attempt at a window found."""
        return tuple(
            Finding(**{**row, "ts": None if row["ts"] is None else pd.Timestamp(row["ts"])})
            for row in self._findings.get(window_key, [])
        )

    def _fetch(self, ask: WindowAsk, newest: FetchAttempt | None) -> BarsOutcome:
        workspace, store = self.workspace, self.workspace.bars
        if ask.span is None:
            return self._without_rows(
                newest, self._attempt(ask, "not_listed", bars=empty_bars()), ask
            )
        due = due_bars(ask.instrument, Window(*ask.span), now=workspace.clock())
        if not len(due):
            reason = "No bar of the window is complete yet, or the calendar has none in it."
            attempt = self._attempt(ask, "no_rows", bars=empty_bars(), reason=reason)
            return self._without_rows(newest, attempt, ask)
        refuse_remembered(self._no_data.get(ask.window.key), ask)
        damaged = self._changed(ask.window)
        history = self._history(ask.window, is_sound=not damaged)
        continued = not self._refetch and may_continue(newest, ask) and len(history.stored) > 0
        fetched = fetch_window(workspace, ask, history, due, continued=continued)
        if not fetched.is_sound:
            reason = next(
                f"{f.check_name}: {f.detail}" for f in fetched.findings if f.severity == "ERROR"
            )
            attempt = self._attempt(ask, "rejected", fetched=fetched, reason=reason)
            self._write(store.reject_window, storable(fetched.bars), attempt, fetched.findings)
            if not damaged:
                self._remember(ask.window, history, history.stored)
            return self._outcome(attempt, changed=False, findings=fetched.findings)
        again = f"Fetched again: {damaged}." if damaged else None
        attempt = self._attempt(ask, "ok", fetched=fetched, bars=fetched.bars, reason=again)
        changed = (
            newest is None
            or newest.status != "ok"
            or newest.content_hash != attempt.content_hash
            or bool(damaged)
        )
        if changed:
            self._write(
                store.replace_window,
                ask.window,
                fetched.bars,
                attempt,
                fetched.findings,
                fetched.revisions,
                instead_of=self._damaged_span(ask.window) if damaged else None,
            )
        else:
            self._write(store.log_attempt, attempt, fetched.findings)  # the bars stay
        self._remember(ask.window, history, fetched.bars)
        return self._outcome(
            attempt,
            changed=changed,
            findings=fetched.findings,
            coverage=fetched.coverage,
            restated=fetched.revisions["ts"].nunique(),
        )

    def _make_good(self, ask: WindowAsk) -> None:
        """Fetch a window beyond the span again; its bars go where the source has no sound ones."""
        try:
            outcome = self._fetch(ask, self._newest.get(ask.window.key))
        except (MissingDataError, RangeUnavailableError) as error:
            reason = str(error)
        else:
            if outcome.status != "rejected":
                return
            reason = str(outcome.metadata["reason"])
        gone = f"Changed bars that cannot be fetched again. {reason}"
        attempt = self._attempt(ask, "no_rows", bars=empty_bars(), reason=gone)
        self._without_rows(None, attempt, ask)

    def _without_rows(
        self, newest: FetchAttempt | None, attempt: FetchAttempt, ask: WindowAsk
    ) -> BarsOutcome:
        damaged = self._changed(ask.window)
        changed = newest is None or newest.status != attempt.status or newest.rows > 0
        changed = changed or bool(damaged)
        if changed:
            span = self._damaged_span(ask.window) if damaged else None
            self._write(
                self.workspace.bars.replace_window,
                ask.window,
                empty_bars(),
                attempt,
                (),
                instead_of=span,
            )
        else:
            self._write(self.workspace.bars.log_attempt, attempt)
        return self._outcome(attempt, changed=changed)

    def _write(self, write: Callable[..., None], *given: Any, **named: Any) -> None:
        self.workspace.write(partial(write, *given, **named))

    def _damaged_span(self, window: Window) -> tuple[datetime | None, datetime | None]:
        """The span of all bars that count as the window's, those of no window included."""
        return held_span(window.key, self.workspace.bars.content_attempts(self.instrument_id))

    def _history(self, window: Window, *, is_sound: bool) -> WindowHistory:
        """Stored bars in and before a window; those before it are kept from the window before.

        Bars of a window that is not sound are no history.
        """
        bars, name = self.workspace.bars, self.instrument_id
        if self._tail is not None and self._tail[0] == window.start:
            previous = self._tail[1]
        else:
            previous = bars.read_tail(name, window.start, PREVIOUS_BARS)
        known = is_sound and window.key in self._newest
        stored = bars.read_span(name, window.start, window.end) if known else empty_bars()
        return WindowHistory(stored, previous, self._actions)

    def _remember(self, window: Window, history: WindowHistory, bars: pd.DataFrame) -> None:
        """Keep the last bars for the checks of the window that follows."""
        parts = [part for part in (history.previous, bars) if len(part)]
        joined = pd.concat(parts) if parts else bars
        self._tail = (window.end, joined.tail(PREVIOUS_BARS))

    def _failed(self, ask: WindowAsk, error: DataFetchError) -> FetchAttempt:
        """The row of a fetch that gave nothing; a source without data is not asked for a while."""
        if isinstance(error, MissingDataError | RangeUnavailableError):
            until = expiry(ask.state, self.workspace.clock())
            return self._attempt(ask, "no_data", reason=str(error), expires_at=until)
        return self._attempt(ask, "failed", reason=str(error))

    def _attempt(
        self,
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
        index = pd.DatetimeIndex([]) if bars is None else pd.DatetimeIndex(bars.index)
        return FetchAttempt(
            instrument=ask.instrument.id,
            window=ask.window.key,
            source=ask.instrument.source,
            requested_from=start,
            requested_to=end,
            fetched_at=self.workspace.clock(),
            rows=len(index),
            first_ts=index[0] if len(index) else None,
            last_ts=index[-1] if len(index) else None,
            content_hash=None if bars is None else frame_hash(bars),
            state=ask.state,
            status=status,
            reason=reason,
            expires_at=expires_at,
            client_version=fetched.batch.client_version if fetched else None,
            run_id=self.workspace.run_id,
            asked_from=fetched.asked_from if fetched else None,
            price_basis=fetched.batch.price_basis if fetched else None,
            resampled_from=None if finer is None else finer.value,
            expected=fetched.expected if fetched else None,
            score=fetched.score if fetched else None,
        )

    def _outcome(
        self,
        attempt: FetchAttempt,
        *,
        changed: bool,
        findings: tuple[Finding, ...] = (),
        coverage: float | None = None,
        restated: int = 0,
    ) -> BarsOutcome:
        counts: dict[str, Shown] = {
            "findings": len(findings),
            "errors": sum(finding.severity == "ERROR" for finding in findings),
            "restated_bars": restated,
        }
        if coverage is not None:
            counts["coverage"] = float(coverage)
        return BarsOutcome(
            asset=self.asset,
            partition=f"{attempt.instrument}|{attempt.window}",
            status=attempt.status,
            rows=attempt.rows,
            changed=changed,
            content_hash=attempt.content_hash or canonical_hash(attempt.reason),
            metadata={**self.describe(attempt), **counts},
            findings=findings,
        )
