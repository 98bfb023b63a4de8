"""The chart document: one list of points, and lists beside it with one entry a point.

Prices and values have seven significant digits, what is unknown is None. A key that is added leaves
the version as it is; one that goes, or means something else, raises it.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypedDict

__all__ = [
    "SCHEMA_VERSION",
    "Candles",
    "ChartDocument",
    "ChartedResult",
    "Curves",
    "IndicatorLine",
    "InstrumentChart",
    "Marker",
    "Points",
    "Resampling",
    "Span",
]

SCHEMA_VERSION = 1
Numbers: TypeAlias = list[float | None]


class ChartedResult(TypedDict):
    """The result that is drawn."""

    result_id: str
    scenario: str
    strategy: str
    parameters: dict[str, Any]
    instruments: list[str]
    warnings: list[str]


class Span(TypedDict):
    """What was asked for, `before` exclusive, and the first and last bar of it, all UTC."""

    since: str | None
    before: str | None
    first: str
    last: str


class Resampling(TypedDict):
    """Bars of the account's clock in the span, and how many of them each point stands for."""

    is_resampled: bool
    bars: int
    bars_a_point: int


class Points(TypedDict):
    """The time axis: first bar of each point, in seconds since 1970 UTC and as ISO 8601."""

    time: list[int]
    iso: list[str]


class Curves(TypedDict):
    """The account at each point's last bar; drawdowns are fractions from 0 down, the deepest."""

    equity: Numbers
    drawdown: Numbers
    benchmark: Numbers | None
    benchmark_drawdown: Numbers | None


class Candles(TypedDict):
    """Prices, back-adjusted for splits and dividends; None where the instrument has no bar."""

    open: Numbers
    high: Numbers
    low: Numbers
    close: Numbers


class IndicatorLine(TypedDict):
    """A line of the strategy; `pane` is `price` over the candles, else the name of a pane below."""

    name: str
    pane: str
    style: Literal["line", "step", "histogram"]
    levels: list[float]
    values: Numbers


class Marker(TypedDict):
    """A fill that opened or closed a trade.

    `price` is as traded, `chart_price` the same on the scale of the candles. `point`: index in the
    points. `time` and `iso`: of the bar.
    """

    point: int
    time: int
    iso: str
    kind: Literal["entry", "exit"]
    action: Literal["buy", "sell"]
    side: str
    trade_no: int
    quantity: float
    price: float
    chart_price: float | None
    reason: str | None


class InstrumentChart(TypedDict):
    """An instrument on the points of the document; its volume is in shares as after all splits."""

    instrument: str
    currency: str
    candles: Candles
    volume: Numbers
    lines: list[IndicatorLine]
    lines_note: str
    markers: list[Marker]


class ChartDocument(TypedDict):
    """The whole document.

    `time_kind`: `sessions` where a bar is named by its session's date (00:00 UTC, no moment),
    `moments` where it is named by its open.
    """

    schema_version: int
    result: ChartedResult
    zone: str
    time_kind: Literal["sessions", "moments"]
    span: Span
    resampling: Resampling
    points: Points
    equity: Curves
    charts: list[InstrumentChart]
    notes: list[str]
