"""Corporate actions: splits and cash dividends, in the terms of their ex-date."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from trading_pipeline.errors import DataQualityError

__all__ = ["ActionKind", "CorporateAction"]

ActionKind = Literal["split", "dividend"]


@dataclass(frozen=True, kw_only=True)
class CorporateAction:
    """One split or dividend.

    `value`: new shares per old share for a split (2.0 = two for one), cash per share as traded on
    the ex-date for a dividend. `seen_at`: when this project first saw the action, aware UTC.
    """

    instrument: str
    ex_date: date
    kind: ActionKind
    value: float
    source: str
    seen_at: datetime

    def __post_init__(self) -> None:
        if self.kind not in ("split", "dividend") or not 0.0 < self.value < math.inf:
            raise DataQualityError(
                f"The corporate action of {self.instrument} on {self.ex_date} is a {self.kind!r} "
                f"of {self.value}; it must be a split or a dividend with a finite value above 0.",
                instrument=self.instrument,
                ex_date=self.ex_date,
                value=self.value,
            )
