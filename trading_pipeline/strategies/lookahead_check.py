"""This file holds the proof that a strategy's signals read no bar and no prediction from the future."""

from __future__ import annotations

from typing import Any

import pandas as pd

from trading_pipeline.features.audits.causality import ensure_causal
from trading_pipeline.strategies.base import Strategy, StrategyParams
from trading_pipeline.strategies.market import Market

__all__ = ["ensure_strategy_causal"]


def ensure_strategy_causal(
    strategy: Strategy[Any],
    params: StrategyParams,
    market: Market,
    *,
    cuts: int = 5,
    futures: int = 60,
    seed: int = 7,
) -> None:
    """Pass when signals and levels stay the same without later bars, and with later bars scrambled.

    At each of `cuts` random bars and the last one. Later predictions are taken away together with
    the bars. For leaks in few bars, other bars are put after many bars at once and, since a strategy
    may remember all the past, after `futures` telling and random ones alone. Texts of `reason` are not compared. Raises `LookaheadError` naming the field, the bar
    and both values, `InsufficientDataError` below two bars.
    """

    def decide(raw: pd.DataFrame) -> pd.DataFrame:
        known = market.head(len(raw)) if len(raw) < len(market) else market
        seen = Market(
            raw,
            known.factor,
            known.known_at,
            known.prediction_frames,
            split_factor=known.split_factor,
        )
        decided = strategy.signals(seen, params).to_frame(pd.DatetimeIndex(raw.index))
        return decided.drop(columns="reason", errors="ignore")

    ensure_causal(
        decide,
        market.raw,
        subject=f"the strategy '{strategy.name}'",
        cuts=cuts,
        seed=seed,
        memory=strategy.warmup_bars(params),
        futures=futures,
    )
