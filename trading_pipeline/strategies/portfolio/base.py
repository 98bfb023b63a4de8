"""What a portfolio strategy is: a name, parameters, and target weights from a panel."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.errors import StrategyError
from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline.strategies.base import ParamsT, StrategyBase
from trading_pipeline.strategies.portfolio.panel import Panel

__all__ = ["PortfolioStrategy", "Weights", "checked_weights"]

FloatArray = npt.NDArray[np.float64]
Weights = FloatArray | pd.DataFrame | TargetWeights
"""What `PortfolioStrategy.weights` may give."""


class PortfolioStrategy(StrategyBase[ParamsT]):
    """A rule that sees all instruments of a portfolio at once and gives their target weights.

    Row t of the weights may use only what the panel shows up to row t; an audit changes all later
    bars and expects the same rows.
    """

    rebalancing: ClassVar[Rebalancing] = Rebalancing()
    """When weights are acted on where the scenario has no `portfolio.rebalance`; by default on each
    row that gives some."""

    instrument_count: ClassVar[int | None] = None
    """How many instruments the portfolio must have; None: two or more."""

    @abstractmethod
    def weights(self, panel: Panel, params: ParamsT) -> Weights:
        """Target weights: an array (rows, instruments), or rows of a frame or `TargetWeights`.

        0.25 is a quarter of the equity, -0.25 a short of that size, 0 holds nothing. A row gives
        every instrument a weight, or is NaN throughout (or left out) and decides nothing: the
        weights before stay in force. Only rows of `panel.due` can be acted on, so others need not
        be computed.
        """


def checked_weights(panel: Panel, given: object, *, who: str) -> FloatArray:
    """Weights as an array (rows, instruments); rows without a decision are NaN.

    `who`: what gave them, for errors. Raises `StrategyError` for another type or shape, a row of no
    bar, a missing or unknown instrument, an infinite weight, and a row that gives some instruments
    a weight and others none.
    """
    frame = given.frame if isinstance(given, TargetWeights) else given
    values: npt.NDArray[np.generic]
    if isinstance(frame, pd.DataFrame):
        values = _of_frame(panel, frame, who)
    elif isinstance(frame, np.ndarray) and frame.shape == (len(panel), len(panel.instruments)):
        values = frame
    else:
        shape = f" of the shape {frame.shape}" if isinstance(frame, np.ndarray) else ""
        raise StrategyError(
            f"{who} gave a {type(given).__name__}{shape}; give an array of "
            f"{len(panel)} rows and {len(panel.instruments)} instruments, such as "
            "np.full(panel.closes.shape, np.nan) with the decided rows filled in, or a DataFrame.",
            expected=(len(panel), len(panel.instruments)),
        )
    try:
        weights = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise StrategyError(f"{who} gave weights that are no numbers: {error}.") from error
    missing = np.isnan(weights)
    partly = missing & ~missing.all(axis=1, keepdims=True)
    wrong = np.argwhere(partly | np.isinf(weights))
    if len(wrong):
        row, column = map(int, wrong[0])
        raise StrategyError(
            f"{who} gave {panel.instruments[column]} the weight {weights[row, column]} on "
            f"{panel.index[row]}. A row gives each instrument a finite weight (0 holds nothing of "
            "it), or is NaN throughout to decide nothing.",
            row=row,
            ts=panel.index[row],
            instrument=panel.instruments[column],
            value=float(weights[row, column]),
        )
    return weights


def _of_frame(panel: Panel, frame: pd.DataFrame, who: str) -> npt.NDArray[np.generic]:
    named = [str(name) for name in frame.columns]
    if sorted(named) != list(panel.instruments):
        raise StrategyError(
            f"{who} gave weights of {', '.join(named) or 'nothing'}; give one column for each of "
            f"{', '.join(panel.instruments)} (0 holds nothing of it).",
            found=named,
        )
    strange = ~frame.index.isin(panel.index)
    if strange.any() or not frame.index.is_unique:
        row = int(np.argmax(strange | frame.index.duplicated()))
        raise StrategyError(
            f"{who} gave weights on {frame.index[row]}, which is no row of the panel or stands "
            "there twice; the rows of the frame are stamps of panel.index, each once.",
            row=row,
        )
    ordered = frame.set_axis(named, axis=1)[list(panel.instruments)]
    return ordered.reindex(panel.index).to_numpy()
