"""The verdict: one sentence on a result, the strictest that its numbers and warnings support.

A pure function of a row, for results and for the best of a study alike. "Stands out so far" is said
only where nothing speaks against it: see `verdict` for the order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from statistics import NormalDist

from trading_pipeline.reporting.page.number_format import MISSING, as_number

__all__ = [
    "CONFIDENCE",
    "FEW_TRADES",
    "JUDGED_BY_NUMBERS",
    "LARGEST_BELIEVABLE_SHARPE",
    "MOST_BARS",
    "STANDS_OUT",
    "WORTHLESS",
    "is_ahead",
    "rounded_bars",
    "trials_in_words",
    "verdict",
]

FEW_TRADES = 30
"""Below this many round trips the average of a trade is mostly chance."""
CONFIDENCE = 0.95
LARGEST_BELIEVABLE_SHARPE = 10.0
"""An annual ratio above this is an error of the data or of the code, whatever the timeframe."""
SHARPE_TO_TELL = 1.0
"""A history is too short to judge where even this annual ratio could not be told from 0."""
MOST_BARS = 10_000_000
"""More bars than this are not counted out in words: no market has as many."""
STANDS_OUT = "Stands out so far"
_AHEAD = "Ahead so far"
_UNKNOWN = "Not enough to tell"
JUDGED_BY_NUMBERS = (STANDS_OUT, "Ahead", "Earned", "May be luck", "Not audited", _UNKNOWN)
"""Beginnings of verdicts that rest on a result's numbers; after the others these do not count."""

WORTHLESS = {
    "Invalid trial": "Worthless: its trial was called invalid",
    "Look-ahead": "Worthless: it looks ahead",
    "Leakage": "Worthless: the model was trained on these bars",
}
"""Verdict by the first word of a result's own warning; it outranks every other."""
_ALLOWED = "Look-ahead allowed"
_NOT_JUDGED = {
    _ALLOWED: "Not judged: look-ahead is allowed",
    "Implausible": "Implausible: look for an error in data or code before believing it",
}
_NEVER_AHEAD = {
    "Not audited": "Not audited: not checked for look-ahead",
    "Free fills": "Not judged: its fills are free; give it costs",
}


@dataclass(frozen=True)
class _Numbers:
    """The numbers of a row that are judged; None where one is missing."""

    trade_count: float | None
    rebalance_count: float | None
    bars: float | None
    years: float | None
    sharpe: float | None
    benchmark_sharpe: float | None
    total_return: float | None
    benchmark_total_return: float | None
    max_drawdown: float | None
    benchmark_max_drawdown: float | None
    probabilistic_sharpe_ratio: float | None
    deflated_sharpe_ratio: float | None
    deflated_appraisal_ratio: float | None
    sharpe_standard_error: float | None
    minimum_track_record_bars: float | None
    trials: float | None


def verdict(row: Mapping[str, object]) -> str:
    """One sentence on a result; the first that applies, from the strictest on.

    1. Worthless by its own warnings: fills at the close of the decision, a model trained on these
       bars.
    2. Not judged: look-ahead allowed by the scenario, or a Sharpe ratio that is implausible.
    3. No trades; not measurable; not enough to tell: fewer than `FEW_TRADES` trades, or a history
       in which a Sharpe ratio of `SHARPE_TO_TELL` could not be told from 0. Of a portfolio of
       weights rebalances count in place of trades, where `rebalance_count` says how many it had:
       one trade of it lasts from the first order of an instrument to the last.
    4. Earned less than buy and hold, for no less risk; earned nothing for its risk; earned more by
       more risk alone.
    5. May be luck: the deflated Sharpe ratio, which knows the dependence of the bars, is below
       `CONFIDENCE`, or that of the part which holding does not explain, where holding gained; or
       the history is so short that the best of as many trials without skill would reach this Sharpe
       ratio.
    6. Ahead, but with free fills or without an audit: a result is audited where `audit` is
       "passed", and anything else, a missing value too, is not.
    7. Stands out so far.

    A result that earned less than buy and hold, with a higher Sharpe ratio and a smaller drawdown,
    goes on to be judged for luck, and its sentence says both.

    Parameters
    ----------
    row
        A result by the columns of `backtest_results`, with the numbers of `deflated_numbers` and
        `trials`, those made up to now; where `trials` is absent, `trials_at_creation` counts.
        Missing and NaN values are unknown, and what is unknown never makes a verdict better.

    >>> verdict({"trade_count": 12, "sharpe": 1.0, "total_return": 0.2, "bars": 800})
    'Not enough to tell: 12 trades; about 1,200 more bars'
    """
    numbers, marks = _numbers(row), _marks(row)
    for mark, words in WORTHLESS.items():
        if mark in marks:
            return words
    if _ALLOWED in marks or row.get("audit") == "look_ahead_allowed":
        return _NOT_JUDGED[_ALLOWED]
    if "Implausible" in marks or (numbers.sharpe or 0.0) > LARGEST_BELIEVABLE_SHARPE:
        return _NOT_JUDGED["Implausible"]
    if "Not audited" not in marks and row.get("audit") != "passed":
        marks = marks | {"Not audited"}
    return _not_enough(numbers) or _for_no_less_risk(numbers) or _ahead(numbers, marks)


