"""How many bars TA-Lib's recursive indicators take to forget where the bars begin.

An indicator in none of the tables is a plain window and forgets after its lookback.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["SLOW", "START_DEPENDENT", "WARMUPS"]

# Least bars, and bars for each bar of the longest period, until the first bar weighs under 1e-6
# (measured by `audit_warmup`): a factor f forgets in f periods.
EXPONENTIAL = (250, 9)  # one or two averages with weight 2 / (n + 1)
WILDER = (250, 17)  # weight 1 / n
SLOW = (400, 28)  # averages of averages
CYCLE = (400, 0)  # Hilbert transform, no period
WARMUPS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(
        [
            "ADOSC",
            "APO",
            "CVI",
            "DEMA",
            "EFI",
            "EMA",
            "ERI",
            "HA",
            "KC",
            "KDJ",
            "MACD",
            "MACDEXT",
            "MACDFIX",
            "MASSI",
            "PPO",
            "PVO",
            "SAR",
            "SAREXT",
            "SMI",
            "T3",
            "TSI",
            "ZLEMA",
        ],
        EXPONENTIAL,
    ),
    **dict.fromkeys(
        [
            "ATR",
            "CMO",
            "DX",
            "MINUS_DI",
            "MINUS_DM",
            "NATR",
            "PLUS_DI",
            "PLUS_DM",
            "RMA",
            "RSI",
            "RVI",
            "STOCHRSI",
            "SUPERTREND",
        ],
        WILDER,
    ),
    **dict.fromkeys(("ADX", "ADXR", "KAMA", "TEMA", "TRIX"), SLOW),
    **dict.fromkeys(
        (
            "HT_DCPERIOD",
            "HT_DCPHASE",
            "HT_PHASOR",
            "HT_SINE",
            "HT_TRENDLINE",
            "HT_TRENDMODE",
            "MAMA",
        ),
        CYCLE,
    ),
}
START_DEPENDENT = frozenset(
    (
        "AD",
        "CUMSUM",
        "MAXINDEX",
        "MININDEX",
        "MINMAXINDEX",
        "NVI",
        "OBV",
        "PVI",
        "PVT",
        "VWAP",
        "WAD",
    )
)
