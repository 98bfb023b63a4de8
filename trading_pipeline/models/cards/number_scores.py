"""Scores of forecasts of a number, with errors that know overlapping labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import DataQualityError

__all__ = ["NUMBER_SCORES", "score_numbers"]

NUMBER_SCORES: Mapping[str, str] = {
    "tail_rows": "last rows of the training span, scored by what came before them",
    "tail_effective_rows": "what these overlapping rows are worth",
    "tail_mse": "mean squared error on the scored rows",
    "tail_mse_error": "standard error from the effective rows",
    "tail_mae": "mean absolute error",
    "tail_ic": "correlation of forecast and outcome",
    "tail_ic_error": "standard error from the effective rows",
    "tail_rank_ic": "correlation of their ranks",
    "tail_rank_ic_error": "standard error from the effective rows",
    "tail_accuracy": "share of outcomes with the sign of the forecast",
    "tail_accuracy_error": "standard error from the effective rows",
    "tail_coverage_90": "share of outcomes inside the 90 % interval",
    "tail_coverage_90_error": "standard error from the effective rows",
}


def score_numbers(
    predictions: pd.DataFrame, outcomes: pd.Series, uniqueness: npt.NDArray[np.float64]
) -> dict[str, float | int | None]:
    """Scores of `yhat` with its interval `q05` to `q95`, one line an outcome, at least one.

    `uniqueness` sums to the effective rows n. The error of a mean is the deviation of a row's part
    over the root of n; that of a correlation is 1 over the root of n - 1 (no correlation, Fisher).
    Correlations are None where forecast or outcome is constant. Raises `DataQualityError` for
    lengths that differ or a number that is not finite.
    """
    guess, actual = predictions["yhat"].to_numpy("float64"), outcomes.to_numpy("float64")
    if not len(actual) or not len(guess) == len(actual) == len(uniqueness):
        raise DataQualityError(
            f"There are {len(guess)} forecasts, {len(actual)} outcomes and {len(uniqueness)} "
            "weights; give one of each for at least one row."
        )
    if not (np.isfinite(guess).all() and np.isfinite(actual).all()):
        raise DataQualityError("A forecast or an outcome is not finite; leave such rows out.")
    effective = float(uniqueness.sum())
    inside = (predictions["q05"].to_numpy() <= actual) & (actual <= predictions["q95"].to_numpy())
    parts = {
        "mse": (guess - actual) ** 2,
        "accuracy": (np.sign(guess) == np.sign(actual)).astype("float64"),
        "coverage_90": inside.astype("float64"),
    }
    scores: dict[str, float | int | None] = {"rows": len(actual), "effective_rows": effective}
    for name, values in parts.items():
        scores[name] = float(values.mean())
        scores[f"{name}_error"] = float(values.std() / np.sqrt(effective))
    scores["mae"] = float(np.abs(guess - actual).mean())
    error = 1.0 / np.sqrt(max(effective - 1.0, 1.0))
    from scipy.stats import rankdata  # late: it takes a second to load

    for name, pair in (("ic", (guess, actual)), ("rank_ic", (rankdata(guess), rankdata(actual)))):
        scores[name] = _correlation(*pair)
        scores[f"{name}_error"] = None if scores[name] is None else float(error)
    return scores


def _correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float | None:
    if len(a) < 2 or a.min() == a.max() or b.min() == b.max():
        return None
    return float(np.corrcoef(a, b)[0, 1])
