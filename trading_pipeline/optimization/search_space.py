"""The combinations of a study's search space that meet its constraints."""

from __future__ import annotations

import itertools
import math

from pydantic import JsonValue

from trading_pipeline.errors import OptimizationError
from trading_pipeline.optimization.constraints import parse_constraint
from trading_pipeline.settings.file_limits import cut
from trading_pipeline.settings.study import StudySpec

__all__ = ["parameter_combinations"]

_MAX_CONSTRAINTS = 20


def parameter_combinations(study: StudySpec) -> list[dict[str, JsonValue]]:
    """All combinations in the order of the file; the last parameter varies fastest.

    The values of each parameter are counted, and the constraints are read, before the first
    combination is built. Raises `OptimizationError` for more combinations than
    `study.max_combinations`, counted before constraints; for an invalid constraint; and if no
    combination is left.
    """
    names = list(study.space)
    _require_countable(study)
    constraints = [parse_constraint(text, names) for text in study.constraints]
    values = [study.space[name].grid() for name in names]
    every = (dict(zip(names, each, strict=True)) for each in itertools.product(*values))
    found = [each for each in every if all(one.holds(each) for one in constraints)]
    if not found:
        raise OptimizationError(
            f"The study '{study.name}' has no combination that meets its constraints "
            f"({'; '.join(map(cut, study.constraints))}). Widen the space or change them.",
            study=study.name,
        )
    return found


def _require_countable(study: StudySpec) -> None:
    counts = {name: space.count() for name, space in study.space.items()}
    combinations = math.prod(counts.values())
    if combinations > study.max_combinations:
        product = " x ".join(f"{name} {count:,}" for name, count in list(counts.items())[:10])
        raise OptimizationError(
            f"The study '{study.name}' has {combinations:,} combinations ({product}), at most "
            f"{study.max_combinations:,} are searched. Take larger steps or fewer values; or raise "
            "'max_combinations' of the study, if memory and time allow it.",
            study=study.name,
            combinations=combinations,
            max_combinations=study.max_combinations,
        )
    if len(study.constraints) > _MAX_CONSTRAINTS:
        raise OptimizationError(
            f"The study '{study.name}' has {len(study.constraints)} constraints, at most "
            f"{_MAX_CONSTRAINTS} are read. Leave out those that follow from others.",
            study=study.name,
        )
