"""The combinations of a study's search space that meet its constraints: listed, or drawn."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from pydantic import JsonValue

from trading_pipeline.errors import OptimizationError
from trading_pipeline.optimization.constraints import parse_constraint
from trading_pipeline.settings.file_limits import cut
from trading_pipeline.settings.study import StudySpec

__all__ = ["Coordinates", "SearchSpace", "parameter_combinations"]

_MAX_CONSTRAINTS = 20
_DRAWS_EACH, _FEWEST_DRAWS = 200, 20_000
Coordinates = dict[str, float]
"""By parameter: the number of a listed value, or the share of the way through a continuous one."""


def parameter_combinations(study: StudySpec) -> list[dict[str, JsonValue]]:
    """All combinations in the order of the file; the last parameter varies fastest.

    The values of each parameter are counted, and the constraints are read, before the first
    combination is built. Raises `OptimizationError` for more combinations than
    `study.max_combinations`, counted before constraints; for an invalid constraint; and if no
    combination is left.
    """
    return SearchSpace(study).combinations()


class SearchSpace:
    """A study's space and constraints.

    `whole`: parameters that take whole numbers, to which `log` and continuous ranges are rounded.
    Raises `OptimizationError` for a constraint that cannot be read, or too many of them.
    """

    def __init__(self, study: StudySpec, whole: Collection[str] = ()) -> None:
        if len(study.constraints) > _MAX_CONSTRAINTS:
            raise OptimizationError(
                f"The study '{study.name}' has {len(study.constraints)} constraints, at most "
                f"{_MAX_CONSTRAINTS} are read. Leave out those that follow from others.",
                study=study.name,
            )
        self.study = study
        self._whole = frozenset(whole)
        self._constraints = [
            parse_constraint(text, list(study.space)) for text in study.constraints
        ]
        self._listed: dict[str, list[Any]] = {}
        self._allowed: list[dict[str, JsonValue]] | None = None

    @property
    def size(self) -> int | None:
        """Number of combinations, counted before constraints; None where it is not finite."""
        spaces = self.study.space.values()
        if any(space.is_continuous for space in spaces):
            return None
        return math.prod(space.count() for space in spaces)

    @property
    def allowed(self) -> int | None:
        """Number of combinations that meet the constraints; None where there are too many to count.

        Raises `OptimizationError` where none does.
        """
        size = self.size
        if size is None or size > _FEWEST_DRAWS:
            return None
        return len(self._every())

    def listed(self, name: str) -> list[Any]:
        """The values of a parameter whose space is not continuous, in order."""
        if name not in self._listed:
            self._listed[name] = self.study.space[name].grid(whole=name in self._whole)
        return self._listed[name]

    def allows(self, values: Mapping[str, Any]) -> bool:
        """Whether a combination meets every constraint."""
        return all(one.holds(values) for one in self._constraints)

    def combinations(self) -> list[dict[str, JsonValue]]:
        """See `parameter_combinations`."""
        self._require_countable()
        return self._every()

    def _every(self) -> list[dict[str, JsonValue]]:
        if self._allowed is None:
            self._allowed = self._listed_out()
        return list(self._allowed)

    def _listed_out(self) -> list[dict[str, JsonValue]]:
        names = list(self.study.space)
        every = itertools.product(*(self.listed(name) for name in names))
        named = (dict(zip(names, each, strict=True)) for each in every)
        found = [each for each in named if self.allows(each)]
        if not found:
            raise self._empty("no combination that meets its constraints")
        return found

    def values_at(self, coordinates: Mapping[str, float]) -> dict[str, JsonValue]:
        """The combination at some coordinates."""
        return {
            name: space.between(coordinates[name], whole=name in self._whole)
            if space.is_continuous
            else self.listed(name)[int(coordinates[name])]
            for name, space in self.study.space.items()
        }

    def draw(self, count: int, generator: np.random.Generator) -> list[dict[str, JsonValue]]:
        """Up to `count` distinct allowed combinations, each equally likely.

        A continuous `log` is uniform in the logarithm. Of a space that is small, all are drawn
        where it has no more. Raises `OptimizationError` where none meets the constraints.
        """
        size = self.size
        if size is not None and size <= max(_FEWEST_DRAWS, 2 * count):
            every = self._every()
            return [every[at] for at in generator.permutation(len(every))[:count]]
        found: dict[str, dict[str, JsonValue]] = {}
        draws = _FEWEST_DRAWS + _DRAWS_EACH * count
        for _ in range(draws):
            values = self.values_at(self.drawn_coordinates(generator))
            if self.allows(values):
                found.setdefault(json.dumps(values), values)
            if len(found) == count:
                break
        if not found:
            raise self._empty(f"no combination that meets its constraints in {draws:,} draws")
        return list(found.values())

    def drawn_coordinates(self, generator: np.random.Generator) -> Coordinates:
        """Coordinates of one combination, whatever the constraints say of it."""
        return {
            name: float(generator.random())
            if space.is_continuous
            else int(generator.integers(len(self.listed(name))))
            for name, space in self.study.space.items()
        }

    def _empty(self, what: str) -> OptimizationError:
        return OptimizationError(
            f"The study '{self.study.name}' has {what} "
            f"({'; '.join(map(cut, self.study.constraints))}). Widen the space or change them.",
            study=self.study.name,
        )

    def _require_countable(self) -> None:
        study = self.study
        counts = {name: space.count() for name, space in study.space.items()}
        combinations = math.prod(counts.values())
        if combinations > study.max_combinations:
            product = " x ".join(f"{name} {count:,}" for name, count in list(counts.items())[:10])
            raise OptimizationError(
                f"The study '{study.name}' has {combinations:,} combinations ({product}), at most "
                f"{study.max_combinations:,} are searched. Take larger steps or fewer values; or "
                "raise 'max_combinations' of the study, if memory and time allow it; or try some "
                "of them with 'method: random' and a 'budget'.",
                study=study.name,
                combinations=combinations,
                max_combinations=study.max_combinations,
            )
