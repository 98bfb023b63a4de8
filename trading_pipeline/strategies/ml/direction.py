"""The strategy that trades a direction model's out-of-sample probabilities."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import StrategyError, did_you_mean
from trading_pipeline.settings.spec_model import Name
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.market import AGE_COLUMN, Market
from trading_pipeline.strategies.ml.forecasts import unpredicted
from trading_pipeline.strategies.ml.held_states import edges, held

__all__ = ["MlDirection", "MlDirectionParams"]

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]


class MlDirectionParams(StrategyParams):
    """Thresholds on the probability of a rise."""

    model: Name = "direction"
    """Model whose predictions are traded."""
    enter_above: Probability = 0.55
    """Go long above this probability; with `long_short`, go short below 1 minus it."""
    exit_below: Probability = 0.5
    """Close a long position below this probability, a short one above 1 minus it."""
    direction: Direction = "long_only"
    """Whether to sell short on low probabilities."""
    on_missing: Literal["exit", "hold"] = "exit"
    """What to do with an open position on a bar without a prediction."""
    max_age_bars: Annotated[int, Field(ge=0)] = 0
    """Oldest usable prediction, in bars; 0 uses only the bar's own."""
    horizon: Annotated[int, Field(ge=1)] | None = None
    """Bars ahead, of a model that forecasts several steps; none for the only or last step."""

    added_later: ClassVar[frozenset[str]] = frozenset({"horizon"})

    @model_validator(mode="after")
    def _ordered(self) -> MlDirectionParams:
        if self.exit_below > self.enter_above:
            raise ValueError(
                f"exit_below is {self.exit_below}, above enter_above of {self.enter_above}: a "
                "position would be left on the bar that opens it"
            )
        if self.direction == "long_short" and self.exit_below + self.enter_above < 1.0:
            raise ValueError(
                f"with long_short, exit_below must be {1.0 - self.enter_above:.6g} or more (1 - "
                f"enter_above), was {self.exit_below}: a long position would still be held where a "
                "short one begins"
            )
        return self


class MlDirection(Strategy[MlDirectionParams]):
    """Hold long (short) while the model's probability of a rise is high (low), with a band between.

    Each long or short state has one entry where it begins and one exit where it ends. A position
    that a stop has closed is therefore not reopened until its state has ended and a new one begins.
    Where trading starts in the middle of a state, the first traded bar begins one. A bar without a
    usable prediction (none yet, NaN or too old) never opens a position and, by default, closes an
    open one. `confidence` is the probability of the likelier side.
    """

    name: ClassVar[str] = "ml_direction"

    def signals(self, market: Market, params: MlDirectionParams) -> Signals:
        """Signals of every bar.

        Raises `StrategyError` if the market lacks the model's predictions or those of the
        `horizon`, or if they have no column `p_up` with probabilities.
        """
        p_up = _usable(market, params)
        missing = np.isnan(p_up)
        drop = missing if params.on_missing == "exit" else np.zeros_like(missing)
        traded = np.arange(len(market)) >= market.first_traded
        with np.errstate(invalid="ignore"):
            long = held(traded & (p_up > params.enter_above), (p_up < params.exit_below) | drop)
            short = held(
                traded & (p_up < 1.0 - params.enter_above), (p_up > 1.0 - params.exit_below) | drop
            )
        if params.direction == "long_only":
            short[:] = False
        entry_long, exit_long = edges(long)
        entry_short, exit_short = edges(short)
        return Signals(
            entry_long=entry_long,
            exit_long=exit_long,
            entry_short=entry_short,
            exit_short=exit_short,
            confidence=np.fmax(p_up, 1.0 - p_up),
        )

    def warmup_bars(self, params: MlDirectionParams) -> int:  # noqa: ARG002
        """0: the model's own warm-up is already part of its predictions."""
        return 0

    def required_predictions(self, params: MlDirectionParams) -> tuple[str, ...]:
        """The model that `params` names."""
        return (params.model,)

    def chart_lines(self, market: Market, params: MlDirectionParams) -> list[ChartLine]:
        """The probability of a rise and the thresholds, in a pane of its own."""
        levels = {params.enter_above, params.exit_below}
        if params.direction == "long_short":
            levels |= {1.0 - level for level in levels}
        p_up = _usable(market, params)
        return [ChartLine("Probability of a rise", p_up, "p_up", levels=tuple(sorted(levels)))]

    def remarks(self, market: Market, params: MlDirectionParams) -> tuple[str, ...]:
        """How many traded bars have no usable prediction."""
        missing = np.isnan(_usable(market, params))[market.first_traded :]
        return unpredicted(params.model, missing, "traded bars", "None of them is entered.")


def _usable(market: Market, params: MlDirectionParams) -> npt.NDArray[np.float64]:
    """Probability at each bar; NaN where there is none, or only one that is too old."""
    if params.model not in market.prediction_frames:
        raise StrategyError(
            f"The strategy 'ml_direction' needs the predictions of the model '{params.model}', and "
            f"the market holds none. {did_you_mean(params.model, market.prediction_frames)}",
            model=params.model,
        )
    aligned = market.predictions_at(params.model, params.horizon)
    if "p_up" not in aligned.columns:
        raise StrategyError(
            f"The predictions of '{params.model}' have no column p_up; 'ml_direction' trades "
            f"models that predict a direction. Found: {', '.join(map(str, aligned.columns))}.",
            model=params.model,
        )
    p_up = aligned["p_up"].to_numpy(dtype=np.float64).copy()
    age = aligned[AGE_COLUMN].to_numpy(dtype=np.float64)
    p_up[~(age <= params.max_age_bars)] = np.nan
    wrong = (p_up < 0.0) | (p_up > 1.0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise StrategyError(
            f"The prediction of '{params.model}' at {aligned.index[row]} is {p_up[row]}; p_up must "
            "be a probability.",
            model=params.model,
            row=row,
        )
    return p_up
