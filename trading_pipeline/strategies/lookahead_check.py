"""Prove that a strategy's signals read no bar and no prediction from the future."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import LookaheadError
from trading_pipeline.features.audits.causality import (
    CausalityFinding,
    audit_causality,
    ensure_causal,
)
from trading_pipeline.features.audits.recomputation import changed_bars
from trading_pipeline.own_code import confirmed
from trading_pipeline.strategies.base import Strategy, StrategyParams
from trading_pipeline.strategies.fresh_strategies import FreshSignals, fresh_signals
from trading_pipeline.strategies.market import Market

__all__ = ["audit_strategy", "ensure_signals_causal", "ensure_strategy_causal"]

_MEMORY = 60  # bars that signals depend on, where no strategy says so
_FUTURES = 60  # bars after which all others are replaced, one a call
_SEED = 11
SignalsOf = Callable[[Market], Signals]


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
            _decisions(signals, market, fresh or signals),
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
    seed: int = 7,
    fresh: FreshSignals | None = None,
) -> list[CausalityFinding]:
    """As `ensure_signals_causal`, but gives what was found instead of raising it."""
    decide = _decisions(signals, market, fresh or signals)

    def find() -> list[CausalityFinding]:
        return audit_causality(
            decide, market.raw, cuts=cuts, seed=seed, memory=memory, futures=_FUTURES
        )

    return find() if fresh is None else confirmed(fresh, find)


def _decisions(
    signals: SignalsOf, market: Market, fresh: SignalsOf
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Signals as a table, for the first bars of the market as they are given.

    `signals` decides on the market as it is, `fresh` on every other one.
    """

    def decide(raw: pd.DataFrame) -> pd.DataFrame:
        known = market.head(len(raw)) if len(raw) < len(market) else market
        changed = changed_bars(known.raw, raw)
        inputs = known.inputs.other_after(changed, _SEED)
        chosen = signals if known is market and not changed.any() else fresh
        seen = Market(
            raw,
            known.factor,
            known.known_at,
            known.prediction_frames,
            split_factor=known.split_factor,
            first_traded=known.first_traded,
            inputs=inputs,
        )
        decided = chosen(seen).to_frame(pd.DatetimeIndex(raw.index))
        return decided.drop(columns="reason", errors="ignore")

    return decide
