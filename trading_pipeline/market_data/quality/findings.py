"""What a check of bars reports, and how strict the checks are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.findings import Finding, Severity
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean

__all__ = [
    "CHECK_NAMES",
    "ERROR_CHECKS",
    "INFO_CHECKS",
    "WARNING_CHECKS",
    "CheckSettings",
    "Finding",
    "Repair",
    "Severity",
    "check_settings",
    "findings_at",
]

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
    "split_mismatch",
    "restatement",
    "partial_last",
    "freshness",
    "repair",
)
"""Checks that only warn; `gap` warns too, up to `CheckSettings.gap_error_fraction`."""
INFO_CHECKS = ("price_rounding",)
"""Records of what a rule set right; nobody need look."""
CHECK_NAMES = (*ERROR_CHECKS, *WARNING_CHECKS, *INFO_CHECKS)
"""Every name that a finding can carry."""


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """Thresholds of the checks; fractions, bars and multiples as their names say.

    `ohlc_tolerance`: part of the close by which open and close may lie outside high and low; from
    there to 1.2e-7, the rounding of 32-bit prices, high or low is widened, unless this is set below
    its default. `gap_error_fraction`: missing share of a listed market's bars where `gap` blocks;
    raise it for intraday bars of thinly traded symbols, where a bar without a trade is absent.
    `coverage_fraction`: share of the due bars below which `coverage` warns. `freshness_hours`: how
    long after a bar's close it may be absent. `restatement_tolerance`: relative change up to which
    a past value counts as the same and the stored one stays. `repairs`: what may be repaired before
    the checks, each with a finding; nothing by default. `shown_findings`: most rows that a check
    reports; a last one counts the others.
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


def check_settings(values: Mapping[str, object]) -> CheckSettings:
    """Settings from plain values, as a universe file gives them; what is absent keeps its default.

    Raises `UnknownNameError` for an unknown name, and `ConfigurationError` for a value that is not
    a number of 0 or more (a whole one of 1 or more where the default is whole).

    >>> check_settings({"gap_error_fraction": 0.2}).gap_error_fraction
    0.2
    """
    defaults = {each.name: each.default for each in fields(CheckSettings)}
    given: dict[str, object] = {}
    for name, value in values.items():
        if name not in defaults:
            raise UnknownNameError(
                f"The checks of bars have no setting {name!r}. {did_you_mean(name, defaults)}",
                name=name,
                kind="check setting",
            )
        given[name] = _repairs(value) if name == "repairs" else _number(name, value, defaults[name])
    return CheckSettings(**given)  # type: ignore[arg-type]


def _number(name: str, value: object, default: object) -> float | int:
    wanted, is_number = "a number of 0 or more", not isinstance(value, bool)
    if is_number and isinstance(value, int | float) and math.isfinite(value) and value >= 0:
        if not isinstance(default, int):
            return float(value)
        if value == int(value) and value >= 1:
            return int(value)
        wanted = "a whole number of 1 or more"
    raise ConfigurationError(
        f"The check setting {name!r} is {value!r}; it must be {wanted}.", name=name, value=value
    )


def _repairs(value: object) -> tuple[Repair, ...]:
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
    values: npt.NDArray[np.float64] | Callable[[int], float | None] | None = None,
    settings: CheckSettings,
    others: str = "bars like these",
) -> list[Finding]:
    """One finding for each position up to the limit, then one that counts the rest.

    Parameters
    ----------
    index, positions
        Stamps, and the positions of those that are reported.
    detail
        The text of all findings, or a function that gives that of a position.
    values
        The value of each stamp, or a function that gives that of a position.
    others
        What the last finding counts: "12 more <others>."
    """
    value_at = values if values is None or callable(values) else values.__getitem__
    shown, more = positions[: settings.shown_findings], len(positions) - settings.shown_findings
    findings = [
        Finding(
            check_name=check_name,
            severity=severity,
            ts=index[position],
            value=None if value_at is None else _float(value_at(position)),
            detail=detail if isinstance(detail, str) else detail(position),
        )
        for position in shown.tolist()
    ]
    if more > 0:
        findings.append(
            Finding(
                check_name=check_name,
                severity=severity,
                ts=None,
                value=float(more),
                detail=f"{more} more {others}.",
                count=more,
            )
        )
    return findings


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
