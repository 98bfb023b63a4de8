"""The predictor of meta-labelling: whether acting on a strategy's signal pays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.models.predictors.direction import Direction
from trading_pipeline.models.predictors.predictor import History, PredictorParams
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.settings.spec_model import Name

__all__ = ["SIDE", "Meta", "MetaParams"]

SIDE = "side"
"""Feature of a meta model: 1.0 where its strategy opens a long side, -1.0 a short one, else NaN."""


class MetaParams(PredictorParams):
    """The primary strategy."""

    strategy: Name = "sma_crossover"
    """Strategy whose signals are judged, shipped or your own; it must read bars alone."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Its parameters; those left out have their defaults."""


class Meta(Direction):
    """The probability that acting on a signal pays, for the bars at which a side is opened.

    The strategy says the side, the model whether to act. It learns from bars at which the
    strategy's signals open a side, and from no others: whether that side made money over the
    label's life, before costs. Features are those of the set and `side`. Bars without an opening
    have no prediction. Lopez de Prado, Advances in Financial Machine Learning (2018), section 3.6.
    """

    name: ClassVar[str] = "meta"
    column: ClassVar[str] = "p_act"
    columns: ClassVar[Mapping[str, str]] = {
        column: "probability that acting on the signal pays, 0 to 1; NaN where no side is opened"
    }
    labels: ClassVar[tuple[str, ...]] = ("triple_barrier", "forward_return", "direction")
    params_type: ClassVar[type[PredictorParams]] = MetaParams
    needs_bars: ClassVar[bool] = True  # the strategy's signals come from all bars so far
    label_features: ClassVar[tuple[str, ...]] = (SIDE,)

    def targets(
        self,
        spec: ModelSpec,
        labels: pd.DataFrame,
        history: History | None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """1.0 where the side that is opened made money, else 0.0; rows with an opening alone.

        Raises `ConfigurationError` for short sides judged by barriers at unequal distances: the
        upper one is the profit of a long side.
        """
        opened = labels.loc[labels[SIDE].notna()]
        side = np.sign(opened[SIDE].to_numpy(dtype="float64"))
        label = spec.label
        if label.profit_volatilities != label.loss_volatilities and (side < 0.0).any():
            raise ConfigurationError(
                f"The strategy of the model {spec.name!r} opens short sides, and its barriers lie "
                f"{label.profit_volatilities:g} volatilities above and {label.loss_volatilities:g} "
                "below: for a short side profit and loss would be exchanged. Give both the same "
                "distance.",
                model=spec.name,
            )
        outcome = opened["label"].to_numpy(dtype="float64")
        moved = np.where(outcome > 0.0, 1.0, -1.0) if label.type == "direction" else outcome
        return opened[["t0", "t1"]].assign(label=(moved * side > 0.0).astype("float64"))

    def in_words(self, scores: Mapping[str, Any]) -> str | None:
        """AUC and Brier score, and how often acting always pays."""
        found = super().in_words(scores)
        if found is None:
            return None
        return f"{found} Always acting pays in {scores['tail_base_rate']:.0%} of the signals."

    def summary(self, predictions: pd.DataFrame) -> dict[str, float]:
        """Number of signals that were judged, and their mean probability."""
        told = predictions[self.column].dropna()
        return {"signals": float(len(told)), f"mean_{self.column}": float(told.mean())}
