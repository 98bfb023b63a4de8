"""What a reader must know before the numbers, in plain words, and the verdict on a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trading_pipeline.reporting.page.number_format import as_number, format_number

__all__ = ["CONFIDENCE", "FEW_TRADES", "WORTHLESS", "plain_warnings", "verdict"]

FEW_TRADES = 30
"""Below this many round trips the average of a trade is mostly chance."""
CONFIDENCE = 0.95


def plain_warnings(
    metrics: Mapping[str, float | None],
    *,
    source: str | None = None,
    trials: int | None = None,
    given: Sequence[str] = (),
) -> list[str]:
    """Sentences to put above a result: the engine's own (`given`), then what the numbers say.

    Parameters
    ----------
    metrics
        Values by the names of `performance.METRIC_NAMES`; a missing one makes no sentence.
    source
        Name of the source of the bars; synthetic bars are named as such.
    trials
        Number of trials made so far with any parameters; the more, the less a Sharpe ratio means.
    given
        Warnings of the engine and of the run, put first.
    """
    found = list(given)
    if source == "synthetic":
        found.append(
            "The bars are synthetic: this page shows how the pipeline works and says nothing about "
            "any market."
        )
    trades = as_number(metrics.get("trade_count"))
    if trades is not None and trades < FEW_TRADES:
        found.append(
            f"Only {_count(trades, 'trade')}: with fewer than {FEW_TRADES} the averages are mostly "
            "chance."
        )
    own, other = metrics.get("total_return"), metrics.get("benchmark_total_return")
    if own is not None and other is not None and own <= other:
        found.append(
            f"Buy and hold returned {format_number(other, 'percent')} over the same period, this "
            f"strategy {format_number(own, 'percent')}."
        )
    sharpe = as_number(metrics.get("sharpe"))
    certainty = as_number(metrics.get("probabilistic_sharpe_ratio"))
    if sharpe is not None and sharpe <= 0.0:
        found.append(
            "The strategy earned nothing for its risk: its Sharpe ratio is "
            f"{format_number(sharpe, 'ratio')}."
        )
    elif certainty is not None and certainty < CONFIDENCE:
        found.append(
            "The Sharpe ratio is not significantly above 0: the probability that it is above 0 is "
            f"{format_number(certainty, 'percent')}; {100 * CONFIDENCE:.0f} % is required."
        )
    deflated = as_number(metrics.get("deflated_sharpe_ratio"))
    if deflated is not None and deflated < CONFIDENCE:
        found.append(
            f"After {_trials(trials)} the best one would look this good by chance: the deflated "
            f"Sharpe ratio is {format_number(deflated, 'percent')}."
        )
    elif deflated is None and trials is not None and trials > 1:
        found.append(
            f"{trials:,} trials had been made when this result was created; no number on this page "
            "is deflated for them. The verdict on the leaderboard is, and it also counts later "
            "trials."
        )
    if (as_number(metrics.get("open_trade_count")) or 0.0) > 0.0:
        found.append("A position is still open; it is valued at the last close without exit costs.")
    return found


WORTHLESS = {
    "Invalid trial": "Worthless: its trial was called invalid",
    "Look-ahead": "Worthless: it looks ahead",
    "Leakage": "Worthless: the model was trained on these bars",
}
"""Verdict by the first word of a result's own warning; it outranks every other."""


def verdict(row: Mapping[str, object]) -> str:
    """One sentence on a result of the leaderboard: the strictest that applies.

    `trials` of the row are those made up to now; where it is absent, `trials_at_creation` counts.

    >>> verdict({"trade_count": 12, "sharpe": 1.0})
    'Too few trades to judge (12)'
    """
    given = str(row.get("warnings") or "")
    for mark, words in WORTHLESS.items():
        if given.startswith(mark) or f"\n{mark}" in given:
            return words
    trades, sharpe, own, other, deflated, certainty, now, then = (
        as_number(row.get(name)) for name in _JUDGED
    )
    trials = then if now is None else now
    if trades is None or trades == 0:
        return "No trades"
    if trades < FEW_TRADES:
        return f"Too few trades to judge ({trades:.0f})"
    if sharpe is None or own is None:
        return "Not measurable"
    if other is not None and own <= other:
        return "Earned less than buy and hold"
    if deflated is not None:
        enough = deflated >= CONFIDENCE
        return "Stands out so far" if enough else f"May be luck after {_trials(trials)}"
    if certainty is not None and certainty < CONFIDENCE:
        return "May be luck"
    if trials is not None and trials > 1:
        return f"Ahead, but not deflated for {_trials(trials)}"
    return "Ahead so far"


_JUDGED = (
    "trade_count",
    "sharpe",
    "total_return",
    "benchmark_total_return",
    "deflated_sharpe_ratio",
    "probabilistic_sharpe_ratio",
    "trials",
    "trials_at_creation",
)


def _trials(count: float | None) -> str:
    return "all trials made so far" if count is None else _count(count, "trial")


def _count(number: float, noun: str) -> str:
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"