def is_ahead(words: str) -> bool:
    """True for the verdicts that speak for a result."""
    return words.startswith((STANDS_OUT, _AHEAD))


def trials_in_words(count: float | None) -> str:
    """The trials that were made, with their number where it is known."""
    return "all trials made so far" if count is None else _count(count, "trial")


def _not_enough(numbers: _Numbers) -> str | None:
    """Words for a result that cannot be judged, None for one that can."""
    trades, bars, sharpe = numbers.trade_count, numbers.bars, numbers.sharpe
    if not trades:
        return "No trades"
    wanted = numbers.minimum_track_record_bars
    missing = [wanted - bars] if wanted is not None and bars is not None else []
    rebalances = numbers.rebalance_count
    decisions, noun = (trades, "trade") if rebalances is None else (rebalances, "rebalance")
    if decisions < FEW_TRADES:
        if bars is not None and decisions:
            missing.append(bars * (FEW_TRADES / decisions - 1.0))
        return f"{_UNKNOWN}: {_count(decisions, noun)}{_more_bars(missing, '; ')}"
    if sharpe is None or numbers.total_return is None:
        return "Not measurable"
    error = numbers.sharpe_standard_error
    if error is None and numbers.years:
        error = 1.0 / math.sqrt(numbers.years)
    certainty = numbers.probabilistic_sharpe_ratio
    is_sure = certainty is not None and certainty >= CONFIDENCE
    if error is None or is_sure or _QUANTILE * error <= SHARPE_TO_TELL:
        return None
    if not missing and bars is not None:
        missing = [bars * ((_QUANTILE * error / SHARPE_TO_TELL) ** 2 - 1.0)]
    return f"{_UNKNOWN}{_more_bars(missing, ': ') or ': too few bars'}"


def _more_bars(missing: list[float], before: str) -> str:
    most = max(missing, default=0.0)
    if not 0.0 < most < math.inf:
        return ""
    if most > MOST_BARS:
        return f"{before}more bars than any market has"
    return f"{before}about {rounded_bars(most)} more bars"


def rounded_bars(bars: float) -> str:
    """A number of bars above 0 with two significant digits, at least 1."""
    digits = 1 - math.floor(math.log10(bars))
    return f"{max(round(bars, digits), 1.0):,.0f}"


def _for_no_less_risk(numbers: _Numbers) -> str | None:
    """Words for a result that holding beats, or that only took more risk; None for others."""
    sharpe, own, other = numbers.sharpe, numbers.total_return, numbers.benchmark_total_return
    if sharpe is None or own is None:
        return "Not measurable"
    if other is not None and own <= other and not _has_less_risk(numbers):
        return "Earned less than buy and hold"
    if sharpe <= 0.0:
        return f"Earned nothing for its risk: Sharpe {_ratio(sharpe)}"
    held = numbers.benchmark_sharpe
    if other is not None and own > other and held is not None and sharpe <= held:
        return (
            "Earned more than buy and hold only by more risk: Sharpe "
            f"{_ratio(sharpe)} against {_ratio(held)}"
        )
    return None


