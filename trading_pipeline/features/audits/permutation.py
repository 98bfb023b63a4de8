"""The audit by permuted outcomes: nothing can be learned where there is nothing to learn.

AUC is a fraction, 0.5 for a guess.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.audits.comparison import CausalityFinding

__all__ = ["Evaluate", "audit_permuted_labels", "held_out_auc", "rank_auc"]

Evaluate = Callable[[pd.DataFrame, pd.Series], float]
"""Takes features and outcomes (0.0 or 1.0) of equal index, fits, and gives the held-out AUC."""
HELD_OUT_SHARE = 0.5
_RIDGE = 1.0
_STANDARD_ERRORS = 4.0
_LEAST_OF_A_CLASS = 10


def audit_permuted_labels(
    features: pd.DataFrame,
    labels: pd.DataFrame,
    *,
    evaluate: Evaluate | None = None,
    permutations: int = 10,
    seed: int = 7,
    standard_errors: float = _STANDARD_ERRORS,
) -> list[CausalityFinding]:
    """Permute the outcomes and evaluate a model on them: its mean AUC must be about 0.5.

    Parameters
    ----------
    features
        Index ts; NaN in the warm-up.
    labels
        Index ts, a column `label`; above its median counts as 1.
    evaluate
        `held_out_auc` if left out.
    standard_errors
        How far from 0.5 the mean may lie. One is that of a guess's AUC on the held-out half, over
        the root of `permutations` (Mann-Whitney).

    Returns
    -------
    Nothing, or one finding: the mean AUC as the value with, and 0.5 as the value without what the
    model must not know.

    Raises
    ------
    InsufficientDataError
        Where fewer than 10 rows of either outcome would be held out.
    """
    rows = labels.index.intersection(features.index[features.notna().all(axis=1)])
    given = labels.loc[rows]
    outcomes = (given["label"] > given["label"].median()).astype("float64")
    if outcomes.nunique() < 2:  # the greater of two values can be the median
        outcomes = (given["label"] >= given["label"].median()).astype("float64")
    inputs = features.loc[rows]
    held_out = len(rows) - int(len(rows) * (1.0 - HELD_OUT_SHARE))
    share = float(outcomes.mean()) if len(rows) else 0.0
    ones, zeros = held_out * share, held_out * (1.0 - share)
    if min(ones, zeros) < _LEAST_OF_A_CLASS:
        raise InsufficientDataError(
            f"{len(rows)} rows have features and a label, {share:.1%} of them with outcome 1; the "
            f"audit needs at least {_LEAST_OF_A_CLASS} of either outcome in the held-out half. "
            "Give more bars.",
            rows=len(rows),
        )
    score = evaluate or held_out_auc
    generator = np.random.default_rng(seed)
    scores = [
        score(inputs, pd.Series(generator.permutation(outcomes.to_numpy()), index=rows))
        for _ in range(permutations)
    ]
    mean = float(np.mean(scores))
    # the classes of the held-out half vary with the permutation; their expected sizes stand for
    # them
    error = np.sqrt((ones + zeros + 1.0) / (12.0 * ones * zeros) / permutations)
    if abs(mean - 0.5) <= standard_errors * error:
        return []
    column = "AUC of permuted labels"
    return [CausalityFinding.at(rows, 0, "permuted_labels", column, 0, (mean, 0.5))]


def held_out_auc(features: pd.DataFrame, outcomes: pd.Series) -> float:
    """AUC on the later half of a ridge regression that was fitted and scaled on the earlier half.

    A constant feature counts for nothing. For a quick look, not for a forecast: nothing is
    calibrated and the penalty is fixed.
    """
    cut = int(len(features) * (1.0 - HELD_OUT_SHARE))
    values = features.to_numpy(dtype="float64")
    centre, spread = values[:cut].mean(axis=0), values[:cut].std(axis=0)
    scaled = (values - centre) / np.where(spread > 0.0, spread, np.inf)
    train, target = scaled[:cut], outcomes.to_numpy()[:cut]
    gram = train.T @ train + _RIDGE * np.eye(train.shape[1])
    weights = np.linalg.solve(gram, train.T @ (target - target.mean()))
    return rank_auc(scaled[cut:] @ weights, outcomes.to_numpy()[cut:])


def rank_auc(scores: FloatArray, outcomes: FloatArray) -> float:
    """Chance that a row of outcome 1 scores above one of outcome 0; ties count half.

    NaN where all outcomes are equal.

    >>> rank_auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.75
    """
    ones = int((outcomes == 1.0).sum())
    zeros = len(outcomes) - ones
    if not ones or not zeros:
        return float("nan")
    ranks = pd.Series(scores).rank().to_numpy()
    above = ranks[outcomes == 1.0].sum() - ones * (ones + 1) / 2.0
    return float(above / (ones * zeros))
