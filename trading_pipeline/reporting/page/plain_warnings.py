"""What a reader must know before the numbers of a result, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trading_pipeline.reporting.page.number_format import as_number, format_number
from trading_pipeline.reporting.page.verdict import (
    CONFIDENCE,
    FEW_TRADES,
    WORTHLESS,
    trials_in_words,
    verdict,
)

__all__ = ["CONFIDENCE", "FEW_TRADES", "WORTHLESS", "plain_warnings", "verdict"]


def plain_warnings(
    metrics: Mapping[str, float | None],
    *,
    source: str | None = None,
    trials: int | None = None,
    given: Sequence[str] = (),
    benchmark: str = "Buy and hold",
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
    benchmark
        What the result is compared with.
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
            f"{benchmark} returned {format_number(other, 'percent')} over the same period, this "
            f"strategy {format_number(own, 'percent')}{_less_risk(metrics)}."
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
            f"{format_number(certainty, 'percent')}; {100 * CONFIDENCE:.0f} % is required"
            f"{_more_bars(metrics)}."
        )
    deflated = as_number(metrics.get("deflated_sharpe_ratio"))
    if deflated is not None and deflated < CONFIDENCE:
        found.append(
            f"After {trials_in_words(trials)} the best one would look this good by chance: the "
            f"deflated Sharpe ratio is {format_number(deflated, 'percent')}."
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


def _less_risk(metrics: Mapping[str, float | None]) -> str:
    """What the strategy risked for the smaller return, where that speaks for it."""
    sharpe, held, fall, held_fall = (
        as_number(metrics.get(name))
        for name in ("sharpe", "benchmark_sharpe", "max_drawdown", "benchmark_max_drawdown")
    )
    if sharpe is None or held is None or fall is None or held_fall is None:
        return ""
    if sharpe <= max(held, 0.0) or fall <= held_fall:
        return ""
    return (
        f", with less risk: Sharpe ratio {format_number(sharpe, 'ratio')} against "
        f"{format_number(held, 'ratio')}, max drawdown {format_number(fall, 'percent')} against "
        f"{format_number(held_fall, 'percent')}"
    )


def _more_bars(metrics: Mapping[str, float | None]) -> str:
    bars, needed = (as_number(metrics.get(name)) for name in ("bars", "minimum_track_record_bars"))
    if bars is None or needed is None or needed <= bars:
        return ""
    return f", for which this ratio needs about {needed - bars:,.0f} more bars"


def _count(number: float, noun: str) -> str:
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"
