"""Corporate actions: splits, and cash that is paid out, in the terms of their ex-date."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from trading_pipeline.errors import DataQualityError

__all__ = ["ActionKind", "CorporateAction"]

ActionKind = Literal["split", "dividend", "capital_gain"]
"""All but a split are cash per share; `capital_gain` is what a fund pays out of its gains."""


@dataclass(frozen=True, kw_only=True)
class CorporateAction:
    """One split or payment of cash.

    `value`: new shares per old share for a split (2.0 = two for one), cash per share as traded on
    the ex-date for a dividend or a capital gain. `seen_at`: when this project first saw the action,
    aware UTC.
    """

    instrument: str
    ex_date: date
    kind: ActionKind
    value: float
    source: str
    seen_at: datetime

    def __post_init__(self) -> None:
        if self.kind not in get_args(ActionKind) or not 0.0 < self.value < math.inf:
            raise DataQualityError(
                f"The corporate action of {self.instrument} on {self.ex_date} is a {self.kind!r} "
                f"of {self.value}; it must be one of {', '.join(get_args(ActionKind))} with "
                "a finite value above 0.",
                instrument=self.instrument,
                ex_date=self.ex_date,
                value=self.value,
            )
