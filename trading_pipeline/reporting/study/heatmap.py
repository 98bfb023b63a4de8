"""The picture of a study: the best value found at each pair of values of two parameters."""

from __future__ import annotations

import base64
import html
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["heatmap_image", "heatmap_picture", "shown_pair"]

_MOST_CELLS = 14
_SIDE, _LEFT, _TOP, _BOTTOM = 34, 92, 26, 58
_SHADES = (
    "#3b4f8f", "#4a72b8", "#6c9cc9", "#9cc3d5", "#d8dccb", "#ecc98f", "#e79a5b", "#cf5f3c",
)  # fmt: skip
_STYLE = (
    "<style>text{fill:#7a869a;font:12px sans-serif}.b{fill:none;stroke:#111;stroke-width:2}</style>"
)
Parameters = Mapping[str, Any]


def heatmap_image(
    sets: Sequence[Parameters], values: Sequence[float], names: Sequence[str], metric: str
) -> str:
    """`heatmap_picture` as an address of data; "" where there is no picture."""
    picture = heatmap_picture(sets, values, names, metric)
    return picture and ("data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode())


def heatmap_picture(
    sets: Sequence[Parameters], values: Sequence[float], names: Sequence[str], metric: str
) -> str:
    """SVG of the space: a cell a pair of values, coloured by the best trial in it.

    `sets`: parameters of the trials; `values`: their metric, NaN where it is undefined; `names`:
    searched parameters. Of more than two the pair that explains most is shown; the others are at
    whatever was best. Axes with many values are cut into 14 steps. The best cell has a frame; a
    pair that was not tried has no cell. "" where no trial has a value.
    """
    pair = shown_pair(sets, values, names)
    kept = [(each, v) for each, v in zip(sets, values, strict=True) if math.isfinite(v)]
    if not kept or not pair:
        return ""
    across, down = pair[0], pair[1] if len(pair) > 1 else None
    columns, column_of = _axis([each[across] for each, _ in kept])
    rows, row_of = ([""], lambda _: 0) if down is None else _axis([each[down] for each, _ in kept])
    best: dict[tuple[int, int], float] = {}
    for each, value in kept:
        cell = (column_of(each[across]), row_of(None if down is None else each[down]))
        best[cell] = max(best.get(cell, -math.inf), value)
    return _drawn(best, columns, rows, across, down or "", metric)


def shown_pair(
    sets: Sequence[Parameters], values: Sequence[float], names: Sequence[str]
) -> list[str]:
    """The two parameters whose values explain most of the variance, in the order of `names`.

    Measured is the variance of the mean value at each value of the parameter alone; parameters that
    do not differ between trials are left out.
    """
    kept = [(each, v) for each, v in zip(sets, values, strict=True) if math.isfinite(v)]
    told: dict[str, float] = {}
    for name in names:
        groups: dict[int, list[float]] = defaultdict(list)
        labels, group_of = _axis([each[name] for each, _ in kept]) if kept else ([], None)
        if group_of is None or len(labels) < 2:
            continue
        for each, value in kept:
            groups[group_of(each[name])].append(value)
        with np.errstate(over="ignore", invalid="ignore"):  # of values near the limit of floats
            means = [np.full(len(one), np.mean(one)) for one in groups.values()]
            told[name] = float(np.nan_to_num(np.concatenate(means).var()))
    chosen = sorted(told, key=lambda name: -told[name])[:2]
    return [name for name in names if name in chosen] or list(names[:1])


def _axis(found: Sequence[Any]) -> tuple[list[str], Any]:
    """Labels of an axis, and the place of a value on it."""
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in found)
    distinct = sorted(set(found)) if numeric else sorted({json.dumps(v) for v in found})
    if not numeric:
        places = {told: min(at, _MOST_CELLS - 1) for at, told in enumerate(distinct)}
        labels = [str(told).strip('"') for told in distinct[:_MOST_CELLS]]
        if len(distinct) > _MOST_CELLS:
            labels[-1] = "others"
        return labels, lambda value: places[json.dumps(value)]
    if len(distinct) <= _MOST_CELLS:
        numbers = {value: at for at, value in enumerate(distinct)}
        return [f"{value:g}" for value in distinct], lambda value: numbers[value]
    cuts = [distinct[len(distinct) * at // _MOST_CELLS] for at in range(_MOST_CELLS)]
    return (
        [f"{cut:.4g}+" for cut in cuts],
        lambda value: int(np.searchsorted(cuts, value, side="right")) - 1,
    )


def _drawn(
    best: Mapping[tuple[int, int], float],
    columns: Sequence[str],
    rows: Sequence[str],
    across: str,
    down: str,
    metric: str,
) -> str:
    low, high = min(best.values()), max(best.values())
    shades: dict[int, list[str]] = defaultdict(list)
    for (column, row), value in best.items():
        share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 1.0
        shade = min(int(share * len(_SHADES)), len(_SHADES) - 1)
        x, y = _LEFT + column * _SIDE, _TOP + (len(rows) - 1 - row) * _SIDE
        shades[shade].append(f"M{x} {y}h{_SIDE - 1}v{_SIDE - 1}h-{_SIDE - 1}z")
    parts = [f'<path fill="{_SHADES[at]}" d="{"".join(d)}"/>' for at, d in sorted(shades.items())]
    column, row = max(best, key=lambda cell: best[cell])
    x, y = _LEFT + column * _SIDE, _TOP + (len(rows) - 1 - row) * _SIDE
    parts.append(f'<path class="b" d="M{x} {y}h{_SIDE - 1}v{_SIDE - 1}h-{_SIDE - 1}z"/>')
    foot = _TOP + len(rows) * _SIDE
    for at, label in enumerate(columns):
        middle = _LEFT + at * _SIDE + _SIDE // 2
        parts.append(_text(middle, foot + 15, label, "middle", 7))
    for at, label in enumerate(rows):
        middle = _TOP + (len(rows) - 1 - at) * _SIDE + _SIDE // 2 + 4
        parts.append(_text(_LEFT - 6, middle, label, "end", 12))
    width, height = _LEFT + max(len(columns) * _SIDE, 300) + 20, foot + _BOTTOM
    parts.append(_text(_LEFT, foot + 32, across, "start", 40))
    parts.append(_text(_LEFT - 6, _TOP - 10, down, "end", 12))
    parts += [
        f'<path fill="{shade}" d="M{_LEFT + at * 16} {foot + 40}h15v10h-15z"/>'
        for at, shade in enumerate(_SHADES)
    ]
    legend = f"best {metric}: {low:.3g} to {high:.3g}"
    parts.append(_text(_LEFT + len(_SHADES) * 16 + 8, foot + 50, legend, "start", 60))
    named = html.escape(f"Best {metric} by {across}" + f" and {down}" * bool(down))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" aria-label="{named}">{_STYLE}{"".join(parts)}</svg>'
    )


def _text(x: int, y: int, text: str, anchor: str, most: int) -> str:
    told = html.escape(text if len(text) <= most else f"{text[: most - 1]}…")
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{told}</text>'
