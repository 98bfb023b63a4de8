"""What is asked of a study before anything runs: its metric, space, constraints and parameters."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from pydantic import JsonValue

from trading_pipeline.errors import OptimizationError, StrategyError
from trading_pipeline.optimization.held_out import searched_scenario
from trading_pipeline.optimization.search_space import SearchSpace
from trading_pipeline.optimization.study_metrics import require_metric
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.strategies import SHIPPED, StrategyCatalogue

__all__ = ["check_study", "likely_sets", "require_covered", "space_of"]

_SAMPLE = 64
_EXAMPLE = 'constraints: ["fast < slow"]'


def space_of(study: StudySpec, strategies: StrategyCatalogue = SHIPPED) -> SearchSpace:
    """The study's space; ranges of parameters that take whole numbers are rounded to them."""
    fields = strategies.get(study.strategy).params_type.model_fields
    whole = [name for name in study.space if name in fields and _is_whole(fields[name].annotation)]
    return SearchSpace(study, whole)


def likely_sets(space: SearchSpace) -> list[dict[str, JsonValue]]:
    """All combinations of a grid; of the other methods a seeded sample."""
    if space.study.method == "grid":
        return space.combinations()
    return space.draw(_SAMPLE, np.random.default_rng(space.study.seed))


def check_study(
    study: StudySpec, scenario: ScenarioSpec, strategies: StrategyCatalogue = SHIPPED
) -> list[dict[str, JsonValue]]:
    """Validated parameters of every combination, checked before anything runs.

    Of methods that draw, a sample of 64 is checked. Raises `OptimizationError` for an unknown
    metric, a wrong constraint, a space that is empty or too large, or a test outside the scenario's
    dates, and `StrategyError` for parameters that the strategy rejects.
    """
    require_metric(study.metric, study.name)
    searched_scenario(study, scenario)
    space = space_of(study, strategies)
    base = dict(scenario.strategy.params)
    found = []
    for each in likely_sets(space):
        try:
            checked = strategies.validate_params(study.strategy, base | each)
            found.append(checked.model_dump(mode="json"))
        except StrategyError as error:
            shown = ", ".join(f"{name}: {value}" for name, value in each.items())
            raise StrategyError(
                f"The study '{study.name}' reaches {{{shown}}}, which its strategy refuses: "
                f"{error} Correct 'space' in the file of the study; where the parameters only do "
                f"not fit each other, leave such combinations out, for example with {_EXAMPLE}.",
                **error.values | {"study": study.name},
            ) from error
    return found


def require_covered(study: StudySpec, instrument_id: str) -> None:
    """Refuse an instrument that the study does not list."""
    if not study.covers(instrument_id):
        raise OptimizationError(
            f"The study '{study.name}' does not list {instrument_id}; it lists "
            f"{', '.join(study.instruments or ())}. Add it under 'instruments', or leave the key "
            "out to mean all of its scenario.",
            study=study.name,
            instrument=instrument_id,
        )


def _is_whole(annotation: Any) -> bool:
    """True for the annotation of a parameter that takes whole numbers alone."""
    kinds = get_args(annotation) or (annotation,)
    return int in kinds and float not in kinds