def _has_less_risk(numbers: _Numbers) -> bool:
    """True for a higher Sharpe ratio and a smaller drawdown than holding had."""
    sharpe, held = numbers.sharpe, numbers.benchmark_sharpe
    fall, held_fall = numbers.max_drawdown, numbers.benchmark_max_drawdown
    if sharpe is None or held is None or fall is None or held_fall is None:
        return False
    return sharpe > max(held, 0.0) and fall > held_fall


def _ahead(numbers: _Numbers, marks: frozenset[str]) -> str:
    """Words for a result that is ahead of holding, by return or for its risk."""
    own, other = numbers.total_return, numbers.benchmark_total_return
    less = ""
    if own is not None and other is not None and own <= other:
        less = (
            f"less than buy and hold with less risk: Sharpe {_ratio(numbers.sharpe)} against "
            f"{_ratio(numbers.benchmark_sharpe)}, max drawdown {_percent(numbers.max_drawdown)} "
            f"against {_percent(numbers.benchmark_max_drawdown)}"
        )
    words = _luck(numbers)
    if words is None:
        against = next((each for mark, each in _NEVER_AHEAD.items() if mark in marks), None)
        if against is None:
            best = _AHEAD if numbers.deflated_sharpe_ratio is None else STANDS_OUT
            return f"{best}; earned {less}" if less else best
        words = against
    return f"Earned {less}; {words[0].lower()}{words[1:]}" if less else words


def _luck(numbers: _Numbers) -> str | None:
    """Words for a result that chance explains, None where it does not."""
    deflated, certainty = numbers.deflated_sharpe_ratio, numbers.probabilistic_sharpe_ratio
    trials, years, sharpe = numbers.trials, numbers.years, numbers.sharpe
    if deflated is not None and deflated < CONFIDENCE:
        return f"May be luck after {trials_in_words(trials)}"
    if certainty is not None and certainty < CONFIDENCE:
        return "May be luck"
    if deflated is None:
        if trials is not None and trials > 1:
            return f"Ahead, but not deflated for {trials_in_words(trials)}"
        return "May be luck" if certainty is None else None
    apart = numbers.deflated_appraisal_ratio
    if apart is not None and apart < CONFIDENCE:
        return f"May be luck beside buy and hold, after {trials_in_words(trials)}"
    if trials is not None and trials > 1 and years is not None and sharpe is not None:
        # late: the layer loads pandas, pages need none
        from trading_pipeline.performance.sharpe_statistics import minimum_backtest_years

        needed = minimum_backtest_years(trials=int(trials), annual_sharpe=sharpe)
        if years < needed:
            return (
                f"May be luck after {trials_in_words(trials)}: they need {needed:.1f} years at "
                f"this Sharpe ratio; this has {years:.1f}"
            )
    return None


_QUANTILE = NormalDist().inv_cdf(CONFIDENCE)
_MARKS = (_ALLOWED, *WORTHLESS, "Implausible", *_NEVER_AHEAD)  # the longer of two comes first


def _marks(row: Mapping[str, object]) -> frozenset[str]:
    """The marks that the row's warnings begin with."""
    lines = [line.strip() for line in str(row.get("warnings") or "").splitlines()]
    firsts = (next((m for m in _MARKS if line.startswith(m)), None) for line in lines)
    return frozenset(mark for mark in firsts if mark is not None)


def _numbers(row: Mapping[str, object]) -> _Numbers:
    found = {each.name: _finite(row.get(each.name)) for each in fields(_Numbers)}
    if found["trials"] is None:
        found["trials"] = _finite(row.get("trials_at_creation"))
    for name in _NEVER_NEGATIVE:
        if (found[name] or 0.0) < 0.0:
            found[name] = None
    return _Numbers(**found)


_NEVER_NEGATIVE = (
    "trade_count",
    "rebalance_count",
    "bars",
    "years",
    "sharpe_standard_error",
    "trials",
)


def _finite(value: object) -> float | None:
    number = as_number(value)
    return number if number is not None and math.isfinite(number) else None


def _ratio(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}".replace("-", _MINUS)


def _percent(value: float | None) -> str:
    return MISSING if value is None else f"{100.0 * value:.0f} %".replace("-", _MINUS)


_MINUS = "\u2212"


def _count(number: float, noun: str) -> str:
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"
