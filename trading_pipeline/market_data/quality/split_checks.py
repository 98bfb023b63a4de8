"""The check of recorded splits: whether prices jump as each of them says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.moments import Floats
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.quality.findings import CheckSettings, Finding

__all__ = ["split_findings"]

_SEARCHED_BARS = 10
_LEAST_SCALE = 0.01
_SURE_SCALES = 5.0
_FAR, _FAR_SCALES = 0.5, 8.0
"""A log jump beyond both is wrong for every ratio: of 4 for 1 that was 2 for 1, say."""
_NORMAL_SCALE = 1.4826
"""Median absolute deviation times this is the standard deviation of a normal variable."""


class _ExDate(NamedTuple):
    day: date
    position: int
    ratios: list[float]
    cash: float


def split_findings(
    joined: pd.DataFrame,
    first: int,
    sessions: pd.DatetimeIndex,
    timeframe: Timeframe,
    actions: Sequence[CorporateAction],
    settings: CheckSettings,
) -> list[Finding]:
    """`split_mismatch`: a recorded split that the prices around its ex-date contradict.

    `joined` are bars as traded, of which those from position `first` on are checked and those
    before give the close before the window; `sessions` are their session dates. The jump from the
    close before to the open and to the close of the ex-date's bar, times all ratios of the date and
    with its cash, must be nearer to 1 than to one of the ratios, or to one through it; over +65 %
    or under -40 % and eight usual moves it is wrong in any case. Splits whose half jump lies within
    five usual moves (at least 5 %), such as 1.05 for 1, cannot be told from trading and are let
    pass. A split before the first bar has no jump. Of weekly bars only splits at a week's first
    session are seen, since others happen within a bar.
    """
    opened, closed = joined["open"].to_numpy(), joined["close"].to_numpy()
    findings = []
    for event in _ex_dates(sessions, actions):
        at = event.position
        total = float(np.prod(event.ratios))
        if at < max(first, 1) or (
            timeframe is Timeframe.W1 and sessions[at] != pd.Timestamp(event.day, tz="UTC")
        ):
            continue
        prices = np.array([opened[at], closed[at]])
        jumps = np.log((prices + event.cash) * total / closed[at - 1])
        enough = _least_contradiction([*event.ratios, total], _usual_move(closed, at))
        if np.abs(jumps).min() <= enough or np.prod(np.sign(jumps)) < 0:
            continue
        findings.append(
            Finding(
                check_name="split_mismatch",
                severity="WARN",
                ts=joined.index[at],
                value=float(np.expm1(jumps[1])),
                detail=_words(event, prices[0] / closed[at - 1], float(np.expm1(jumps[1])))
                + _place(joined, total, at),
            )
        )
    return findings[: settings.shown_findings]


def _ex_dates(sessions: pd.DatetimeIndex, actions: Sequence[CorporateAction]) -> list[_ExDate]:
    """Dates with a split that have a bar on them or after; cash of the same date is added."""
    found = []
    for day in sorted({each.ex_date for each in actions if each.kind == "split"}):
        position = int(sessions.searchsorted(pd.Timestamp(day, tz="UTC")))
        if position < len(sessions):
            of_day = [each for each in actions if each.ex_date == day]
            ratios = [each.value for each in of_day if each.kind == "split"]
            cash = sum(each.value for each in of_day if each.kind != "split")
            found.append(_ExDate(day, position, ratios, cash))
    return found


def _least_contradiction(ratios: list[float], usual: float) -> float:
    """Log jump from which on prices contradict; infinite where no ratio stands out from trading."""
    halves = [0.5 * abs(float(np.log(ratio))) for ratio in ratios]
    told = [half for half in halves if half > _SURE_SCALES * usual]
    return min(min(told), max(_FAR_SCALES * usual, _FAR)) if told else np.inf


def _usual_move(closed: Floats, at: int) -> float:
    """Robust scale of the moves of up to 100 bars before a position, and not under 1 %."""
    moves = np.diff(np.log(closed[max(0, at - 100) : at]))
    if len(moves) < 2:
        return _LEAST_SCALE
    spread = np.abs(moves - np.median(moves))
    return max(_LEAST_SCALE, _NORMAL_SCALE * float(np.median(spread)))


def _words(event: _ExDate, jump: float, adjusted: float) -> str:
    told = " and ".join(f"{ratio:g} for 1" for ratio in event.ratios)
    return (
        f"A split of {told} is recorded for {event.day}, but the open is {jump:.4g} times the "
        f"close before it; the adjusted return of the bar would be {adjusted:+.1%}. Perhaps older "
        "prices were not divided, were divided twice, or the split is wrong."
    )


def _place(joined: pd.DataFrame, total: float, at: int) -> str:
    """Where in the bars around the jump of the split is, if it is there."""
    ratios = joined["open"].to_numpy()[1:] / joined["close"].to_numpy()[:-1] * total
    begin, end = max(0, at - 1 - _SEARCHED_BARS), at + _SEARCHED_BARS
    near = np.flatnonzero(np.abs(np.log(ratios[begin:end])) < 0.25 * abs(np.log(total))) + begin + 1
    return f" Such a jump is at {joined.index[near[0]]}." if len(near) else ""
