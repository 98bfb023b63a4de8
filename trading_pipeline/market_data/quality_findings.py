"""This file holds what a check of bars reports, and how strict the checks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["CHECK_NAMES", "ERROR_CHECKS", "CheckSettings", "Finding", "Severity", "findings_at"]

Severity = Literal["ERROR", "WARN"]
ERROR_CHECKS = ("schema", "duplicate_ts", "order", "grid", "ohlc", "positive", "identity", "gap")
"""Checks that can block; `gap` blocks only above `CheckSettings.gap_error_fraction`."""
CHECK_NAMES = (
    *ERROR_CHECKS,
    "extra_bar",
    "coverage",
    "zero_volume",
    "stale",
    "spike",
    "level_shift",
)
"""Every name that a finding can carry."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a check found: where (`ts`, None for the whole window), how much, in words.

    An ERROR means that nothing may be built on the window; a WARN is for a person to look at.
    """

    check_name: str
    severity: Severity
    ts: pd.Timestamp | None
    value: float | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """Thresholds of the checks; fractions, bars and multiples as their names say.

    `gap_error_fraction`: missing share of a listed market's expected bars above which `gap` blocks;
    raise it for intraday bars of thinly traded symbols, where a bar without a trade is absent.
    `shown_findings`: rows a check reports at most; a last one says how many more there are.
    """

    ohlc_tolerance: float = 1e-9
    gap_error_fraction: float = 0.01
    identity_missing_sessions: int = 60
    identity_price_ratio: float = 1.5
    zero_volume_fraction: float = 0.05
    stale_daily_bars: int = 5
    stale_intraday_bars: int = 20
    spike_scales: float = 20.0
    spike_return: float = 0.01
    spike_window_bars: int = 100
    level_shift_tolerance: float = 0.05
    shown_findings: int = 20


def findings_at(
    check_name: str,
    severity: Severity,
    index: pd.Index,
    positions: npt.NDArray[np.intp],
    detail: str,
    *,
    values: npt.NDArray[np.float64] | None = None,
    settings: CheckSettings,
) -> list[Finding]:
    """One finding a position up to the limit, then one that counts the rest."""
    shown = positions[: settings.shown_findings]
    findings = [
        Finding(
            check_name=check_name,
            severity=severity,
            ts=index[position],
            value=None if values is None else float(values[position]),
            detail=detail,
        )
        for position in shown.tolist()
    ]
    if len(positions) > len(shown):
        findings.append(
            Finding(
                check_name=check_name,
                severity=severity,
                ts=None,
                value=float(len(positions) - len(shown)),
                detail=f"{len(positions) - len(shown)} more bars like these.",
            )
        )
    return findings
