"""Which parameter the results of a search depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance.search.parameter_places import parameter_places

__all__ = ["parameter_importance"]

_MOST_GROUPS = 8
_FEWEST_SETS = 6


def parameter_importance(
    parameters: Sequence[Mapping[str, Any]], values: npt.ArrayLike
) -> dict[str, float]:
    """Share of the variance of the values that each parameter explains by itself, 0.0 to 1.0.

    Sets are grouped by the parameter: by its values, or by eight equally filled ranges where there
    are more and they are numbers. The share is the variance between groups over all variance, less
    what as many groups of random sets would have (epsilon squared; Kelley 1935, "An unbiased
    correlation ratio measure"). Values count by their ranks, so a single extreme one cannot decide.
    What no parameter explains alone is due to their combination or to chance.

    Sets without a value (NaN) are left out. Empty below six sets, and where all values are equal.
    Raises `DataQualityError` for another number of values than of sets.

    >>> grid = [{"fast": fast, "slow": slow} for fast in range(4) for slow in range(4)]
    >>> found = parameter_importance(grid, [each["fast"] for each in grid])
    >>> round(found["fast"], 3), found["slow"]
    (1.0, 0.0)
    """
    given = np.asarray(values, dtype=np.float64)
    if given.shape != (len(parameters),):
        raise DataQualityError(
            f"There are {len(parameters)} parameter sets and values of the shape {given.shape}; "
            "each set needs one value.",
            sets=len(parameters),
        )
    kept = np.flatnonzero(np.isfinite(given))
    if kept.size < _FEWEST_SETS or np.ptp(given[kept]) == 0.0:
        return {}
    from scipy.stats import rankdata  # takes a second to load

    ranks = rankdata(given[kept])
    places = parameter_places([parameters[row] for row in kept.tolist()])
    return {
        name: _explained(ranks, _groups(places.ranks[:, column], bool(places.ordered[column])))
        for column, name in enumerate(places.names)
    }


def _groups(ranks: npt.NDArray[np.int64], ordered: bool) -> npt.NDArray[np.int64]:
    """Number of each set's group."""
    if ordered and int(ranks.max()) + 1 > _MOST_GROUPS:
        from scipy.stats import rankdata

        place = (rankdata(ranks, method="min") - 1.0) / len(ranks)
        ranks = np.floor(_MOST_GROUPS * place).astype(np.int64)
    found: npt.NDArray[np.int64] = np.unique(ranks, return_inverse=True)[1]
    return found


def _explained(values: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> float:
    counts = np.bincount(groups)
    sets, kinds = values.size, counts.size
    if sets <= kinds:  # each set is a group of its own: nothing is repeated
        return 0.0
    means = np.bincount(groups, weights=values) / counts
    within = float(((values - means[groups]) ** 2).sum()) / (sets - kinds)
    whole = float(((values - values.mean()) ** 2).sum()) / (sets - 1)
    return min(max(1.0 - within / whole, 0.0), 1.0)
