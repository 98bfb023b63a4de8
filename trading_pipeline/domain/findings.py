"""What a check of bars reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

__all__ = ["Finding", "Severity"]

Severity = Literal["ERROR", "WARN"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a check found: where (`ts`, None for the whole window), how much, in words.

    An ERROR means that nothing may be built on the window; a WARN is for a person to look at.
    `count`: cases that this one stands for, above 1 in a last row that counts those that are not
    shown.
    """

    check_name: str
    severity: Severity
    ts: pd.Timestamp | None
    value: float | None
    detail: str
    count: int = field(default=1, compare=False)
