"""What a check of bars reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

__all__ = ["Finding", "Severity"]

Severity = Literal["ERROR", "WARN", "INFO"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a check found.

    `ts`: the bar, None for the whole window. `value`: the number found. `detail`: a sentence. An
    ERROR means that nothing may be built on the window; a WARN needs a person to look; an INFO
    records what a rule set right. `count`: number of cases, above 1 only in a last row that stands
    for the cases not shown.
    """

    check_name: str
    severity: Severity
    ts: pd.Timestamp | None
    value: float | None
    detail: str
    count: int = field(default=1, compare=False)
