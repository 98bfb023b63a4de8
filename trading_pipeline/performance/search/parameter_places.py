"""Where the parameter sets of a search lie: coordinates from 0 to 1, one column a parameter."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trading_pipeline.performance.bar_returns import FloatArray

__all__ = ["ParameterPlaces", "parameter_places"]


@dataclass(frozen=True, eq=False)
class ParameterPlaces:
    """Ranks of the searched parameters, one row a set.

    Parameters
    ----------
    names
        Parameters that differ between the sets.
    ranks
        (sets, parameters); equal values have equal ranks, from 0.
    counts
        Distinct values of each parameter.
    ordered
        True for a parameter whose values are all numbers; ranks of others are names only.
    """

    names: tuple[str, ...]
    ranks: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    ordered: npt.NDArray[np.bool_]

    def differences(self, row: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Steps between a set and all sets, and the same as a share of each parameter's range.

        Values that are not numbers are one step and the whole range apart.
        """
        steps = np.abs(self.ranks - self.ranks[row])
        steps = np.where(self.ordered, steps, np.minimum(steps, 1))
        widths = np.where(self.ordered, np.maximum(self.counts - 1, 1), 1)
        return steps, steps / widths


def parameter_places(parameters: Sequence[Mapping[str, Any]]) -> ParameterPlaces:
    """The places of parameter sets; a parameter that a set lacks is a value of its own.

    >>> places = parameter_places([{"fast": 5, "slow": 20}, {"fast": 10, "slow": 20}])
    >>> places.names, places.ranks.tolist()
    (('fast',), [[0], [1]])
    """
    every = dict.fromkeys(name for each in parameters for name in each)
    names, columns, ordered = [], [], []
    for name in every:
        values = [each.get(name) for each in parameters]
        numeric = all(_is_number(value) for value in values)
        keys: list[Any] = [float(v) for v in values] if numeric else list(map(_text, values))  # type: ignore[arg-type]
        distinct = {key: rank for rank, key in enumerate(sorted(set(keys)))}
        if len(distinct) > 1:
            names.append(name)
            columns.append([distinct[key] for key in keys])
            ordered.append(numeric)
    ranks = np.array(columns, dtype=np.int64).reshape(len(names), len(parameters)).T
    counts = ranks.max(axis=0, initial=0) + 1
    return ParameterPlaces(tuple(names), ranks, counts, np.array(ordered, dtype=np.bool_))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
