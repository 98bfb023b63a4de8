"""Families of features: columns that tell much the same, for tables that would be too long."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["feature_families"]

_CROSS = "cross_"
_OF_CORE = {
    "returns": (
        "log_return_1 log_return_5 log_return_20 log_return_60 overnight_return intraday_return"
    ),
    "bar": "log_range close_in_range",
    "averages": "close_to_sma_10 close_to_sma_50 close_to_sma_200 close_to_ema_20",
    "trend": "trend_slope_20 di_difference_14 aroon_25",
    "momentum": (
        "roc_10 rsi_14 macd_histogram adx_14 stochastic_k_14 stochastic_d_14 williams_r_14 cci_20"
    ),
    "volatility": (
        "volatility_20 volatility_60 volatility_ratio_5_60 parkinson_20 garman_klass_20 atr_14 "
        "bollinger_position_20 bollinger_width_20"
    ),
    "volume": "mfi_14 volume_z_20 obv_z_20 volume_ratio_5_20",
    "calendar": (
        "weekday_sine weekday_cosine month_sine month_cosine month_end session_elapsed "
        "hours_to_close"
    ),
}
_FAMILIES = {name: family for family, names in _OF_CORE.items() for name in names.split()}


def feature_families(columns: Iterable[str]) -> dict[str, str]:
    """The family of each column.

    Columns of `core` have the families below, those of `cross_features` are one family, and
    any other column is of the family of its name without the numbers at its end.

    >>> list(feature_families(["rsi_14", "my_lag_20", "STD5", "cross_beta_60"]).values())
    ['momentum', 'my_lag', 'STD', 'cross']
    """
    return {column: _family(column) for column in columns}


def _family(column: str) -> str:
    if column in _FAMILIES:
        return _FAMILIES[column]
    if column.startswith(_CROSS):
        return _CROSS.rstrip("_")
    return re.sub(r"[_\d]+$", "", column) or column
