"""The weights of a portfolio over time as a stacked picture (SVG)."""

from __future__ import annotations

import html

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["MOST_BANDS", "weights_legend", "weights_picture"]

MOST_BANDS = 10
"""Instruments with a band of their own; where there are more, the smallest are drawn as one."""
_MOST_POINTS = 500
_SIDE = 1000  # of the drawing, which the page stretches to its width
_COLORS = (
    "#4c86d9", "#d98b3a", "#3f9e77", "#b0609e", "#8a7fd0",
    "#c05f52", "#4aa3b5", "#a3913a", "#7d8794", "#6fa64b",
)  # fmt: skip
_OTHERS = "all others"
Floats = npt.NDArray[np.float64]


def weights_legend(weights: pd.DataFrame) -> str:
    """Names of the bands (HTML), each in the colour of its band."""
    return "".join(
        f'<span style="color:{color}"><b>{html.escape(name)}</b></span>'
        for name, color in zip(_bands(weights), _COLORS, strict=False)
    )


def weights_picture(weights: pd.DataFrame) -> str:
    """Bands of the weights (bars, instruments), longs stacked above 0 and shorts below (HTML).

    What is left up to 1 is cash. Of many bars every so many is drawn; NaN counts as 0.
    """
    step = max(1, -(-len(weights) // _MOST_POINTS))
    places = np.unique(np.append(np.arange(0, len(weights), step), len(weights) - 1))
    shown = weights.iloc[places]
    bands = {name: each.to_numpy(dtype=np.float64) for name, each in _bands(shown).items()}
    longs = np.sum([np.maximum(each, 0.0) for each in bands.values()], axis=0)
    shorts = np.sum([np.minimum(each, 0.0) for each in bands.values()], axis=0)
    high, low = max(1.0, float(longs.max())), min(0.0, float(shorts.min()))
    across = _SIDE * np.linspace(0.0, 1.0, len(shown))

    def down(values: Floats) -> Floats:
        found: Floats = _SIDE * (high - values) / (high - low)
        return found

    levels = np.unique([low, *np.linspace(0.0, high, 5 if low == 0.0 else 3)])
    labels = []
    parts = []
    for level, y in zip(levels, down(levels), strict=True):
        text = f"{100.0 * level:.0f} %".replace("-", "\N{MINUS SIGN}")
        labels.append(f'<span style="top:{100 * y / _SIDE:.1f}%">{text}</span>')
        parts.append(f'<line x1="0" x2="{_SIDE}" y1="{y:.1f}" y2="{y:.1f}"/>')
    above, below = np.zeros(len(shown)), np.zeros(len(shown))
    for (name, each), color in zip(bands.items(), _COLORS, strict=False):
        for part, base in ((np.maximum(each, 0.0), above), (np.minimum(each, 0.0), below)):
            if part.any():
                edge = _points(across, down(base + part)) + _points(across, down(base))[::-1]
                parts.append(
                    f'<polygon fill="{color}" points="{" ".join(edge)}">'
                    f"<title>{html.escape(name)}</title></polygon>"
                )
                base += part
    return (
        f'<div class="weights"><div class="levels">{"".join(labels)}</div>'
        f'<svg viewBox="0 0 {_SIDE} {_SIDE}" preserveAspectRatio="none" role="img" '
        f'aria-label="Weights over time">{"".join(parts)}</svg>'
        f'<div class="dates">{_dates(pd.DatetimeIndex(shown.index))}</div></div>'
    )


def _bands(weights: pd.DataFrame) -> dict[str, pd.Series]:
    """Weights by band, the largest on average first."""
    known = weights.fillna(0.0)
    order = known.abs().mean().sort_values(ascending=False, kind="stable").index
    if len(order) <= MOST_BANDS:
        return {str(name): known[name] for name in order}
    own = order[: MOST_BANDS - 1]
    others = known[order[MOST_BANDS - 1 :]].sum(axis=1)
    return {**{str(name): known[name] for name in own}, _OTHERS: others}


def _dates(index: pd.DatetimeIndex) -> str:
    """First, middle and last date along the foot."""
    places = np.unique(np.linspace(0, len(index) - 1, 3).astype(int))
    return "".join(f"<span>{index[place]:%Y-%m-%d}</span>" for place in places)


def _points(across: Floats, down: Floats) -> list[str]:
    return [f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True)]
