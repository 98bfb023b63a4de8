"""What every source does with a provider's answer: cut it to the span that was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import pandas as pd

from trading_pipeline.domain.corporate_actions import ActionKind, CorporateAction
from trading_pipeline.domain.moments import midnight
from trading_pipeline.market_data.calendars import known_at
from trading_pipeline.market_data.sources.protocol import ActionRequest, BarRequest

__all__ = ["actions_of_span", "bars_of_span", "closed_bars"]


def bars_of_span(frame: pd.DataFrame, request: BarRequest) -> pd.DataFrame:
    """Bars with `start <= ts < end` of the request."""
    return frame.loc[(frame.index >= request.start) & (frame.index < request.end)]


def closed_bars(frame: pd.DataFrame, request: BarRequest, now: datetime) -> pd.DataFrame:
    """Bars of the request's span that are complete at `now`."""
    frame = bars_of_span(frame, request)
    instrument = request.instrument
    closes = known_at(pd.DatetimeIndex(frame.index), instrument.timeframe, instrument.calendar)
    return frame.loc[closes <= pd.Timestamp(now)]


def actions_of_span(
    found: Iterable[tuple[ActionKind, date, float]],
    request: ActionRequest,
    *,
    source: str,
    seen_at: datetime,
) -> list[CorporateAction]:
    """Corporate actions (kind, ex-date, value) whose ex-date lies in the request's span, in
    order."""
    return [
        CorporateAction(
            instrument=request.instrument.id,
            ex_date=ex_date,
            kind=kind,
            value=value,
            source=source,
            seen_at=seen_at,
        )
        for kind, ex_date, value in found
        if request.start <= midnight(ex_date) < request.end
    ]
