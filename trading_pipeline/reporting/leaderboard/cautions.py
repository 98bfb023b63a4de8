"""What must be known of all rows of the leaderboard before any of them is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trading_pipeline.reporting.page.number_format import is_missing
from trading_pipeline.reporting.page.verdict import FEW_TRADES

__all__ = ["cautions_of", "instrument_of", "text_of"]

Row = Mapping[str, object]


def cautions_of(rows: Sequence[Row], trials: int | None) -> list[str]:
    """Sentences about the number of trials, few trades, and how far trials differ."""
    return [*_about_trials(trials), *_spread_of_trials(rows)]


def instrument_of(row: Row) -> str:
    """The instruments of a row as one text."""
    return text_of(row, "instruments") or text_of(row, "instrument")


def text_of(row: Row, name: str) -> str:
    """A value of a row as text; empty where it is missing."""
    value = row.get(name)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if is_missing(value) else str(value)


def _about_trials(trials: int | None) -> list[str]:
    tried = (
        "The best of many trials looks good by chance alone"
        if trials is None
        else f"{trials:,} trials have been made so far, and the best of many looks good by chance "
        "alone"
    )
    return [
        f"{tried}; read the verdict before the return.",
        f"A result with fewer than {FEW_TRADES} trades is not judged; of a portfolio of weights, "
        "its rebalances count.",
        *_backtest_length(trials),
    ]


def _backtest_length(trials: int | None) -> list[str]:
    """How long a history must be after so many trials."""
    if trials is None or trials < 2:
        return []
    from trading_pipeline.performance.sharpe_statistics import (
        minimum_backtest_years,
    )  # late: it loads pandas

    return [
        f"{trials:,} trials need {minimum_backtest_years(trials=trials):.1f} years: in fewer, the "
        "best of them without any skill is expected to reach a Sharpe ratio of 1."
    ]


def _spread_of_trials(rows: Sequence[Row]) -> list[str]:
    """Which trials say how far trials differ, by the `variance_basis` of the rows."""
    by_basis: dict[str, list[str]] = {}
    for row in rows:
        basis, instrument = text_of(row, "variance_basis"), instrument_of(row)
        if basis and instrument not in by_basis.setdefault(basis, []):
            by_basis[basis].append(instrument)
    if not by_basis:
        return []
    told = "; ".join(
        f"{', '.join(sorted(names))}: {basis}" for basis, names in sorted(by_basis.items())
    )
    return [
        "A Sharpe ratio is deflated by how far comparable trials differ, within one instrument, "
        f"since its own mean is the market's and no luck of the search ({told})."
    ]
