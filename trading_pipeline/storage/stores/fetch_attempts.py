"""An attempt to fetch a window's bars, and whether its outcome may be built on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import DataQualityError, InsufficientDataError

__all__ = ["FetchAttempt", "require_usable"]


@dataclass(frozen=True, kw_only=True)
class FetchAttempt:
    """One row of `fetch_log`: what was requested for a window, and the outcome.

    `requested_from`, `requested_to`: the window's span, clipped to listing and universe.
    `asked_from`: start of the request to the source, later than `requested_from` where only the
    newest bars were requested again, None where the source was not asked. `rows` to `content_hash`:
    of the window's bars after the attempt. `status`: ok, not_listed, no_rows (no bar is due yet),
    rejected (failed a blocking check), no_data (the source has none, not asked again before
    `expires_at`) or failed (the source did not answer). `state`: OPEN, SETTLING or FINAL.
    `expected`: bars that are due by the calendar. `score`: quality of the window, 0 to 1.
    """

    instrument: str
    window: str
    source: str
    requested_from: datetime
    requested_to: datetime
    fetched_at: datetime
    rows: int
    status: str
    state: str
    run_id: str
    first_ts: datetime | None = None
    last_ts: datetime | None = None
    content_hash: str | None = None
    reason: str | None = None
    expires_at: datetime | None = None
    client_version: str | None = None
    asked_from: datetime | None = None
    price_basis: str | None = None
    resampled_from: str | None = None
    expected: int | None = None
    score: float | None = None

    def as_row(self) -> dict[str, Any]:
        """The row by column name."""
        return dict(vars(self))


def require_usable(
    instrument: str, windows: Sequence[Window], attempts: Mapping[str, FetchAttempt]
) -> None:
    """Raise for a window that was never fetched, or whose newest bars failed a blocking check."""
    missing = [window.key for window in windows if window.key not in attempts]
    if missing:
        raise InsufficientDataError(
            f"The bars of {instrument} have not been fetched for the window(s) {_some(missing)}. "
            f"Materialize the asset 'bars' for them first: trading-pipeline run {instrument}.",
            instrument=instrument,
            windows=missing,
        )
    rejected = [w.key for w in windows if attempts[w.key].status == "rejected"]
    if rejected:
        newest = attempts[rejected[0]]
        raise DataQualityError(
            f"The newest bars of {instrument} for the window(s) {_some(rejected)} failed a "
            f"blocking check ({newest.reason}), so nothing may be built on them. Look at the table "
            "quality_findings, correct the source, and fetch them again with: trading-pipeline run "
            f"{instrument}.",
            instrument=instrument,
            windows=rejected,
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
