"""Bars and corporate actions: where they come from, when they are known, whether they are sound.

schedule        trading sessions of a calendar, as arrays
calendars       the bars that a calendar expects, and when each one is known
resampling      coarser bars from finer ones
adjustments     splits and dividends
quality/        checks, findings, repairs and scores of bars
sources/        a folder for each provider

Nothing here stores anything or knows a workspace: that is `storage` and `stages.market_data`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.market_data.adjustments import (
        adjustment_events,
        back_adjust,
        forward_adjust,
        forward_factors,
    )
    from trading_pipeline.market_data.calendars import (
        expected_bars,
        inside_sessions,
        known_at,
        on_grid,
        periods_per_year,
        session_dates,
        sessions,
        week_labels,
    )
    from trading_pipeline.market_data.resampling import (
        finer_span,
        outside_sessions,
        require_resampling,
        resample_bars,
    )
    from trading_pipeline.market_data.schedule import (
        ALWAYS,
        WEEKDAYS,
        SessionSchedule,
        session_schedule,
    )

__all__ = [
    "ALWAYS",
    "WEEKDAYS",
    "SessionSchedule",
    "adjustment_events",
    "back_adjust",
    "expected_bars",
    "finer_span",
    "forward_adjust",
    "forward_factors",
    "inside_sessions",
    "known_at",
    "on_grid",
    "outside_sessions",
    "periods_per_year",
    "require_resampling",
    "resample_bars",
    "session_dates",
    "session_schedule",
    "sessions",
    "week_labels",
]

_HOMES = {
    "adjustment_events": "trading_pipeline.market_data.adjustments",
    "back_adjust": "trading_pipeline.market_data.adjustments",
    "forward_adjust": "trading_pipeline.market_data.adjustments",
    "forward_factors": "trading_pipeline.market_data.adjustments",
    "expected_bars": "trading_pipeline.market_data.calendars",
    "inside_sessions": "trading_pipeline.market_data.calendars",
    "known_at": "trading_pipeline.market_data.calendars",
    "on_grid": "trading_pipeline.market_data.calendars",
    "periods_per_year": "trading_pipeline.market_data.calendars",
    "session_dates": "trading_pipeline.market_data.calendars",
    "sessions": "trading_pipeline.market_data.calendars",
    "week_labels": "trading_pipeline.market_data.calendars",
    "finer_span": "trading_pipeline.market_data.resampling",
    "outside_sessions": "trading_pipeline.market_data.resampling",
    "require_resampling": "trading_pipeline.market_data.resampling",
    "resample_bars": "trading_pipeline.market_data.resampling",
    "ALWAYS": "trading_pipeline.market_data.schedule",
    "SessionSchedule": "trading_pipeline.market_data.schedule",
    "WEEKDAYS": "trading_pipeline.market_data.schedule",
    "session_schedule": "trading_pipeline.market_data.schedule",
}
__getattr__ = lazy_exports(__name__, _HOMES)
