"""Any strategy, traded only where a meta model says that its signal is worth acting on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.errors import StrategyError
from trading_pipeline.settings.spec_model import Name
from trading_pipeline.strategies.base import Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.ml.forecasts import of_own_bar, unpredicted
from trading_pipeline.strategies.ml.held_states import opened_sides

__all__ = ["MetaLabelled", "MetaLabelledParams"]


class MetaLabelledParams(StrategyParams):
    """The primary strategy, its meta model, and how sure the model must be."""

    model: Name = "meta"
    """Model of the predictor `meta` whose `p_act` decides; it must be of the same strategy."""
    strategy: Name = "sma_crossover"
    """The primary strategy, whose signals are traded or left."""
    parameters: dict[str, Any] = Field(default={})
    """Parameters of the primary strategy; those left out have their defaults."""
    threshold: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    """A side is opened where the probability that acting pays is above this."""


class MetaLabelled(Strategy[MetaLabelledParams]):
    """The primary strategy's signals, each side that it opens taken only above the threshold.

    A side that is not taken stays closed until the primary strategy opens the next one, and one
    without a prediction of its own bar is not taken. Exits and levels are those of the primary
    strategy; where it turns to the other side, the old side is closed even if the new one is not
    taken. `confidence` is `p_act`.

    Source: Marcos Lopez de Prado, Advances in Financial Machine Learning (2018), section 3.6.
    """

    name: ClassVar[str] = "meta_labelled"

    def signals(self, market: Market, params: MetaLabelledParams) -> Signals:
        """Signals of every bar.

        Raises `StrategyError` without the primary strategy's signals (`market.primary`), without
        the model's predictions, and where these have no column `p_act`.
        """
        if market.primary is None:
            raise StrategyError(
                "The strategy 'meta_labelled' filters the signals of another one, and the market "
                "holds none. Call signals of a catalogue, such as SHIPPED.signals('meta_labelled', "
                "market, params), which computes them first.",
                strategy=params.strategy,
            )
        p_act = _of_own_bar(market, params.model)
        sides = opened_sides(market.primary)
        with np.errstate(invalid="ignore"):
            taken = p_act > params.threshold
        long, short = sides == 1.0, sides == -1.0
        return replace(
            market.primary,
            entry_long=long & taken,
            entry_short=short & taken,
            exit_long=market.primary.exit_long | (short & ~taken),
            exit_short=market.primary.exit_short | (long & ~taken),
            confidence=p_act,
        )

    def warmup_bars(self, params: MetaLabelledParams) -> int:  # noqa: ARG002
        """0 of its own: the primary strategy's bars are added where it is looked up."""
        return 0

    def required_predictions(self, params: MetaLabelledParams) -> tuple[str, ...]:
        """The meta model."""
        return (params.model,)

    def primary(self, params: MetaLabelledParams) -> tuple[str, Mapping[str, object]]:
        """The strategy that is filtered."""
        return params.strategy, params.parameters

    def chart_lines(self, market: Market, params: MetaLabelledParams) -> list[ChartLine]:
        """The probability that acting pays, in a pane of its own."""
        p_act = _of_own_bar(market, params.model)
        return [
            ChartLine("Probability that acting pays", p_act, "p_act", levels=(params.threshold,))
        ]

    def remarks(self, market: Market, params: MetaLabelledParams) -> tuple[str, ...]:
        """How many entries of the primary strategy have no prediction."""
        if market.primary is None:
            return ()
        first = market.first_traded
        opened = ~np.isnan(opened_sides(market.primary)[first:])
        missing = np.isnan(_of_own_bar(market, params.model)[first:])
        return unpredicted(
            params.model,
            missing[opened],
            f"entries of '{params.strategy}'",
            "They were not taken.",
        )


def _of_own_bar(market: Market, model: str) -> FloatArray:
    """`p_act` of each bar; NaN where the model says nothing of that very bar."""
    told = market.predictions_at(model)
    if "p_act" not in told.columns:
        raise StrategyError(
            f"The predictions of '{model}' have no column p_act; 'meta_labelled' needs a model of "
            f"the predictor 'meta'. Found: {', '.join(map(str, told.columns))}.",
            model=model,
        )
    return of_own_bar(told, "p_act")
