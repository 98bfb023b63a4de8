"""The page of a newest forecast, self-contained: picture, steps, and what the model is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from trading_pipeline.reporting.forecast.picture import path_picture
from trading_pipeline.reporting.forecast.words import probability_in_words
from trading_pipeline.reporting.page.layout import (
    Cell,
    Column,
    card,
    facts,
    header,
    html_table,
    page,
    static_text,
    warning_box,
)
from trading_pipeline.reporting.page.number_format import MISSING, format_number, format_stamp

__all__ = ["ForecastPage", "render_forecast"]

_STALE_DAYS = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class ForecastPage:
    """What the page shows; `steps` and `skill` are those of the newest forecast.

    `recent`: the last bars as traded. `horizons`: scores out of sample, one mapping a horizon.
    """

    title: str
    instrument: str
    model: str
    model_id: str
    currency: str
    calendar: str
    last_ts: pd.Timestamp
    last_known_at: pd.Timestamp
    last_close: float
    age_days: int
    recent: pd.DataFrame
    steps: pd.DataFrame
    skill: str
    horizons: Sequence[Mapping[str, Any]] = ()


def render_forecast(told: ForecastPage) -> str:
    """The page as text; equal input gives equal bytes, and nothing is loaded from elsewhere."""
    warned = [f"Held back: {told.skill}"]
    if told.age_days > _STALE_DAYS:
        warned.append(
            f"The last bar is {told.age_days:,} days old; what is forecast has long happened."
        )
    subtitle = (
        f"From the close of {format_stamp(told.last_ts)}, "
        f"{format_number(told.last_close, 'price')} {told.currency}, to "
        f"{format_stamp(told.steps.index[-1])} ({told.calendar})"
    )
    parts = [header(told.title, subtitle, ""), warning_box(warned), _style()]
    if "close" in told.steps.columns:
        picture = path_picture(told.recent, told.steps)
        note = (
            '<p class="note">Line or bars: the last bars, then what is expected. Band: 90 % of '
            "paths end a step inside of it, if the future is like the training rows. Prices in "
            f"{told.currency} as traded on the last bar, on a log scale; later splits and "
            "dividends are not foreseen.</p>"
        )
        parts.append(card("Path", picture + note))
    parts.append(card("Steps", f'<div class="scroll tall">{_steps(told)}</div>'))
    if told.horizons:
        parts.append(card("Held back, by horizon", _scores(told.horizons)))
    parts.append(
        card(
            "Provenance",
            facts([("Model", told.model_id), ("Known at", str(told.last_known_at))], code=True),
        )
    )
    return page(told.title, "\n".join(parts), [static_text("page/static/theme.js")])


def _style() -> str:
    return f"<style>\n{static_text('forecast/static/forecast.css')}</style>"


def _steps(told: ForecastPage) -> str:
    prices = {
        "open": "Open",
        "high": "High",
        "low": "Low",
        "close": "Close",
        "close_q05": "Close 5 %",
        "close_q95": "Close 95 %",
    }
    shown = {name: text for name, text in prices.items() if name in told.steps.columns}
    columns = [Column("Step"), Column("Bar"), *(Column(text) for text in shown.values())]
    columns.append(Column("Chance of a rise"))
    rows = []
    bars = pd.DatetimeIndex(told.steps.index)
    for stamp, (_, row) in zip(bars, told.steps.iterrows(), strict=True):
        odds = row.get("p_up")
        rows.append(
            [
                Cell(str(int(row["horizon"]))),
                Cell(format_stamp(stamp)),
                *(Cell(format_number(float(row[name]), "price")) for name in shown),
                Cell(MISSING if odds is None else probability_in_words(float(odds))),
            ]
        )
    return html_table(columns, rows)


def _scores(horizons: Sequence[Mapping[str, Any]]) -> str:
    pairs = (
        ("Skill against drift", "skill"),
        ("Right direction", "accuracy"),
        ("90 % interval held", "coverage"),
        ("Skill of the range", "range_skill"),
    )
    shown = [pair for pair in pairs if any(each.get(pair[1]) is not None for each in horizons)]
    columns = [Column("Bars ahead"), *(Column(text) for text, _ in shown)]
    columns += [Column("Rows"), Column("Effective rows")]
    rows = [
        [
            Cell(str(each["horizon"])),
            *(Cell(_with_error(each, name)) for _, name in shown),
            Cell(format_number(each["rows"], "count")),
            Cell(format_number(each["effective_rows"], "count")),
        ]
        for each in horizons
    ]
    return html_table(columns, rows)


def _with_error(scores: Mapping[str, Any], name: str) -> str:
    value, error = scores.get(name), scores.get(f"{name}_error")
    if value is None or error is None:
        return MISSING
    return f"{format_number(value, 'percent')} ± {format_number(error, 'percent')}"
