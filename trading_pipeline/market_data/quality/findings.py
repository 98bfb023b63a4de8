"""This file holds what a check of bars reports, and how strict the checks are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean

__all__ = [
    "CHECK_NAMES",
    "ERROR_CHECKS",
    "WARNING_CHECKS",
    "CheckSettings",
    "Finding",
    "Repair",
    "Severity",
    "check_settings",
    "findings_at",
]

Severity = Literal["ERROR", "WARN"]
Repair = Literal["drop_equal_duplicates", "drop_outside_session"]
ERROR_CHECKS = ("schema", "duplicate_ts", "order", "grid", "ohlc", "positive", "identity", "gap")
"""Checks that can block; `gap` blocks only above `CheckSettings.gap_error_fraction`."""
WARNING_CHECKS = (
    "extra_bar",
    "coverage",
    "zero_volume",
    "stale",
    "spike",
    "level_shift",
    "restatement",
    "partial_last",
    "freshness",
    "repair",
)
"""Checks that only warn; `gap` warns too, up to `CheckSettings.gap_error_fraction`."""
CHECK_NAMES = (*ERROR_CHECKS, *WARNING_CHECKS)
"""Every name that a finding can carry."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a check found: where (`ts`, None for the whole window), how much, in words.

    An ERROR means that nothing may be built on the window; a WARN is for a person to look at. `count`:
    cases that this one stands for, above 1 in a last row that counts those that are not shown.
    """

    check_name: str
    severity: Severity
    ts: pd.Timestamp | None
    value: float | None
    detail: str
    count: int = field(default=1, compare=False)


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """Thresholds of the checks; fractions, bars and multiples as their names say.

    `gap_error_fraction`: missing share of a listed market's expected bars above which `gap` blocks;
    raise it for intraday bars of thinly traded symbols, where a bar without a trade is absent.
    `coverage_fraction`: share of the due bars below which `coverage` warns. `freshness_hours`: how
    long after a bar's close it may be absent. `restatement_tolerance`: relative change up to which a
    past value counts as the same and the stored one stays. `repairs`: what may be mended before the
    checks, each with a row; nothing by default. `shown_findings`: rows a check reports at most; a
    last one says how many more there are.
    """

    ohlc_tolerance: float = 1e-9
    gap_error_fraction: float = 0.01
    coverage_fraction: float = 0.9
    freshness_hours: float = 2.0
    identity_missing_sessions: int = 60
    identity_price_ratio: float = 1.5
    zero_volume_fraction: float = 0.05
    stale_daily_bars: int = 5
    stale_intraday_bars: int = 20
    spike_scales: float = 20.0
    spike_return: float = 0.01
    spike_window_bars: int = 100
    level_shift_tolerance: float = 0.05
    restatement_tolerance: float = 1e-9
    shown_findings: int = 20
    repairs: tuple[Repair, ...] = ()


def check_settings(values: Mapping[str, Any]) -> CheckSettings:
    """Settings from plain values, as a universe file gives them; what is absent keeps its default.

    Raises `UnknownNameError` for a name that there is not, and `ConfigurationError` for a value that
    is no number of 0 or more (whole where the default is).

    >>> check_settings({"gap_error_fraction": 0.2}).gap_error_fraction
    0.2
    """
    defaults = {each.name: each.default for each in fields(CheckSettings)}
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name not in defaults:
            raise UnknownNameError(
                f"The checks of bars have no setting {name!r}. {did_you_mean(name, defaults)}",
                name=name,
                kind="check setting",
            )
        given[name] = _repairs(value) if name == "repairs" else _number(name, value, defaults[name])
    return CheckSettings(**given)


def _number(name: str, value: Any, default: Any) -> float | int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise ConfigurationError(
            f"The check setting {name!r} is {value!r}; it must be a number of 0 or more.",
            name=name,
            value=value,
        )
    if not isinstance(default, int):
        return float(value)
    if value != int(value) or value < 1:
        raise ConfigurationError(
            f"The check setting {name!r} is {value!r}; it must be a whole number of 1 or more.",
            name=name,
            value=value,
        )
    return int(value)


def _repairs(value: Any) -> tuple[Repair, ...]:
    known = get_args(Repair)
    names = list(value) if isinstance(value, list | tuple) else [value]
    for name in names:
        if name not in known:
            raise UnknownNameError(
                f"There is no repair {name!r}. {did_you_mean(str(name), known)} They are "
                f"{', '.join(known)}.",
                name=str(name),
                kind="repair",
            )
    return cast("tuple[Repair, ...]", tuple(names))


def findings_at(
    check_name: str,
    severity: Severity,
    index: pd.Index,
    positions: npt.NDArray[np.intp],
    detail: str | Callable[[int], str],
    *,
    values: npt.NDArray[np.float64] | None = None,
    settings: CheckSettings,
) -> list[Finding]:
    """One finding a position up to the limit, then one that counts the rest.

    `detail`: the words of all of them, or what gives those of a position.
    """
    shown = positions[: settings.shown_findings]
    findings = [
        Finding(
            check_name=check_name,
            severity=severity,
            ts=index[position],
            value=None if values is None else float(values[position]),
            detail=detail if isinstance(detail, str) else detail(position),
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
                count=len(positions) - len(shown),
            )
        )
    return findings
