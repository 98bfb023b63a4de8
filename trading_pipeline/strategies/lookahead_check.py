"""Prove that a strategy's signals read no bar and no prediction from the future."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.domain.signals import FloatArray, Fraction, Price, Signals
from trading_pipeline.errors import LookaheadError, TradingPipelineError
from trading_pipeline.features.audits.causality import (
    CausalityFinding,
    audit_causality,
    ensure_causal,
)
from trading_pipeline.features.audits.comparison import AuditTally, Compute
from trading_pipeline.features.audits.recomputation import changed_bars
from trading_pipeline.own_code import confirmed
from trading_pipeline.strategies.base import Strategy, StrategyParams
from trading_pipeline.strategies.fresh_strategies import FreshSignals, fresh_signals
from trading_pipeline.strategies.market import Market

__all__ = [
    "FAILURES",
    "audit_decisions",
    "audit_strategy",
    "decision_columns",
    "decision_table",
    "decisions",
    "ensure_signals_causal",
    "ensure_strategy_causal",
    "market_of",
    "with_first_columns",
]

SignalsOf = Callable[[Market], Signals]
_INTENTS = ("entry_long", "entry_short", "exit_long", "exit_short")
_NUMBERS = ("size", "confidence")
_MEMORY = 60  # bars that signals depend on, where no strategy says so
_FUTURES = 48  # bars after which all others are replaced, one a call
_SEED = 11
FAILURES = (TradingPipelineError, ArithmeticError, LookupError, TypeError, ValueError)
"""What a strategy may raise on fewer bars than it needs; such a cut proves nothing."""


def ensure_strategy_causal(
    strategy: Strategy[Any],
    params: StrategyParams,
    market: Market,
    *,
    cuts: int = 5,
    seed: int = 7,
) -> None:
    """Pass when signals and levels stay the same without later bars, and with later bars scrambled.

    At each of `cuts` random bars and the last one. Later predictions are taken away together with
    the bars. For leaks in few bars, other bars are put after many bars at once and, since a
    strategy may remember all the past, after telling and random ones alone. Texts of `reason` are
    not compared. Everything but the first computation uses a copy of a user's file that remembers
    nothing (`own_code.FreshCopies`), or of the strategy as it was given. Raises `LookaheadError`
    naming the field, the bar and both values, `InsufficientDataError` below two bars.
    """
    ensure_signals_causal(
        lambda seen: strategy.signals(seen, params),
        market,
        strategy.name,
        memory=strategy.warmup_bars(params),
        cuts=cuts,
        seed=seed,
        fresh=fresh_signals(strategy, params),
    )


def ensure_signals_causal(
    signals: SignalsOf,
    market: Market,
    name: str,
    *,
    memory: int = _MEMORY,
    cuts: int = 5,
    seed: int = 7,
    fresh: FreshSignals | None = None,
) -> None:
    """As `ensure_strategy_causal`, for the signals of the strategy `name` as a function.

    `memory`: bars that its signals usually depend on. `fresh`: as `signals`, by code that remembers
    nothing of earlier calls.
    """

    def ensure() -> None:
        ensure_causal(
            decisions(signals, market, fresh),
            market.raw,
            subject=f"the strategy '{name}'",
            cuts=cuts,
            seed=seed,
            memory=memory,
            futures=_FUTURES,
        )

    try:
        ensure()
    except LookaheadError:
        if fresh is None or not fresh.reused:
            raise
        fresh.take_anew()
        ensure()


def audit_strategy(
    signals: SignalsOf,
    market: Market,
    *,
    memory: int = _MEMORY,
    cuts: int = 5,
    futures: int = _FUTURES,
    seed: int = 7,
    first: int = 0,
    tally: AuditTally | None = None,
    fresh: FreshSignals | None = None,
) -> list[CausalityFinding]:
    """As `ensure_signals_causal`, but gives what was found instead of raising it.

    Cuts at which the strategy cannot be computed are left out. `futures`: rows after which all bars
    are replaced, one a call. `first`: bars that were audited when there were no more. `tally` takes
    what was tried. Raises `InsufficientDataError` where not one cut could be tried.
    """

    def find() -> list[CausalityFinding]:
        return audit_decisions(
            decisions(signals, market, fresh),
            market,
            memory=memory,
            cuts=cuts,
            futures=futures,
            seed=seed,
            first=first,
            tally=tally,
        )

    return find() if fresh is None else confirmed(fresh, find)


def audit_decisions(
    compute: Compute,
    market: Market,
    *,
    memory: int,
    cuts: int,
    futures: int,
    seed: int,
    first: int = 0,
    tally: AuditTally | None = None,
    most_calls: int = 200,
) -> list[CausalityFinding]:
    """As `audit_strategy`, for a table of decisions computed from other bars of the market.

    `most_calls`: recomputations with other bars after many rows at once, at the most.
    """
    return audit_causality(
        compute,
        market.raw,
        cuts=cuts,
        seed=seed,
        memory=memory,
        futures=futures,
        first=first,
        tally=tally,
        passing=FAILURES,
        most_calls=most_calls,
    )


def decisions(signals: SignalsOf, market: Market, fresh: SignalsOf | None = None) -> Compute:
    """Signals as a table of numbers, for the first bars of the market as they are given.

    `signals` decides on the market as it is, `fresh` on every other one.
    """
    again = fresh or signals

    def decide(raw: pd.DataFrame) -> pd.DataFrame:
        seen = market_of(market, raw)
        chosen = signals if seen is market else again
        return decision_table(chosen(seen), raw.index)

    return with_first_columns(decide)


def with_first_columns(compute: Callable[[pd.DataFrame], pd.DataFrame]) -> Compute:
    """The same tables, each with the columns of the first one; NaN where a column is missing.

    An optional field that is set on no bar yet, such as the stop of a first entry to come, is as
    good as NaN. A field that only changed bars set is left out: the entries beside it are compared.
    """
    first: list[pd.Index] = []

    def computed(raw: pd.DataFrame) -> pd.DataFrame:
        table = compute(raw)
        if not first:
            first.append(table.columns)
        return table if table.columns.equals(first[0]) else table.reindex(columns=first[0])

    return computed


def market_of(market: Market, raw: pd.DataFrame) -> Market:
    """The market as of the last of these bars, which take the place of its own.

    Where bars are others, so are the rows of the declared inputs beside them.
    """
    known = market.head(len(raw)) if len(raw) < len(market) else market
    changed = changed_bars(known.raw, raw)
    if not changed.any():
        return known
    return known.with_bars(raw, inputs=known.inputs.other_after(changed, _SEED))


def decision_table(signals: Signals, index: pd.Index) -> pd.DataFrame:
    """All fields that are set as float64 columns; texts of `reason` are left out."""
    columns = decision_columns(signals)
    return pd.DataFrame(np.column_stack(list(columns.values())), index, _names(tuple(columns)))


@cache
def _names(columns: tuple[str, ...]) -> pd.Index:
    """Names as an index; making one takes longer than computing some signals."""
    return pd.Index(columns)


def decision_columns(signals: Signals) -> dict[str, FloatArray]:
    """The fields of `decision_table` by name, entries first."""
    found = {name: getattr(signals, name) for name in _INTENTS}
    for name, value in vars(signals).items():
        if isinstance(value, (Price, Fraction)):
            found[f"{name}_{value.kind}"] = np.broadcast_to(value.values, len(signals))
        elif name in _NUMBERS and value is not None:
            found[name] = value
    return {name: np.asarray(values, dtype="float64") for name, values in found.items()}
