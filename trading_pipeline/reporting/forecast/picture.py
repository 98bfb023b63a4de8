"""The picture of a path: the last closes, the expected path, and its band, as one SVG."""

from __future__ import annotations

import html

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.reporting.page.number_format import format_number, format_stamp

__all__ = ["path_picture"]

FloatArray = npt.NDArray[np.float64]
_WIDTH, _HEIGHT = 960, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 12, 28


def path_picture(recent: pd.DataFrame, steps: pd.DataFrame) -> str:
    """An SVG element that scales to its place and follows the page's colours.

    Parameters
    ----------
    recent
        The last bars as traded, columns open, high, low and close, the newest last.
    steps
        The forecast: close, close_q05 and close_q95, and open, high and low where bars are
        forecast; index the bars that are forecast.
    """
    closes = _values(recent, "close")
    path, low, high = (
        np.concatenate([closes[-1:], _values(steps, name)])
        for name in ("close", "close_q05", "close_q95")
    )
    whole_bars = {"open", "high", "low"} <= set(steps.columns)
    shown = [closes, low, high]
    if whole_bars:
        shown += [_values(frame, name) for frame in (recent, steps) for name in ("low", "high")]
    scale = _Scale(len(closes) + len(steps), np.concatenate(shown))
    past = np.arange(len(closes))
    ahead = np.arange(len(closes) - 1, len(closes) + len(steps))
    around = np.concatenate([ahead, ahead[::-1]])
    band = scale.points(around, np.concatenate([high, low[::-1]]))
    parts = [*_grid(scale), f'<polygon class="band" points="{band}"/>']
    if whole_bars:
        parts += _bars(scale, recent, 0, "past")
        parts += _bars(scale, steps, len(closes), "path")
    else:
        parts.append(f'<polyline class="past" points="{scale.points(past, closes)}"/>')
        parts.append(f'<polyline class="path" points="{scale.points(ahead, path)}"/>')
    line, foot = scale.across(len(closes) - 1), _HEIGHT - _BOTTOM
    parts.append(f'<line class="now" x1="{line}" x2="{line}" y1="{_TOP}" y2="{foot}"/>')
    marks = [(0, recent.index[0], "start"), (len(closes) - 1, recent.index[-1], "middle")]
    marks.append((len(closes) + len(steps) - 1, steps.index[-1], "end"))
    parts += [
        f'<text x="{scale.across(place)}" y="{_HEIGHT - 8}" text-anchor="{anchor}">'
        f"{html.escape(format_stamp(stamp))}</text>"
        for place, stamp, anchor in marks
    ]
    return (
        f'<svg class="forecast" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'aria-label="Last bars, expected path and 90 % band">' + "".join(parts) + "</svg>"
    )


class _Scale:
    """Places of bars and prices; prices in logs."""

    def __init__(self, bars: int, prices: FloatArray) -> None:
        self._bars = max(bars - 1, 1)
        self.low, self.high = float(prices.min()), float(prices.max())
        if self.high <= self.low:
            self.high = self.low * 1.01

    def across(self, bar: float) -> str:
        """Place of a bar."""
        return f"{_LEFT + bar / self._bars * (_WIDTH - _LEFT - _RIGHT):.2f}"

    def down(self, price: float) -> str:
        """Place of a price."""
        share = (np.log(price) - np.log(self.low)) / (np.log(self.high) - np.log(self.low))
        return f"{_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM):.2f}"

    def points(self, bars: npt.NDArray[np.int64], prices: FloatArray) -> str:
        """Bars and prices as the points of a line."""
        places = zip(bars.tolist(), prices.tolist(), strict=True)
        return " ".join(f"{self.across(bar)},{self.down(price)}" for bar, price in places)


def _values(frame: pd.DataFrame, name: str) -> FloatArray:
    values: FloatArray = frame[name].to_numpy(dtype="float64")
    return values


def _grid(scale: _Scale) -> list[str]:
    lines = []
    for price in np.geomspace(scale.low, scale.high, 5):
        place = scale.down(price)
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{place}" y2="{place}"/>'
            f'<text x="{_LEFT - 6}" y="{place}" dy="4" text-anchor="end">'
            f"{format_number(float(price), 'price')}</text>"
        )
    return lines


def _bars(scale: _Scale, bars: pd.DataFrame, first: int, css: str) -> list[str]:
    found = []
    fields = (_values(bars, name) for name in ("open", "high", "low", "close"))
    for place, prices in enumerate(zip(*fields, strict=True), start=first):
        x = scale.across(place)
        opened, high, low, close = map(scale.down, prices)
        found.append(
            f'<line class="{css}" x1="{x}" x2="{x}" y1="{high}" y2="{low}"/>'
            f'<line class="{css} body" x1="{x}" x2="{x}" y1="{opened}" y2="{close}"/>'
        )
    return found
