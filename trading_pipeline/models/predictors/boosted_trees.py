"""LightGBM's trees, of the extra `lightgbm`: fitted the same way each time, and kept as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

__all__ = ["BoostedTrees"]

FloatArray = npt.NDArray[np.float64]
_LARGEST_SEED = 2**31 - 1
_FIXED = {
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
"""With these, equal rows and seed give equal trees, bit for bit, on one release of LightGBM."""


class BoostedTrees:
    """Trees of a binary or a squared-error objective.

    A fitted one holds nothing but `text`, LightGBM's own form of a model, so that a model file has
    no other type in it; LightGBM reads the text again for the first forecast.

    Parameters
    ----------
    parameters
        As LightGBM names them, with `objective`.
    trees
        Number of trees.
    seed
        Of the columns that each tree draws.
    """

    def __init__(self, parameters: Mapping[str, Any], *, trees: int, seed: int) -> None:
        self.parameters = {**parameters, **_FIXED, "seed": seed % _LARGEST_SEED}
        self.trees = trees
        self.text = ""

    def fit(
        self, values: FloatArray, wanted: npt.ArrayLike, sample_weight: FloatArray | None = None
    ) -> Self:
        """Train on rows of features; `ValueError` where LightGBM fails."""
        import lightgbm

        rows = lightgbm.Dataset(values, np.asarray(wanted), weight=sample_weight)
        try:
            booster = lightgbm.train(self.parameters, rows, num_boost_round=self.trees)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(str(error)) from error
        self.text = booster.model_to_string()
        return self

    def predict(self, values: FloatArray) -> FloatArray:
        """The number that each row is expected to have."""
        return self._told(values)

    def decision_function(self, values: FloatArray) -> FloatArray:
        """Log odds of each row, of a binary objective."""
        return self._told(values, raw_score=True)

    def _told(self, values: FloatArray, **options: bool) -> FloatArray:
        import lightgbm

        booster = vars(self).get("_booster")
        if booster is None:
            booster = vars(self)["_booster"] = lightgbm.Booster(model_str=self.text)
        return np.asarray(booster.predict(values, num_threads=1, **options), dtype="float64")

    def __getstate__(self) -> dict[str, str]:
        """What is stored of a fitted one."""
        return {"text": self.text}
