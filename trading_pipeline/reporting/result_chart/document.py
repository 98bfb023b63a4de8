"""A chart document from the values of a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.market_data.adjustments import back_adjust
from trading_pipeline.reporting.portfolio.price_charts import PriceChart
from trading_pipeline.reporting.result_chart.schema import (
    SCHEMA_VERSION,
    Candles,
    ChartDocument,
    ChartedResult,
    Curves,
    IndicatorLine,
    InstrumentChart,
    Marker,
)
from trading_pipeline.reporting.tearsheet.chart_data import (
    MOST_POINTS,
    bars_a_point,
    curve_data,
    price_data,
)

__all__ = ["ChartSource", "chart_document"]

_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, kw_only=True, eq=False)
class ChartSource:
    """A result as it is stored.

    `equity`, `benchmark`: one value a bar, on the same stamps (UTC). `charts`: by instrument; bars
    among these stamps, prices as traded, lines on the bars. `trades`: columns as in the warehouse,
    for a portfolio with `instrument`. `sessions`: bars are named by dates.
    """

    result: ChartedResult
    initial_equity: float
    equity: pd.Series
    trades: pd.DataFrame
    charts: Mapping[str, PriceChart]
    sessions: bool
    benchmark: pd.Series | None = None
    currencies: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def chart_document(
    source: ChartSource,
    *,
    zone: tzinfo,
    since: datetime | None = None,
    before: datetime | None = None,
    most_points: int = MOST_POINTS,
) -> ChartDocument:
    """The document of the bars from `since` (which counts) to `before` (which does not), UTC.

    With more bars than `most_points` each point stands for several: the open of the first, the
    highest high, the lowest low, the close of the last, their volume added, the last value of lines
    and equity, the deepest drawdown. Drawdowns count peaks before `since` too. `zone`: of the ISO
    stamps.

    Raises `InsufficientDataError` where no bar of the result lies in the span.
    """
    whole = pd.DatetimeIndex(source.equity.index)
    first = 0 if since is None else int(whole.searchsorted(pd.Timestamp(since)))
    end = len(whole) if before is None else int(whole.searchsorted(pd.Timestamp(before)))
    if first >= end:
        raise InsufficientDataError(
            f"The result {source.result['result_id']} has no bar from "
            f"{_asked(since, 'its first bar')} to {_asked(before, 'its last bar')}. Its bars go "
            f"from {_utc(whole[0])} to {_utc(whole[-1])}; the end of a span does not count itself.",
            first=_utc(whole[0]),
            last=_utc(whole[-1]),
        )
    size = bars_a_point(end - first, most_points)
    axis = _Axis(whole, first, end, size, zone, source.sessions)
    clock = axis.clock
    own = _curves(source.equity, first, end, source.initial_equity, most_points)
    held = None
    if source.benchmark is not None:
        held = _curves(source.benchmark, first, end, source.initial_equity, most_points)
    notes = list(source.notes)
    if size > 1:
        notes.append(
            f"Resampled: {len(clock):,} bars are more than {most_points:,}, so each point stands "
            f"for {size}: open of the first, highest high, lowest low, close of the last, volume "
            "added, last value of lines and equity, deepest drawdown."
        )
    return ChartDocument(
        schema_version=SCHEMA_VERSION,
        result=source.result,
        zone=str(zone),
        time_kind="sessions" if source.sessions else "moments",
        span={
            "since": None if since is None else _utc(since),
            "before": None if before is None else _utc(before),
            "first": _utc(clock[0]),
            "last": _utc(clock[-1]),
        },
        resampling={"is_resampled": size > 1, "bars": len(clock), "bars_a_point": size},
        points={"time": own["time"], "iso": [axis.iso(stamp) for stamp in clock[::size]]},
        equity=Curves(
            equity=own["equity"],
            drawdown=own["drawdown"],
            benchmark=None if held is None else held["equity"],
            benchmark_drawdown=None if held is None else held["drawdown"],
        ),
        charts=[
            _chart(name, chart, source, axis, most_points) for name, chart in source.charts.items()
        ],
        notes=notes,
    )


@dataclass(frozen=True)
class _Axis:
    """The points of a document: `size` stamps each of those from row `first` to row `end`."""

    whole: pd.DatetimeIndex
    first: int
    end: int
    size: int
    zone: tzinfo
    sessions: bool

    @cached_property
    def clock(self) -> pd.DatetimeIndex:
        """Stamps of the span."""
        return self.whole[self.first : self.end]

    def iso(self, stamp: pd.Timestamp) -> str:
        """A stamp as text: a session's date, or a moment in the zone."""
        return f"{stamp:%Y-%m-%d}" if self.sessions else stamp.astimezone(self.zone).isoformat()

    def bar_of(self, stamp: pd.Timestamp) -> int | None:
        """Row of the bar in which a fill lies; None outside of the span."""
        row = int(self.whole.searchsorted(stamp, side="right")) - 1 - self.first
        return row if 0 <= row < self.end - self.first else None


