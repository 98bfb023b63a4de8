"""The feature set `alpha158`: 157 columns, their windows and warm-ups.

It is the published 158 without VWAP, which bars do not have. Names are the published ones: MA20 is
MA over 20 bars.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trading_pipeline.features.sets import alpha158_formulas as formulas
from trading_pipeline.features.sets.feature_set import FeatureSet, FeatureSpec, plain_window

__all__ = ["ALPHA158"]

_WINDOWS = (5, 10, 20, 30, 60)
_CLOSE, _VOLUME = ("close",), ("volume",)
_OHLC = ("open", "high", "low", "close")
_HLC = ("high", "low", "close")

_BAR: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("KMID", ("open", "close"), "Close less open, by the open."),
    ("KLEN", ("open", "high", "low"), "High less low, by the open."),
    ("KMID2", _OHLC, "Close less open, by the bar's range."),
    ("KUP", ("open", "high", "close"), "Upper wick by the open."),
    ("KUP2", _OHLC, "Upper wick by the bar's range."),
    ("KLOW", ("open", "low", "close"), "Lower wick by the open."),
    ("KLOW2", _OHLC, "Lower wick by the bar's range."),
    ("KSFT", _OHLC, "Twice the close less high and low, by the open."),
    ("KSFT2", _HLC, "Twice the close less high and low, by the bar's range."),
)
_PRICES = (
    ("OPEN0", "Open by the close."),
    ("HIGH0", "High by the close."),
    ("LOW0", "Low by the close."),
)
# formula, inputs, and of each part its name, bars before the window, meaning and, where fewer,
# inputs; one
# call gives the parts of every window
_Rolling = tuple[Callable[..., Any], tuple[str, ...], tuple[tuple[Any, ...], ...]]
_BEFORE_ORDER: tuple[_Rolling, ...] = (
    (
        formulas.close_level,
        _CLOSE,
        (
            ("ROC", 1, "Close {d} bars ago by the close."),
            ("MA", 0, "Mean close of {d} bars by the close."),
            ("STD", 0, "Standard deviation of {d} closes by the close."),
            ("BETA", 0, "Slope by bar of the line through {d} closes, by the close."),
            ("RSQR", 0, "Share of the variance of {d} closes that the line explains."),
            ("RESI", 0, "Close less the line through {d} closes, by the close."),
        ),
    ),
    (
        formulas.range_place,
        _HLC,
        (
            ("MAX", 0, "Highest high of {d} bars by the close.", ("high", "close")),
            ("MIN", 0, "Lowest low of {d} bars by the close.", ("low", "close")),
            ("RSV", 0, "Close between lowest low and highest high of {d} bars."),
        ),
    ),
)
# one call for each window: a sorted window cannot be joined from others
_ORDER = (
    ("QTLU", "80% quantile of {d} closes by the close."),
    ("QTLD", "20% quantile of {d} closes by the close."),
    ("RANK", "Rank of the close among {d}, as a share."),
)
_AFTER_ORDER: tuple[_Rolling, ...] = (
    (
        formulas.extreme_ages,
        ("high", "low"),
        (
            (
                "IMAX",
                0,
                "Place of the highest high in {d} bars, as a share; the last is 1.",
                ("high",),
            ),
            (
                "IMIN",
                0,
                "Place of the lowest low in {d} bars, as a share; the last is 1.",
                ("low",),
            ),
            ("IMXD", 0, "Place of the high less place of the low in {d} bars."),
        ),
    ),
    (
        formulas.volume_level,
        _VOLUME,
        (
            ("VMA", 0, "Mean volume of {d} bars by the bar's volume."),
            ("VSTD", 0, "Standard deviation of {d} volumes by the bar's volume."),
        ),
    ),
    (
        formulas.correlations,
        ("close", "volume"),
        (
            ("CORR", 0, "Correlation of close and log volume over {d} bars."),
            ("CORD", 1, "Correlation of the changes of close and log volume over {d} bars."),
        ),
    ),
    (
        formulas.rise_counts,
        _CLOSE,
        (
            ("CNTP", 1, "Share of {d} bars that closed higher."),
            ("CNTN", 1, "Share of {d} bars that closed lower."),
            ("CNTD", 1, "CNTP less CNTN over {d} bars."),
        ),
    ),
    (
        formulas.rise_sums,
        _CLOSE,
        (
            ("SUMP", 1, "Rises of the close as a share of all its movement in {d} bars."),
            ("SUMN", 1, "Falls of the close as a share of all its movement in {d} bars."),
            ("SUMD", 1, "SUMP less SUMN over {d} bars."),
        ),
    ),
    (
        formulas.weighted_volatility,
        ("close", "volume"),
        (("WVMA", 1, "Deviation over mean of return size times volume, {d} bars."),),
    ),
    (
        formulas.volume_rise_sums,
        _VOLUME,
        (
            ("VSUMP", 1, "Rises of the volume as a share of all its movement in {d} bars."),
            ("VSUMN", 1, "Falls of the volume as a share of all its movement in {d} bars."),
            ("VSUMD", 1, "VSUMP less VSUMN over {d} bars."),
        ),
    ),
)


def _specs() -> tuple[FeatureSpec, ...]:
    specs = [
        plain_window(name, inputs, 0, formulas.bar_shape, meaning, part=part)
        for part, (name, inputs, meaning) in enumerate(_BAR)
    ]
    specs += [
        plain_window(name, (_OHLC[part], "close"), 0, formulas.price_ratios, meaning, part=part)
        for part, (name, meaning) in enumerate(_PRICES)
    ]
    specs += _rolling_specs(_BEFORE_ORDER)
    specs += [
        plain_window(
            f"{name}{window}",
            _CLOSE,
            window - 1,
            formulas.close_order,
            meaning.format(d=window),
            part=part,
            window=window,
        )
        for part, (name, meaning) in enumerate(_ORDER)
        for window in _WINDOWS
    ]
    return (*specs, *_rolling_specs(_AFTER_ORDER))


def _rolling_specs(formulas_of_parts: tuple[_Rolling, ...]) -> list[FeatureSpec]:
    return [
        plain_window(
            f"{name}{window}",
            own[0] if own else inputs,
            window - 1 + before,
            compute,
            meaning.format(d=window),
            part=place * len(parts) + part,
            windows=_WINDOWS,
        )
        for compute, inputs, parts in formulas_of_parts
        for part, (name, before, meaning, *own) in enumerate(parts)
        for place, window in enumerate(_WINDOWS)
    ]


ALPHA158 = FeatureSet(name="alpha158", version=1, specs=_specs())
"""Shape of the bar, and price and volume statistics of 5 to 60 bars."""
