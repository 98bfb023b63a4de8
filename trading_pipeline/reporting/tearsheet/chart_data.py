"""The data behind a tear sheet's charts: thinned, rounded, equal for equal input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.market_data.adjustments import back_adjust
from trading_pipeline.reporting.tearsheet.indicator_lines import line_data
from trading_pipeline.strategies.chart_lines import ChartLine

__all__ = [
    "MOST_MARKERS",
    "MOST_POINTS",
    "bars_a_point",
    "chart_data",
    "curve_data",
    "price_data",
]

MOST_POINTS = 4_000
"""Points a chart: enough for fifteen years of days; longer series are drawn in groups of bars."""
MOST_MARKERS = 10_000
_LOG_FROM = 4.0
_LARGEST_WHOLE = 1e15  # written without a point up to here
Floats = npt.NDArray[np.float64]


def bars_a_point(bars: int, most_points: int = MOST_POINTS) -> int:
    """Bars that each point of a chart stands for, 1 for a series that is not too long.

    >>> bars_a_point(4_000), bars_a_point(4_001)
    (1, 2)
    """
    return max(1, -(-bars // most_points))


def chart_data(
    bars: pd.DataFrame,
    equity: pd.Series,
    benchmark: pd.Series | None,
    trades: pd.DataFrame,
    *,
    initial_equity: float,
    events: pd.DataFrame | None = None,
    lines: Sequence[ChartLine] = (),
    most_points: int = MOST_POINTS,
) -> dict[str, object]:
    """Plain lists for the page's script: time (seconds UTC), candles, equity, drawdown, markers.

    With `events` (of `adjustment_events`) candles are back-adjusted, so that a split is no cliff.
    With more than `most_points` bars each point stands for several: candles are joined, equity is
    the last value, drawdown the deepest. A marker is (point, +1 bought or -1 sold, 1 entry or 0
    exit). `lines` are the strategy's own, on the bars, prices as traded. `logScale` says which
    scale to start with.
    """
    curves = curve_data(equity, benchmark, initial_equity=initial_equity, most_points=most_points)
    clock = pd.DatetimeIndex(bars.index)
    return curves | price_data(
        bars, trades, clock=clock, events=events, lines=lines, most_points=most_points
    )


def price_data(
    bars: pd.DataFrame,
    trades: pd.DataFrame,
    *,
    clock: pd.DatetimeIndex,
    events: pd.DataFrame | None = None,
    lines: Sequence[ChartLine] = (),
    most_points: int = MOST_POINTS,
) -> dict[str, object]:
    """The part of `chart_data` that shows an instrument: candles, markers, lines.

    `clock`: stamps of the account, all stamps of `bars` among them. A point without a bar of the
    instrument has no candle (None), and its lines stay at their last value.
    """
    drawn = bars if events is None or not len(events) else back_adjust(bars, events)
    size = bars_a_point(len(clock), most_points)
    rows = clock.get_indexer(pd.DatetimeIndex(bars.index))
    points, starts = np.unique(rows // size, return_index=True)
    ends = np.append(starts[1:], len(bars)) - 1
    prices = {name: drawn[name].to_numpy(dtype=np.float64) for name in PRICE_COLUMNS}
    count = -(-len(clock) // size)

    def placed(values: Floats) -> list[float | None]:
        every = np.full(count, np.nan)
        every[points] = values
        return _rounded(every)

    place_of_point = np.searchsorted(points, np.arange(count), side="right") - 1
    known = place_of_point >= 0
    last_ends = np.where(known, ends[np.maximum(place_of_point, 0)], -1)
    scale = prices["close"] / bars["close"].to_numpy()
    return {
        "open": placed(prices["open"][starts]),
        "high": placed(np.maximum.reduceat(prices["high"], starts)),
        "low": placed(np.minimum.reduceat(prices["low"], starts)),
        "close": placed(prices["close"][ends]),
        "markers": _markers(clock, trades, size),
        "lines": line_data(lines, last_ends, scale),
    }


def curve_data(
    equity: pd.Series,
    benchmark: pd.Series | None,
    *,
    initial_equity: float,
    most_points: int = MOST_POINTS,
) -> dict[str, object]:
    """The part of `chart_data` that needs no prices: time, equity, drawdown, both of the benchmark.

    `benchmark`: on the stamps of `equity`.
    """
    size = bars_a_point(len(equity), most_points)
    starts = np.arange(0, len(equity), size)
    ends = np.append(starts[1:], len(equity)) - 1
    seconds = pd.DatetimeIndex(equity.index).as_unit("us").asi8 // 1_000_000
    own = equity.to_numpy(dtype=np.float64)
    held = None if benchmark is None else benchmark.to_numpy(dtype=np.float64)
    return {
        "time": [int(moment) for moment in seconds[starts]],
        "equity": _rounded(own[ends]),
        "drawdown": _drawdown(own, initial_equity, starts),
        "benchmark": None if held is None else _rounded(held[ends]),
        "benchmarkDrawdown": None if held is None else _drawdown(held, initial_equity, starts),
        "bars_a_point": size,
        "intraday": bool((seconds % 86_400 != 0).any()),
        "logScale": _wants_log(own),
    }


def _wants_log(equity: Floats) -> bool:
    """True where growth is so large that a linear scale hides the early years."""
    lowest = float(np.nanmin(equity))
    return lowest > 0.0 and float(np.nanmax(equity)) / lowest > _LOG_FROM


def _drawdown(equity: Floats, initial: float, starts: npt.NDArray[np.intp]) -> list[float | None]:
    peaks = np.maximum.accumulate(np.fmax(equity, initial))
    depth = np.minimum(equity / peaks - 1.0, 0.0)
    return _rounded(np.fmin.reduceat(depth, starts), digits=5)


def _markers(index: pd.DatetimeIndex, trades: pd.DataFrame, size: int) -> list[list[int]]:
    """Entries and exits by point, in time order, equal ones once; the newest where too many."""
    found: set[tuple[int, int, int]] = set()
    sides = np.where(trades["side"].to_numpy() == "long", 1, -1)
    for column, is_entry in (("entry_ts", 1), ("exit_ts", 0)):
        stamps = pd.DatetimeIndex(pd.to_datetime(trades[column], utc=True))
        known = ~np.asarray(stamps.isna())
        places = index.searchsorted(stamps[known], side="right") - 1
        for place, side in zip(places.tolist(), sides[known].tolist(), strict=True):
            found.add((max(place, 0) // size, side if is_entry else -side, is_entry))
    return [list(marker) for marker in sorted(found)[-MOST_MARKERS:]]


def _rounded(values: Floats, digits: int = 6) -> list[float | None]:
    """Values with one digit more than a screen shows; NaN and infinity become None."""
    write = f"{{:.{digits + 1}g}}".format
    numbers = [float(write(value)) for value in values.tolist()]
    return [
        (int(number) if number.is_integer() and abs(number) < _LARGEST_WHOLE else number)
        if number - number == 0.0  # finite
        else None
        for number in numbers
    ]
