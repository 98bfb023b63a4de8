"""What must be known to read trades that were held over a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from trading_pipeline.stages.results.local_times import ResultClock

__all__ = ["split_note"]

_SHOWN = 5
_LARGEST_TERM = 1_000
Splits = Mapping[str, Sequence[tuple[date, float]]]


def split_note(
    trades: Sequence[Mapping[str, Any]],
    splits: Splits,
    *,
    last: datetime,
    instruments: Mapping[str, Mapping[str, Any]],
) -> str:
    """One sentence on the trades that were open over a split; empty where none was.

    `trades`: rows with `trade_no`, `instrument`, `entry_ts` and `exit_ts`. `splits`: ex-date and
    new shares per old share, by instrument. `last`: stamp of the result's last bar, up to which
    open trades are held. `instruments`: rows of the table `instruments`, for the days of bars.
    """
    clock = ResultClock(instruments, local=True)

    def day_of(stamp: datetime, instrument: str) -> date:
        shown = clock.shown(stamp, instrument) or stamp
        return shown.date() if isinstance(shown, datetime) else shown

    told = []
    for trade in trades:
        name = str(trade["instrument"])
        entered = day_of(trade["entry_ts"], name)
        left = day_of(trade["exit_ts"] or last, name)
        over = [
            f"{_ratio(value)} on {ex_date}"
            for ex_date, value in splits.get(name, ())
            if entered < ex_date <= left
        ]
        if over:
            told.append(f"{trade['trade_no']} ({name} {', '.join(over)})")
    if not told:
        return ""
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return (
        f"Held over a split: trade {', '.join(told[:_SHOWN])}{more}. Prices are as traded on their "
        "days, not adjusted, and the quantity is that of the entry; P&L and return count the split."
    )


def _ratio(value: float) -> str:
    """New shares for old ones.

    >>> _ratio(2.0), _ratio(1.5), _ratio(0.1)
    ('2 for 1', '3 for 2', '1 for 10')
    """
    found = Fraction(value).limit_denominator(_LARGEST_TERM)
    return f"{found.numerator} for {found.denominator}"
