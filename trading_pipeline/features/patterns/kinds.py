"""The kinds of chart pattern: name, family, expected direction, and what each is."""

from __future__ import annotations

from dataclasses import dataclass

from trading_pipeline.errors import UnknownNameError, did_you_mean

__all__ = ["FAMILIES", "KINDS", "PatternKind", "pattern_kind"]


@dataclass(frozen=True)
class PatternKind:
    """`direction`: that of the breakout that textbooks expect, +1 up, -1 down, 0 either."""

    name: str
    family: str
    direction: int
    meaning: str


KINDS = (
    PatternKind(
        "head_shoulders",
        "head_shoulders",
        -1,
        "Three highs, the middle one the highest, the outer two even, over an even neckline.",
    ),
    PatternKind("inverse_head_shoulders", "head_shoulders", 1, "Head and shoulders upside down."),
    PatternKind("double_top", "double", -1, "Two even highs at least 22 bars apart after a rise."),
    PatternKind("double_bottom", "double", 1, "Two even lows at least 22 bars apart after a fall."),
    PatternKind("triple_top", "triple", -1, "Three even highs after a rise."),
    PatternKind("triple_bottom", "triple", 1, "Three even lows after a fall."),
    PatternKind("rectangle_top", "rectangle", 0, "Even highs over even lows, from a high on."),
    PatternKind("rectangle_bottom", "rectangle", 0, "Even lows under even highs, from a low on."),
    PatternKind(
        "broadening_top", "broadening", -1, "Rising highs and falling lows, from a high on."
    ),
    PatternKind(
        "broadening_bottom", "broadening", 1, "Falling lows and rising highs, from a low on."
    ),
    PatternKind("ascending_triangle", "triangle", 1, "Rising lows under level highs."),
    PatternKind("descending_triangle", "triangle", -1, "Falling highs over level lows."),
    PatternKind("symmetrical_triangle", "triangle", 0, "Falling highs and rising lows."),
    # never found: a symmetrical triangle is its own mirror, so it is searched for once
    PatternKind("symmetrical_triangle", "triangle", 0, "Falling highs and rising lows."),
    PatternKind("rising_wedge", "wedge", -1, "Both lines rise, the lower one faster."),
    PatternKind("falling_wedge", "wedge", 1, "Both lines fall, the upper one faster."),
    PatternKind("rising_channel", "channel", 1, "Two parallel rising lines."),
    PatternKind("falling_channel", "channel", -1, "Two parallel falling lines."),
    PatternKind("bull_flag", "flag", 1, "A steep rise, then a short channel against it."),
    PatternKind("bear_flag", "flag", -1, "A steep fall, then a short channel against it."),
    PatternKind("bull_pennant", "flag", 1, "A steep rise, then a short narrowing pause."),
    PatternKind("bear_pennant", "flag", -1, "A steep fall, then a short narrowing pause."),
    PatternKind("cup_and_handle", "cup", 1, "A round trough between even rims, then a small dip."),
    PatternKind("inverse_cup_and_handle", "cup", -1, "A cup and handle upside down."),
)
"""By code, as `kernels.py` numbers them: an odd code is the mirror of the even one before it."""

FAMILIES = tuple(dict.fromkeys(kind.family for kind in KINDS))
"""The kinds of a family share their feature columns."""


def pattern_kind(name: str) -> PatternKind:
    """The kind of that name; `UnknownNameError` offers close ones.

    >>> pattern_kind("double_top").direction
    -1
    """
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise UnknownNameError(
        f"There is no chart pattern {name!r}. {did_you_mean(name, [kind.name for kind in KINDS])}",
        name=name,
        kind="chart pattern",
    )
