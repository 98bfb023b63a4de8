"""The verdict on a search as one sentence for a reader who knows no statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping

from trading_pipeline.reporting.page.number_format import as_number
from trading_pipeline.reporting.page.verdict import (
    JUDGED_BY_NUMBERS,
    MOST_BARS,
    is_ahead,
    rounded_bars,
    trials_in_words,
    verdict,
)

__all__ = ["search_verdict"]

_LONGEST_YEARS = 50.0
"""More history than this is not waited for."""
_OPEN = ("May be luck", "Ahead")
_MINUS = "\u2212"


def search_verdict(row: Mapping[str, object]) -> str:
    """What the best of a search must show to stand out, whether it does, and what is missing.

    One sentence; it ends in the words of `verdict` of the same row, or in the bars that are missing
    where that verdict is luck. `row`: as `verdict` takes it, with `expected_best_sharpe`,
    `needed_sharpe` and `bars_needed` of `deflated_numbers`. Where one of these is unknown, or the
    numbers of the result do not count (worthless, not judged, no trades), only the verdict is said.

    >>> row = {"sharpe": 0.62, "expected_best_sharpe": 0.55, "needed_sharpe": 1.31, "trials": 95,
    ...     "bars_needed": 5_200.0, "periods_per_year": 252.0, "trade_count": 60, "years": 6.0,
    ...     "total_return": 0.4, "bars": 1_500, "deflated_sharpe_ratio": 0.55,
    ...     "probabilistic_sharpe_ratio": 0.96, "sharpe_standard_error": 0.42}
    >>> search_verdict(row).partition(";")[2]
    ' it has 0.62: not enough to tell, about 5,200 more bars (21 years) like these are needed.'
    """
    short = verdict(row)
    names = ("sharpe", "expected_best_sharpe", "needed_sharpe")
    sharpe, by_luck, needed = (_finite(row.get(name)) for name in names)
    if sharpe is None or by_luck is None or needed is None:
        return f"{short}."
    if not short.startswith(JUDGED_BY_NUMBERS):
        return f"{short}."
    trials = _finite(row.get("trials"))
    if trials == 1.0:
        told = f"A single trial must show {_NAMED} of {_ratio(needed)} to stand out from luck"
    else:
        told = (
            f"After {trials_in_words(trials)} the best must show {_NAMED} of {_ratio(needed)} to "
            f"stand out from luck, which alone is expected to reach {_ratio(by_luck)}"
        )
    held = _finite(row.get("benchmark_sharpe"))
    if held is not None and _finite(row.get("deflated_appraisal_ratio")) is not None:
        told += f"{',' * (trials != 1.0)} and from holding, which has {_ratio(held)}"
    return f"{told}; it has {_ratio(sharpe)}: {_conclusion(row, short, sharpe < needed)}."


_NAMED = "a Sharpe ratio (return over risk, a year)"


def _conclusion(row: Mapping[str, object], short: str, is_missed: bool) -> str:
    """What follows, without a colon of its own."""
    first, _, rest = short.partition(": ")
    if short.startswith("Not"):
        reason, _, told = rest.partition("; about ")
        more = _missing(row) if is_missed else ""
        if more and _whole_number(told) < (_finite(row.get("bars_needed")) or 0.0):
            return f"{_lower(first)} ({reason}), {more}" if reason else f"{_lower(first)}, {more}"
        return f"{_lower(first)} ({rest})" if rest else _lower(first)
    words = _lower(short.replace(": ", ", "))
    if short.startswith("Earned"):
        words = f"it {words}"
    if is_ahead(short):
        return f"it {words}" if short.startswith("Stands") else f"it is {words}"
    more = _missing(row) if is_missed else ""
    if not more:
        return words
    if short.startswith(_OPEN):
        return f"not enough to tell, {more}"
    return f"{words}, and to be told from luck {more}"


def _whole_number(words: str) -> float:
    """The number that words begin with, 0 without one."""
    digits = words.partition(" ")[0].replace(",", "")
    return float(digits) if digits.isdigit() else 0.0


def _lower(words: str) -> str:
    return f"{words[0].lower()}{words[1:]}"


def _missing(row: Mapping[str, object]) -> str:
    """The bars that are missing, in words; empty where no number of them would do."""
    bars, year = _finite(row.get("bars_needed")), _finite(row.get("periods_per_year"))
    if bars is None or not bars > 0.0 or not (_finite(row.get("sharpe")) or 0.0) > 0.0:
        return ""
    if bars > MOST_BARS:
        return "more bars than any market has are needed"
    shown = rounded_bars(bars)
    if not year:
        return f"about {shown} more bars like these are needed"
    years = bars / year
    if years > _LONGEST_YEARS:
        return (
            f"about {shown} more bars like these are needed, more than {_LONGEST_YEARS:.0f} years"
        )
    digits = 1 if years < 10.0 else 0
    return f"about {shown} more bars ({years:.{digits}f} years) like these are needed"


def _finite(value: object) -> float | None:
    number = as_number(value)
    return number if number is not None and math.isfinite(number) else None


def _ratio(value: float) -> str:
    return f"{value:.2f}".replace("-", _MINUS)