def _curves(
    values: pd.Series, first: int, end: int, initial: float, most_points: int
) -> dict[str, Any]:
    """As `curve_data`, of a part; the peak before it is what drawdowns start from."""
    peak = max([initial, *values.iloc[:first].dropna().tolist()])
    part = values.iloc[first:end]
    return curve_data(part, None, initial_equity=peak, most_points=most_points)


def _chart(
    name: str, chart: PriceChart, source: ChartSource, axis: _Axis, most_points: int
) -> InstrumentChart:
    inside = pd.DatetimeIndex(chart.bars.index).isin(axis.clock)
    bars = chart.bars.loc[inside]
    lines = tuple(replace(each, values=each.values[inside]) for each in chart.lines)
    own = source.trades
    if "instrument" in own.columns:
        own = own[own["instrument"] == name]
    drawn = (
        bars if chart.events is None or not len(chart.events) else back_adjust(bars, chart.events)
    )
    count = -(-len(axis.clock) // axis.size)
    found: dict[str, Any] = dict.fromkeys(_PRICES, [None] * count)
    if len(bars):
        found = price_data(
            bars, own.iloc[:0], clock=axis.clock, events=chart.events, lines=lines,
            most_points=most_points,
        )  # fmt: skip
    return InstrumentChart(
        instrument=name,
        currency=source.currencies.get(name, ""),
        candles=cast(Candles, {each: found[each] for each in _PRICES}),
        volume=_volume(drawn, axis, count),
        lines=[
            IndicatorLine(
                name=line.name,
                pane=line.pane,
                style=line.style,
                levels=list(line.levels),
                values=data["values"],
            )
            for line, data in zip(lines, found.get("lines", ()), strict=False)
        ],
        lines_note=chart.lines_note,
        markers=list(_markers(own, axis, drawn["close"] / bars["close"])),
    )


def _volume(bars: pd.DataFrame, axis: _Axis, count: int) -> list[float | None]:
    """Sum of each point's bars; None where there is no bar, or one without a volume alone."""
    points = axis.clock.get_indexer(pd.DatetimeIndex(bars.index)) // axis.size
    sums = bars["volume"].groupby(points).sum(min_count=1).reindex(range(count))
    return [None if np.isnan(value) else float(value) for value in sums.tolist()]


def _markers(trades: pd.DataFrame, axis: _Axis, scale: pd.Series) -> Iterator[Marker]:
    """Fills of the span in the order of time, entries of a bar after its exits."""
    found = []
    for trade in trades.to_dict("records"):
        for kind in ("entry", "exit"):
            stamp = trade[f"{kind}_ts"]
            row = None if pd.isna(stamp) else axis.bar_of(pd.Timestamp(stamp))
            if row is not None and not (kind == "exit" and trade["is_open"]):
                found.append((row, kind == "entry", trade))
    for row, is_entry, trade in sorted(found, key=lambda each: (*each[:2], each[2]["trade_no"])):
        price = float(trade["entry_price" if is_entry else "exit_price"])
        factor = scale.get(axis.clock[row])
        action: Literal["buy", "sell"] = "buy" if (trade["side"] == "long") == is_entry else "sell"
        yield Marker(
            point=row // axis.size,
            time=int(axis.clock[row].timestamp()),
            iso=axis.iso(axis.clock[row]),
            kind="entry" if is_entry else "exit",
            action=action,
            side=str(trade["side"]),
            trade_no=int(trade["trade_no"]),
            quantity=float(trade["quantity"]),
            price=price,
            chart_price=None if factor is None else float(f"{price * factor:.7g}"),
            reason=None if is_entry else str(trade["exit_reason"]),
        )


def _utc(stamp: datetime) -> str:
    return stamp.isoformat().replace("+00:00", "Z")


def _asked(moment: datetime | None, otherwise: str) -> str:
    return otherwise if moment is None else _utc(moment)
