"""The strategy that trades what a model predicts for a step ahead, for as long as that step."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from trading_pipeline.domain.signals import BoolArray, FloatArray, Fraction, Level, Signals
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.settings.spec_model import Name
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.distance import (
    Distance,
    can_be_placed,
    distance_warmup,
    stop_loss,
)
from trading_pipeline.strategies.exponential_average import exponential_average
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.ml.forecasts import forecasts_of, unpredicted
from trading_pipeline.strategies.ml.held_states import edges

__all__ = ["MlPredictive", "MlPredictiveParams"]

_REFUSED_LABELS = {
    "volatility": "a volatility, which has no direction",
    "scaled_return": "a return in volatilities, which 'min_predicted_return' cannot be compared "
    "with",
    "meta_label": "whether a signal pays, which 'meta_labelled' trades",
}


class MlPredictiveParams(StrategyParams):
    """Which forecasts are traded, and how much is risked on one."""

    model: Name = "direction"
    """Model whose predictions are traded."""
    min_predicted_return: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.001
    """Smallest predicted return that is traded, as a fraction; unused by a model of p_up alone."""
    confidence_threshold: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.55
    """Smallest probability of the traded side; unused by a model that tells none."""
    horizon: Annotated[int, Field(ge=1)] | None = None
    """Bars ahead that are traded and held; none for the model's only or last step."""
    prefilter: Annotated[int, Field(ge=0, le=2000)] = 0
    """Go long only above the exponential average of so many bars, short only below; 0: off."""
    risk_per_trade: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Fraction of the equity that is lost if the stop is hit; null: the scenario's sizing."""
    stop: Distance | None = None
    """Distance of the stop loss, such as `2 atr` or `3 percent`; null: that of the scenario."""
    max_position_size: Annotated[float, Field(gt=0.0, le=10.0)] = 1.0
    """Largest share of the equity that `risk_per_trade` may stake; above 1 needs leverage."""
    direction: Direction = "long_only"
    """`long_short` also sells falls that are predicted."""

    @model_validator(mode="after")
    def _fits(self) -> MlPredictiveParams:
        if self.risk_per_trade is not None and self.stop is None:
            raise ValueError(
                f"risk_per_trade of {self.risk_per_trade:g} needs the distance of a stop; give "
                "'stop', such as '2 atr' or '3 percent'"
            )
        if self.prefilter == 1:
            raise ValueError(
                "a prefilter of 1 bar is the close itself, which is never above itself; give 2 or "
                "more, or 0 for none"
            )
        return self


