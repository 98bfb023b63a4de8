"""Prove that a strategy's signals read no bar and no prediction from the future."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from trading_pipeline.domain.signals import Signals
from trading_pipeline.features.audits.causality import (
    CausalityFinding,
    audit_causality,
    ensure_causal,
)
from trading_pipeline.strategies.base import Strategy, StrategyParams
from trading_pipeline.strategies.market import Market

__all__ = ["audit_strategy", "ensure_signals_causal", "ensure_strategy_causal"]

_MEMORY = 60  # bars that signals depend on, where no strategy says so
_FUTURES = 60  # bars after which all others are replaced, one a call


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
    not compared. Raises `LookaheadError` naming the field, the bar and both values,
    `InsufficientDataError` below two bars.
    """
    ensure_signals_causal(
        lambda seen: strategy.signals(seen, params),
        market,
        strategy.name,
        memory=strategy.warmup_bars(params),
        cuts=cuts,
        seed=seed,
    )


def ensure_signals_causal(
    signals: Callable[[Market], Signals],
    market: Market,
    name: str,
    *,
    memory: int = _MEMORY,
    cuts: int = 5,
    seed: int = 7,
) -> None:
    """As `ensure_strategy_causal`, for the signals of the strategy `name` as a function.

    `memory`: bars that its signals usually depend on.
    """
    ensure_causal(
        _decisions(signals, market),
        market.raw,
        subject=f"the strategy '{name}'",
        cuts=cuts,
        seed=seed,
        memory=memory,
        futures=_FUTURES,
    )


def audit_strategy(
    signals: Callable[[Market], Signals],
    market: Market,
    *,
    memory: int = _MEMORY,
    cuts: int = 5,
    seed: int = 7,
) -> list[CausalityFinding]:
    """As `ensure_signals_causal`, but gives what was found instead of raising it."""
    decide = _decisions(signals, market)
    return audit_causality(
        decide, market.raw, cuts=cuts, seed=seed, memory=memory, futures=_FUTURES
    )


def _decisions(
    signals: Callable[[Market], Signals], market: Market
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Signals as a table, for the first bars of the market as they are given."""

    def decide(raw: pd.DataFrame) -> pd.DataFrame:
        known = market.head(len(raw)) if len(raw) < len(market) else market
        seen = Market(
            raw,
            known.factor,
            known.known_at,
            known.prediction_frames,
            split_factor=known.split_factor,
            first_traded=known.first_traded,
        )
        decided = signals(seen).to_frame(pd.DatetimeIndex(raw.index))
        return decided.drop(columns="reason", errors="ignore")

    return decide
