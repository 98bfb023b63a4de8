"""Reads Alpaca's raw answers into bars and corporate actions. Pure, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS, TS_DTYPE, empty_bars
from trading_pipeline.domain.corporate_actions import ActionKind
from trading_pipeline.domain.moments import index_of, moments_of
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.calendars import inside_sessions, week_labels

__all__ = ["action_values", "bars_from_rows", "labelled_bars"]

_KEYS = dict(zip(BAR_COLUMNS, ("o", "h", "l", "c", "v"), strict=True))
_NEW_YORK = "America/New_York"


def bars_from_rows(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Bars with the stamps that Alpaca gave, aware UTC.

    Raises `KeyError`, `TypeError` or `ValueError` for rows of another shape.
    """
    if not rows:
        return empty_bars()
    index = pd.DatetimeIndex(pd.to_datetime([row["t"] for row in rows], utc=True))
    columns = {name: [float(row[key]) for row in rows] for name, key in _KEYS.items()}
    frame = pd.DataFrame(columns, index=index.astype(TS_DTYPE).rename("ts"))
    return frame.loc[~frame.index.duplicated(keep="last")].sort_index()


def labelled_bars(frame: pd.DataFrame, timeframe: Timeframe, calendar: str) -> pd.DataFrame:
    """The bars with the contract's labels; minutes outside the trading hours are left out.

    Days and weeks of stocks are stamped with midnight in New York: their date there is the
    session's, and a week is named by its first session.
    """
    if calendar == "24/7" or not len(frame):
        return frame
    if timeframe.is_intraday:
        return frame.loc[inside_sessions(frame.index, calendar)]
    local = pd.DatetimeIndex(frame.index).tz_convert(_NEW_YORK).tz_localize(None).normalize()
    days = moments_of(local.tz_localize("UTC"))
    labels = week_labels(days, calendar) if timeframe is Timeframe.W1 else days
    return frame.set_axis(index_of(labels), axis=0)


def action_values(answer: Mapping[str, Any], symbol: str) -> list[tuple[ActionKind, date, float]]:
    """Splits (new shares per old one) and cash per share as paid, by ex-date.

    A dividend in shares counts as a split. Raises `KeyError`, `TypeError` or `ValueError` for an
    answer of another shape.
    """
    found: list[tuple[ActionKind, date, float]] = []
    for kind in ("forward_splits", "reverse_splits"):
        for each in _of(answer, kind, symbol):
            ratio = float(each["new_rate"]) / float(each["old_rate"])
            found.append(("split", date.fromisoformat(each["ex_date"]), ratio))
    for each in _of(answer, "stock_dividends", symbol):
        found.append(("split", date.fromisoformat(each["ex_date"]), 1.0 + float(each["rate"])))
    for each in _of(answer, "cash_dividends", symbol):
        found.append(("dividend", date.fromisoformat(each["ex_date"]), float(each["rate"])))
    return sorted(set(found), key=lambda each: (each[1], each[0] != "split", each[2]))


def _of(answer: Mapping[str, Any], kind: str, symbol: str) -> list[Mapping[str, Any]]:
    actions = answer.get("corporate_actions", answer)
    return [each for each in actions.get(kind) or [] if each.get("symbol", symbol) == symbol]
