"""The audit of a user's predictor: what it predicts for a row may not depend on later rows."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd

from trading_pipeline.errors import LookaheadError
from trading_pipeline.models.predictors.calls import own_file, predicted
from trading_pipeline.models.predictors.predictor import PredictionRows, Predictor, State
from trading_pipeline.own_code import FreshCopies

__all__ = ["ensure_predictions_causal", "fresh_predictor"]

_TOLERANCE = 1e-9


def fresh_predictor(predictor: Predictor) -> FreshCopies[Predictor]:
    """The predictor by modules that remember nothing of earlier calls; `notes` say what it read."""
    kind = type(predictor)

    def anew(imported: Callable[[str], ModuleType]) -> Predictor:
        found: type[Predictor] = getattr(imported(kind.__module__), kind.__qualname__)
        if "name" not in vars(found):
            found.name = kind.name
        return found()

    return FreshCopies(kind.__module__, anew, predictor)


def ensure_predictions_causal(
    predictor: Predictor, state: State, rows: PredictionRows, *, cuts: int = 5, seed: int = 7
) -> tuple[str, ...]:
    """Pass when each row is predicted alike whether or not later rows are there.

    All rows are predicted by the predictor as it is, then the first n rows by a copy of the user's
    file that remembers nothing, with the history cut at the last of them: for n at `cuts` random
    places, and for all rows. Values may differ by a share of 1e-9.

    Returns
    -------
    What the predictor read from outside, such as files; no audit can take the future away from
    these.

    Raises
    ------
    LookaheadError
        With the column, the row, and the value with and without the rows after it.
    ModelTrainingError
        Where the predictor cannot be computed on fewer rows.
    """
    fresh, columns = fresh_predictor(predictor), list(predictor.columns)

    def asked(by: Predictor, given: PredictionRows) -> pd.DataFrame:
        return predicted(by, copy.deepcopy(state), given)[columns]

    if not len(rows):
        return ()
    whole = asked(predictor, rows)
    lines = len(whole) // len(rows)
    drawn = np.random.default_rng(seed).integers(1, len(rows) + 1, cuts).tolist()
    for count in sorted({*drawn, len(rows)}):
        part = _first(rows, count)
        again = fresh.run(lambda by, part=part: asked(by, part))  # type: ignore[misc]
        before = whole.iloc[: count * lines]
        a, b = before.to_numpy(), again.to_numpy()
        same = np.isclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)
        if not same.all():
            row, column = np.argwhere(~same)[0]
            where = own_file(predictor)
            raise LookaheadError(
                f"{where or type(predictor).__name__}: the predictor {predictor.name!r} gives "
                f"{a[row, column]:.6g} as {columns[column]!r} of {before.index[row]} when later "
                f"rows are there, and {b[row, column]:.6g} by a fresh copy without the "
                f"{len(rows) - count} rows after {before.index[-1]}. Predict each row from what "
                "the row itself and the state hold, and keep nothing between calls.",
                predictor=predictor.name,
                column=columns[column],
                ts=before.index[row],
            )
    return fresh.notes


def _first(rows: PredictionRows, count: int) -> PredictionRows:
    known_at = rows.known_at[:count]
    history = rows.history
    return PredictionRows(
        spec=rows.spec,
        params=rows.params,
        features=rows.features.iloc[:count],
        known_at=known_at,
        history=None if history is None else history.until(known_at[-1]),
        steps=rows.steps,
    )