class MlPredictive(Strategy[MlPredictiveParams]):
    """Trade a forecast that is large and sure enough, and hold it for as many bars as it is ahead.

    A forecast counts where the predicted return is at least `min_predicted_return` and the
    probability of its side at least `confidence_threshold`; a model that gives only one of the two
    is judged by that one. A position is held until `horizon` bars have passed since the last
    forecast that counted, or one of the other side counts. What a stop has closed is not opened
    again before that. Forecasts before the first traded bar count for nothing. `confidence` is the
    probability of the likelier side.

    With `risk_per_trade` the size is a share of the equity, `risk_per_trade` over the distance of
    the stop as a fraction of the close, which the sizing `percent_of_equity` takes. Source: Ralph
    Vince, Portfolio Management Formulas (1990), for the fixed fraction at risk.
    """

    name: ClassVar[str] = "ml_predictive"

    def signals(self, market: Market, params: MlPredictiveParams) -> Signals:
        """Signals of every bar; a bar without a forecast of its own begins nothing.

        Raises `StrategyError` as `ml.forecasts.forecasts_of` does.
        """
        told = forecasts_of(market, params.model, params.horizon)
        may = can_be_placed(market, params.stop)
        up, down = self._counting(market, params)
        may = may & (np.arange(len(market)) >= market.first_traded)
        long, short = _held(up & may, down & may, told.horizon)
        if params.direction == "long_only":
            short[:] = False
        entry_long, exit_long = edges(long)
        entry_short, exit_short = edges(short)
        stop = stop_loss(market, params.stop, entry_short)
        return Signals(
            entry_long=entry_long,
            exit_long=exit_long,
            entry_short=entry_short,
            exit_short=exit_short,
            stop_loss=stop,
            size=_sizes(market, params, stop, entry_long | entry_short),
            confidence=None if told.p_up is None else np.fmax(told.p_up, 1.0 - told.p_up),
        )

    def warmup_bars(self, params: MlPredictiveParams) -> int:
        """Bars of the prefilter or of an ATR; the model's own warm-up is in its predictions."""
        return max(params.prefilter - 1, distance_warmup(params.stop), 0)

    def required_predictions(self, params: MlPredictiveParams) -> tuple[str, ...]:
        """The model that `params` names."""
        return (params.model,)

    def check_model(self, params: MlPredictiveParams, model: ModelSpec) -> None:  # noqa: ARG002
        """Refuse a model of what is no return and no direction."""
        refused = _REFUSED_LABELS.get(model.label.type)
        if refused is not None:
            raise ConfigurationError(
                f"The model {model.name!r} forecasts {refused}. Give 'ml_predictive' a model of a "
                "direction, a forward return or a path.",
                model=model.name,
                label=model.label.type,
            )

    def required_sizing(self, params: MlPredictiveParams) -> str | None:
        """Shares of the equity, with `risk_per_trade`."""
        return None if params.risk_per_trade is None else "percent_of_equity"

    def chart_lines(self, market: Market, params: MlPredictiveParams) -> list[ChartLine]:
        """The prefilter over the candles; predicted return and probability in panes below."""
        told = forecasts_of(market, params.model, params.horizon)
        lines = []
        if params.prefilter:
            average = exponential_average(market.close, params.prefilter)
            lines.append(ChartLine(f"EMA {params.prefilter}", average))
        least = params.min_predicted_return
        levels = (least,) if params.direction == "long_only" else (-least, least)
        if told.expected_return is not None:
            name = f"Predicted return, {told.horizon} bars"
            lines.append(ChartLine(name, told.expected_return, "Predicted return", levels=levels))
        if told.p_up is not None:
            sure = params.confidence_threshold
            levels = (sure,) if params.direction == "long_only" else (1.0 - sure, sure)
            lines.append(ChartLine("Probability of a rise", told.p_up, "p_up", levels=levels))
        return lines

    def remarks(self, market: Market, params: MlPredictiveParams) -> tuple[str, ...]:
        """How many traded bars have no forecast."""
        missing = forecasts_of(market, params.model, params.horizon).missing
        return unpredicted(
            params.model, missing[market.first_traded :], "traded bars", "None of them is entered."
        )

    def _counting(self, market: Market, params: MlPredictiveParams) -> tuple[BoolArray, BoolArray]:
        """Bars whose forecast of a rise counts, and those whose forecast of a fall does."""
        told = forecasts_of(market, params.model, params.horizon)
        up, down = ~told.missing, ~told.missing
        if told.expected_return is not None:
            up = up & (told.expected_return >= params.min_predicted_return)
            down = down & (told.expected_return <= -params.min_predicted_return)
        if told.p_up is not None:
            up = up & (told.p_up >= params.confidence_threshold)
            down = down & (1.0 - told.p_up >= params.confidence_threshold)
        if params.prefilter:
            average = exponential_average(market.close, params.prefilter)
            up, down = up & (market.close > average), down & (market.close < average)
        return up & ~down, down & ~up


def _held(up: BoolArray, down: BoolArray, bars: int) -> tuple[BoolArray, BoolArray]:
    """Bars on which a long, and a short, forecast holds: `bars` from its own on."""
    rows = np.arange(up.shape[0])
    last_up = np.maximum.accumulate(np.where(up, rows, -bars - 1))
    last_down = np.maximum.accumulate(np.where(down, rows, -bars - 1))
    long = (rows - last_up < bars) & (last_up > last_down)
    return long, (rows - last_down < bars) & (last_down > last_up)


def _sizes(
    market: Market, params: MlPredictiveParams, stop: Level | None, entries: BoolArray
) -> FloatArray | None:
    """Shares of the equity at each entry; NaN elsewhere."""
    if params.risk_per_trade is None or stop is None:
        return None
    close = market.raw["close"].to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (
            np.broadcast_to(stop.values, close.shape)
            if isinstance(stop, Fraction)
            else np.abs(close - stop.values) / close
        )
        size = np.fmin(params.risk_per_trade / distance, params.max_position_size)
    return np.where(entries, size, np.nan)
