"""Bars as traded together with the splits and dividends that belong to them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from trading_pipeline.domain.corporate_actions import CorporateAction

__all__ = ["BarsWithActions"]


@dataclass(frozen=True, eq=False)
class BarsWithActions:
    """Bars of one instrument as traded and its actions; every backtest takes them in place of bars.

    `bars`: the contract's frame (`domain.bars`). `actions`: all that are known, by ex-date.
    """

    bars: pd.DataFrame
    actions: tuple[CorporateAction, ...] = ()
