"""Whether the best parameters stand on a plateau or on a spike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance.search.parameter_places import parameter_places

__all__ = ["Plateau", "plateau"]

_PLATEAU, _SPIKE = 0.5, 0.2
_FEWEST_NEIGHBOURS = 2


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """What the neighbours of the best set keep of it.

    Parameters
    ----------
    shape
        "plateau" where they keep at least half of its lead, "spike" below a fifth, else "slope";
        "unknown" with fewer than two neighbours or values that do not differ.
    kept_of_lead
        Median value of the neighbours less that of all other sets, over the best less the same.
    kept_of_value
        Median value of the neighbours over the best; NaN unless the best is above 0.
    neighbours
        Number of neighbours.
    worst_neighbour
        Lowest value among them; NaN without any.
    by
        "steps" where neighbours are one step away on a grid, "nearest" in a scattered sample.
    """

    shape: Literal["plateau", "slope", "spike", "unknown"]
    kept_of_lead: float
    kept_of_value: float
    neighbours: int
    worst_neighbour: float
    by: Literal["steps", "nearest"]


def plateau(parameters: Sequence[Mapping[str, Any]], values: npt.ArrayLike) -> Plateau:
    """What becomes of the best value when its parameters change a little.

    Neighbours differ from the best by at most one step in each parameter whose values are numbers,
    and in no other one. Where a sample is too scattered for two of these, they are its nearest
    sets: two for each searched parameter, by the largest difference in any parameter, as a share of
    its sorted values. Sets without a value (NaN) are left out. Higher values are better.

    Raises `DataQualityError` for another number of values than of sets.

    >>> grid = [{"window": window} for window in range(5)]
    >>> plateau(grid, [0.0, 0.9, 1.0, 0.9, 0.0]).shape, plateau(grid, [0, 0, 1, 0, 0]).shape
    ('plateau', 'spike')
    """
    given = np.asarray(values, dtype=np.float64)
    if given.shape != (len(parameters),):
        raise DataQualityError(
            f"There are {len(parameters)} parameter sets and values of the shape {given.shape}; "
            "each set needs one value.",
            sets=len(parameters),
        )
    kept = np.flatnonzero(np.isfinite(given))
    known = given[kept]
    if not known.size:
        return _unknown("steps", 0)
    places = parameter_places([parameters[row] for row in kept.tolist()])
    best = int(np.argmax(known))
    steps, shares = places.differences(best)
    same_kind = (steps[:, ~places.ordered] == 0).all(axis=1)
    near = same_kind & (steps <= 1).all(axis=1)
    near[best] = False
    rows, by = np.flatnonzero(near), "steps"
    if rows.size < _FEWEST_NEIGHBOURS and not _is_grid(places.counts, known.size):
        distance = np.where(same_kind, shares.max(axis=1, initial=0.0), math.inf)
        distance[best] = math.inf
        wanted = 2 * max(1, int(places.ordered.sum()))
        order = np.argsort(distance, kind="stable")[:wanted]
        rows, by = order[np.isfinite(distance[order])], "nearest"
    others = np.delete(known, best)
    lead = float(known[best] - np.median(others)) if others.size else 0.0
    if rows.size < _FEWEST_NEIGHBOURS or not lead > 0.0:
        return _unknown(by, int(rows.size))
    around = float(np.median(known[rows]))
    share = 1.0 - (float(known[best]) - around) / lead
    return Plateau(
        shape="plateau" if share >= _PLATEAU else "spike" if share < _SPIKE else "slope",
        kept_of_lead=share,
        kept_of_value=around / float(known[best]) if known[best] > 0.0 else math.nan,
        neighbours=int(rows.size),
        worst_neighbour=float(known[rows].min()),
        by="steps" if by == "steps" else "nearest",
    )


def _is_grid(counts: npt.NDArray[np.int64], sets: int) -> bool:
    """True where at least half of all combinations of the values are there."""
    return bool(math.prod(counts.tolist()) <= 2 * sets)


def _unknown(by: str, neighbours: int) -> Plateau:
    return Plateau(
        shape="unknown",
        kept_of_lead=math.nan,
        kept_of_value=math.nan,
        neighbours=neighbours,
        worst_neighbour=math.nan,
        by="steps" if by == "steps" else "nearest",
    )
