"""Bars along hand-drawn lines: every kind of pattern, and near misses of each.

Legs of 12 bars and swings of about 10 give an ATR of about 1.
"""

import numpy as np
import pandas as pd

LEAD_IN = [(0, 100.0), (12, 92.0), (24, 100.0), (36, 91.0)]


def path(points, *, wick=0.1, lead_in=LEAD_IN):
    """Bars through (bars, price) points; bars are counted from the end of the lead-in."""
    shift = lead_in[-1][0] if lead_in else 0
    rows = [row for row, _ in lead_in] + [shift + row for row, _ in points]
    prices = [price for _, price in lead_in] + [price for _, price in points]
    close = np.interp(np.arange(rows[-1] + 1), rows, prices)
    opened = np.concatenate(([close[0]], close[:-1]))
    index = pd.bdate_range("2001-01-01", periods=len(close), tz="UTC", name="ts")
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) + wick,
            "low": np.minimum(opened, close) - wick,
            "close": close,
            "volume": 1000.0,
        },
        index=pd.DatetimeIndex(index).as_unit("us"),
    )


def legs(*prices, bars=12):
    """Points at equal distances."""
    return [(bars * (number + 1), price) for number, price in enumerate(prices)]


def mirrored(bars, *, about=200.0):
    """The bars upside down."""
    swapped = {"high": about - bars["low"], "low": about - bars["high"]}
    return bars.assign(open=about - bars["open"], close=about - bars["close"], **swapped)


def half_circle(first, last, rim, depth):
    """Points of a round trough from row `first` to row `last`."""
    rows = np.arange(first, last + 1)
    middle, half = (first + last) / 2, (last - first) / 2
    return [(int(row), rim - depth * (1 - ((row - middle) / half) ** 2)) for row in rows]


# every path begins after a fall to 91
DRAWN = {
    "head_shoulders": legs(105, 99, 111, 99.5, 105.3, 98, 90),
    "double_top": legs(106, 98, 106.2, 97, 90, bars=12),
    "triple_top": legs(106, 99, 106.2, 98.6, 105.9, 97, 90),
    "rectangle_top": legs(106, 99, 106.2, 99.1, 106.1, 100),
    "broadening_top": legs(102, 97, 105, 94, 108.5, 100),
    "ascending_triangle": legs(106, 97, 106.1, 99.2, 106, 101),
    "symmetrical_triangle": legs(110, 96, 107.6, 98.2, 105.4, 100),
    "rising_wedge": legs(103, 94, 105, 98.3, 107, 101),
    "rising_channel": legs(101, 95, 104, 98, 107, 100),
    "bull_flag": [(8, 91), (16, 107), (20, 103.5), (24, 106), (28, 102.5), (34, 110)],
    "bull_pennant": [(8, 91), (16, 107), (21, 102), (25, 106), (29, 103.2), (34, 110)],
    "cup_and_handle": [
        (10, 107.0),
        *half_circle(11, 59, 107.0, 9.0),
        (60, 107.2),
        (68, 103.5),
        (76, 112),
    ],
}

# the same with one thing wrong
NEAR_MISSES = {
    "head_shoulders": {
        "head no higher than the shoulders": legs(105, 99, 105.4, 99.5, 105.3, 98, 90),
        "uneven shoulders": legs(108.5, 99, 112, 99.5, 104.8, 98, 90),
        "steep neckline": legs(105, 95, 111, 99.5, 105.3, 98, 90),
    },
    "double_top": {
        "second top too high": legs(106, 98, 108.5, 97, 90),
        "tops too near": [(12, 106), (18, 98), (24, 106.2), (34, 94)],
        "no rise before it": legs(106, 88, 106.2, 97, 90),
    },
    "triple_top": {
        "third top too low": legs(106, 99, 106.2, 98.6, 103.5, 97, 90),
        "no rise before it": legs(106, 90, 106.2, 90.5, 105.9, 97, 90),
    },
    "rectangle_top": {
        "uneven bottoms": legs(106, 97, 106.2, 100, 106.1, 100),
        "rising tops": legs(104, 97, 106, 97.1, 108, 100),
    },
    "broadening_top": {
        "bottoms do not fall": legs(102, 96, 105, 96.2, 108.5, 100),
        "last top no higher": legs(102, 97, 105, 94, 105.2, 100),
    },
    "ascending_triangle": {
        "falling tops": legs(109, 97, 107, 99.2, 105, 101),
        "level bottoms": legs(106, 97, 106.1, 97.1, 106, 101),
    },
    "symmetrical_triangle": {
        "level tops": legs(107, 96, 107.1, 98.2, 107, 100),
        "widening": legs(105, 98, 107, 96, 109, 100),
    },
    "rising_wedge": {
        "parallel": legs(101, 95, 104, 98, 107, 100),
        "falling tops": legs(107, 94, 105, 98.3, 103.5, 99),
    },
    "rising_channel": {
        "level": legs(106, 97, 106.1, 97.2, 106, 99),
        "converging": legs(107, 94, 107.9, 98.5, 108.8, 103),
    },
    "bull_flag": {
        "no pole": [(8, 91), (16, 95.5), (20, 92), (24, 94.5), (28, 91), (34, 98)],
        "gives back the pole": [(8, 91), (16, 107), (20, 97), (24, 103), (28, 94), (36, 104)],
        "converging": DRAWN["bull_pennant"],
    },
    "bull_pennant": {
        "no pole": [(8, 91), (16, 96), (21, 91), (25, 95), (29, 92.2), (34, 99)],
        "parallel": DRAWN["bull_flag"],
    },
    "cup_and_handle": {
        "a V": [(10, 107.0), (35, 98.0), (60, 107.2), (68, 103.5), (76, 112)],
        "handle too deep": [*DRAWN["cup_and_handle"][:-2], (70, 100.0), (80, 112)],
        "right rim too low": [
            (10, 107.0),
            *half_circle(11, 55, 107.0, 9.0),
            (56, 103.5),
            (64, 100.5),
            (72, 112),
        ],
    },
}
