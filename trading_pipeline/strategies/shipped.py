"""The strategies that come with the package, one instance of each class."""

from __future__ import annotations

from typing import Any

from trading_pipeline.strategies.base import StrategyBase
from trading_pipeline.strategies.breakout.bollinger_breakout import BollingerBreakout
from trading_pipeline.strategies.breakout.chart_pattern_breakout import ChartPatternBreakout
from trading_pipeline.strategies.breakout.range_scalper import RangeScalper
from trading_pipeline.strategies.buy_and_hold import BuyAndHold
from trading_pipeline.strategies.intraday.ema_scalper import EmaScalper
from trading_pipeline.strategies.intraday.first_candle_breakout import FirstCandleBreakout
from trading_pipeline.strategies.intraday.opening_range_breakout import OpeningRangeBreakout
from trading_pipeline.strategies.ml.direction import MlDirection
from trading_pipeline.strategies.ml.meta_labelled import MetaLabelled
from trading_pipeline.strategies.ml.predictive import MlPredictive
from trading_pipeline.strategies.momentum.awesome_oscillator import AwesomeOscillator
from trading_pipeline.strategies.momentum.momentum_score import MomentumScore
from trading_pipeline.strategies.momentum.stochastic_trend import StochasticTrend
from trading_pipeline.strategies.portfolio.cross_sectional_momentum import CrossSectionalMomentum
from trading_pipeline.strategies.portfolio.minimum_variance import MinimumVariance
from trading_pipeline.strategies.portfolio.pairs_reversion import PairsReversion
from trading_pipeline.strategies.portfolio.volatility_target import VolatilityTarget
from trading_pipeline.strategies.reversion.bollinger_reversion import BollingerReversion
from trading_pipeline.strategies.reversion.candlestick_reversal import CandlestickReversal
from trading_pipeline.strategies.reversion.rsi_cross import RsiCross
from trading_pipeline.strategies.reversion.rsi_reversion import RsiReversion
from trading_pipeline.strategies.trend.atr_trailing import AtrTrailing
from trading_pipeline.strategies.trend.donchian_breakout import DonchianBreakout
from trading_pipeline.strategies.trend.ema_crossover import EmaCrossover
from trading_pipeline.strategies.trend.ema_pullback import EmaPullback
from trading_pipeline.strategies.trend.keltner_breakout import KeltnerBreakout
from trading_pipeline.strategies.trend.macd import Macd
from trading_pipeline.strategies.trend.monthly_trend import MonthlyTrend
from trading_pipeline.strategies.trend.sma_crossover import SmaCrossover
from trading_pipeline.strategies.trend.supertrend import Supertrend
from trading_pipeline.strategies.trend.time_series_momentum import TimeSeriesMomentum

__all__ = ["shipped_strategies"]

_ALL: tuple[StrategyBase[Any], ...] = (
    BuyAndHold(),
    MetaLabelled(),
    MlDirection(),
    MlPredictive(),
    # reversion
    BollingerReversion(),
    CandlestickReversal(),
    RsiCross(),
    RsiReversion(),
    # breakout
    BollingerBreakout(),
    ChartPatternBreakout(),
    RangeScalper(),
    # intraday
    EmaScalper(),
    FirstCandleBreakout(),
    OpeningRangeBreakout(),
    # momentum
    AwesomeOscillator(),
    MomentumScore(),
    StochasticTrend(),
    # trend
    AtrTrailing(),
    DonchianBreakout(),
    EmaCrossover(),
    EmaPullback(),
    KeltnerBreakout(),
    Macd(),
    MonthlyTrend(),
    SmaCrossover(),
    Supertrend(),
    TimeSeriesMomentum(),
    # portfolio
    CrossSectionalMomentum(),
    MinimumVariance(),
    PairsReversion(),
    VolatilityTarget(),
)


def shipped_strategies() -> dict[str, StrategyBase[Any]]:
    """All of them by name, in the order of their families."""
    return {each.name: each for each in _ALL}
