"""Families of features: columns that tell much the same, for tables that would be too long."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trading_pipeline.features.sets.core import CORE_FAMILIES

__all__ = ["feature_families"]

_CROSS = "cross_"


def feature_families(columns: Iterable[str]) -> dict[str, str]:
    """The family of each column.

    Columns of `core` have the families of its file, those of `cross_features` are one family, and
    any other column is of the family of its name without the numbers at its end.

    >>> list(feature_families(["rsi_14", "my_lag_20", "STD5", "cross_beta_60"]).values())
    ['momentum', 'my_lag', 'STD', 'cross']
    """
    return {column: _family(column) for column in columns}


def _family(column: str) -> str:
    if column in CORE_FAMILIES:
        return CORE_FAMILIES[column]
    if column.startswith(_CROSS):
        return _CROSS.rstrip("_")
    return re.sub(r"[_\d]+$", "", column) or column
