"""Pictures of a card as SVG: reliability, scores by fit, importance of families."""

from __future__ import annotations

import html
from collections.abc import Sequence

from trading_pipeline.models.cards.card import CardPeriod, Importance, RateBin
from trading_pipeline.reporting.model_card.numbers import score_number
from trading_pipeline.reporting.page.number_format import format_number

__all__ = ["importance_picture", "periods_picture", "reliability_picture"]

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 14, 12, 44
_BAR = 26


class _Axis:
    """Places of values along an axis of the picture."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = min(values), max(values)
        room = 0.06 * (high - low) or 0.05
        self.low, self.high = low - room, high + room
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        """Place of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(self._start + share * (self._end - self._start), 2)

    def ticks(self, count: int = 5) -> list[float]:
        """Round values along the axis."""
        step = _round_step((self.high - self.low) / count)
        first = -int(-self.low // step)
        last = int(self.high // step)
        return [each * step for each in range(first, last + 1)]


def reliability_picture(bins: Sequence[RateBin]) -> str:
    """Observed rate against forecast with its 95 % interval; the diagonal is perfect."""
    ends = [value for each in bins for value in (each.low, each.high, each.mean_forecast)]
    across = _Axis([each.mean_forecast for each in bins], _LEFT, _WIDTH - _RIGHT)
    down = _Axis(ends, _HEIGHT - _BOTTOM, _TOP)
    parts = _frame(across, down, "Forecast probability", "Observed rate")
    low, high = max(across.low, down.low), min(across.high, down.high)
    parts.append(
        f'<line class="chance" x1="{across.at(low)}" y1="{down.at(low)}" '
        f'x2="{across.at(high)}" y2="{down.at(high)}"/>'
    )
    for each in bins:
        x = across.at(each.mean_forecast)
        told = (
            f"{each.mean_forecast:.1%} forecast, {each.observed_rate:.1%} observed, "
            f"95 % {each.low:.1%} to {each.high:.1%}, {each.rows:,} rows"
        )
        parts.append(
            f'<line class="range" x1="{x}" x2="{x}" y1="{down.at(each.low)}" '
            f'y2="{down.at(each.high)}"/><circle class="dot" cx="{x}" '
            f'cy="{down.at(each.observed_rate)}" r="4.5"><title>{told}</title></circle>'
        )
    return _svg(parts, _HEIGHT, "Observed rate by forecast probability")


def periods_picture(periods: Sequence[CardPeriod]) -> str:
    """The headline score of each period with its 95 % interval; the line is chance."""
    shown = [(each, each.headline) for each in periods if each.headline is not None]
    told = [(each, score) for each, score in shown if score.value is not None]
    name, chance = told[0][1].name, told[0][1].chance or 0.0
    ends = [
        value
        for _, score in told
        for value in (score.low, score.high, score.value, chance)
        if value is not None
    ]
    down = _Axis(ends, _HEIGHT - _BOTTOM, _TOP)
    width = (_WIDTH - _LEFT - _RIGHT) / len(told)
    parts = _grid(down, name)
    parts.append(
        f'<line class="chance" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{down.at(chance)}" '
        f'y2="{down.at(chance)}"/>'
    )
    every = -(-len(told) // 10)
    for place, (period, score) in enumerate(told):
        x = round(_LEFT + (place + 0.5) * width, 2)
        value = score.value or 0.0
        words = f"{period.start[:10]}: {score_number(name, value)}, {period.rows:,} rows"
        if score.low is not None and score.high is not None:
            parts.append(
                f'<line class="range" x1="{x}" x2="{x}" y1="{down.at(score.low)}" '
                f'y2="{down.at(score.high)}"/>'
            )
        parts.append(
            f'<circle class="dot" cx="{x}" cy="{down.at(value)}" r="4.5">'
            f"<title>{html.escape(words)}</title></circle>"
        )
        if place % every == 0:
            parts.append(
                f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">'
                f"{html.escape(period.start[: 4 if _are_years(periods) else 7])}</text>"
            )
    return _svg(parts, _HEIGHT, "Headline score over time")


def importance_picture(families: Sequence[Importance]) -> str:
    """How much the loss grows when a family is shuffled, with its 95 % interval."""
    left, height = 150, _TOP + _BAR * len(families) + 30
    ends = [v for each in families for v in (each.low, each.high, 0.0) if v is not None]
    across = _Axis(ends, left, _WIDTH - _RIGHT)
    foot, zero = _TOP + _BAR * len(families), across.at(0.0)
    parts = [f'<line class="chance" x1="{zero}" x2="{zero}" y1="{_TOP}" y2="{foot}"/>']
    for tick in across.ticks(4):
        parts.append(
            f'<text x="{across.at(tick)}" y="{foot + 18}" text-anchor="middle">'
            f"{format_number(tick, 'percent')}</text>"
        )
    for place, each in enumerate(families):
        y = round(_TOP + (place + 0.5) * _BAR, 2)
        label = each.family if len(each.family) <= 18 else each.family[:17] + "…"
        parts.append(
            f'<text class="name" x="{left - 8}" y="{y}" dy="4" text-anchor="end">'
            f"{html.escape(label)}</text>"
        )
        if each.low is not None and each.high is not None:
            parts.append(
                f'<line class="range" x1="{across.at(each.low)}" x2="{across.at(each.high)}" '
                f'y1="{y}" y2="{y}"/>'
            )
        told = f"{each.family}: {format_number(each.increase, 'percent')}, {each.columns} columns"
        parts.append(
            f'<circle class="dot" cx="{across.at(each.increase)}" cy="{y}" r="4.5">'
            f"<title>{html.escape(told)}</title></circle>"
        )
    return _svg(parts, height, "Increase of the loss by family of features")


def _frame(across: _Axis, down: _Axis, below: str, beside: str) -> list[str]:
    parts = _grid(down, "accuracy")
    foot = _HEIGHT - _BOTTOM
    for tick in across.ticks():
        parts.append(
            f'<text x="{across.at(tick)}" y="{foot + 18}" text-anchor="middle">'
            f"{format_number(tick, 'percent').replace('.00', '')}</text>"
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{below}</text>')
    parts.append(
        f'<text x="14" y="{foot / 2}" text-anchor="middle" '
        f'transform="rotate(-90 14 {foot / 2})">{beside}</text>'
    )
    return parts


def _grid(down: _Axis, name: str) -> list[str]:
    lines = []
    for tick in down.ticks():
        y = down.at(tick)
        text = score_number(name, tick).replace(".00 %", " %").removesuffix("0")
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text x="{_LEFT - 6}" y="{y}" dy="4" text-anchor="end">{text}</text>'
        )
    return lines


def _svg(parts: Sequence[str], height: int, label: str) -> str:
    return (
        f'<svg class="card-picture" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{html.escape(label)}">' + "".join(parts) + "</svg>"
    )


def _round_step(step: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** (len(str(int(1.0 / step))) * -1) if step < 1.0 else 1.0
    while power < step:
        for factor in (1.0, 2.0, 5.0):
            if power * factor >= step:
                return power * factor
        power *= 10.0
    return power


def _are_years(periods: Sequence[CardPeriod]) -> bool:
    """Whether the year alone tells the periods apart."""
    years = [period.start[:4] for period in periods]
    return len(set(years)) == len(years)
