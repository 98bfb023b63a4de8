"""This file holds what a reader must know before the numbers, in plain words, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trading_pipeline.reporting.page.number_format import format_number, is_missing

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
    """Sentences to put over a result: the engine's own (`given`), then what the numbers say.

    `source`: name of the bars' source; synthetic ones are named as such. `trials`: number of trials
    made so far with any parameters, which a Sharpe ratio has to be judged by.
    """
    found = list(given)
    if source == "synthetic":
        found.append(
            "The bars are synthetic: this page shows how the pipeline works and says nothing about "
            "any market."
        )
    trades = _value(metrics, "trade_count")
    if trades is not None and trades < FEW_TRADES:
        found.append(
            f"Only {trades:.0f} trades: with fewer than {FEW_TRADES} the averages are mostly chance."
        )
    own, other = _value(metrics, "total_return"), _value(metrics, "benchmark_total_return")
    if own is not None and other is not None and own <= other:
        found.append(
            f"Buying and holding earned {format_number(other, 'percent')} in the same time, this "
            f"strategy {format_number(own, 'percent')}."
        )
    sharpe, certainty = _value(metrics, "sharpe"), _value(metrics, "probabilistic_sharpe_ratio")
    if sharpe is not None and sharpe <= 0.0:
        found.append(
            f"The strategy earned nothing for its risk: its Sharpe ratio is "
            f"{format_number(sharpe, 'ratio')}."
        )
    elif certainty is not None and certainty < CONFIDENCE:
        found.append(
            "The Sharpe ratio cannot be told from 0: the chance that it is above 0 is "
            f"{format_number(certainty, 'percent')}, and {100 * CONFIDENCE:.0f} % is asked for."
        )
    deflated = _value(metrics, "deflated_sharpe_ratio")
    if deflated is not None and deflated < CONFIDENCE:
        found.append(
            f"After {_trials(trials)} the best of them would look as good by chance: the deflated "
            f"Sharpe ratio is {format_number(deflated, 'percent')}."
        )
    elif deflated is None and trials is not None and trials > 1:
        found.append(
            f"{trials:,} trials had been made when this result was created; no number here is deflated "
            "for them. The leaderboard's verdict is: it counts those that were made since, too."
        )
    if (_value(metrics, "open_trade_count") or 0.0) > 0.0:
        found.append("A position is still open; it is marked at the last close without exit costs.")
    return found


WORTHLESS = {
    "Look-ahead": "Worthless: it looks ahead",
    "Leakage": "Worthless: the model saw these bars",
}
"""Verdict by the first word of a result's own warning; it stands above every other."""


def verdict(row: Mapping[str, Any]) -> str:
    """One sentence on a result of the leaderboard, the strictest that applies.

    `trials` of the row: those made up to now; where it is absent, `trials_at_creation`.

    >>> verdict({"trade_count": 12, "sharpe": 1.0})
    'Too few trades to judge (12)'
    """
    given = str(row.get("warnings") or "")
    for mark, words in WORTHLESS.items():
        if given.startswith(mark) or f"\n{mark}" in given:
            return words
    trades, sharpe = _value(row, "trade_count"), _value(row, "sharpe")
    own, other = _value(row, "total_return"), _value(row, "benchmark_total_return")
    deflated = _value(row, "deflated_sharpe_ratio")
    certainty = _value(row, "probabilistic_sharpe_ratio")
    trials = _value(row, "trials")
    if trials is None:
        trials = _value(row, "trials_at_creation")
    if trades is None or trades == 0:
        return "No trades"
    if trades < FEW_TRADES:
        return f"Too few trades to judge ({trades:.0f})"
    if sharpe is None or own is None:
        return "Not measurable"
    if other is not None and own <= other:
        return "Earned less than buy and hold"
    if deflated is not None:
        if deflated < CONFIDENCE:
            return f"May be luck after {_trials(None if trials is None else int(trials))}"
        return "Stands out so far"
    if certainty is not None and certainty < CONFIDENCE:
        return "May be luck"
    if trials is not None and trials > 1:
        return f"Ahead, but not deflated for {trials:,.0f} trials"
    return "Ahead so far"


def _trials(count: int | None) -> str:
    return "all trials made so far" if count is None else f"{count:,} trial(s)"


def _value(row: Mapping[str, Any], name: str) -> float | None:
    found = row.get(name)
    return None if found is None or is_missing(found) else float(found)
