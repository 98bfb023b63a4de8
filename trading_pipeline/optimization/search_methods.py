"""How a study chooses the combinations that it tries, one batch after the other.

A method is a generator: it yields a batch and is sent the value of each combination in it, NaN
where there is none. Equal studies and equal values give equal batches, so a search that was
stopped goes on from the values that are on record.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from pydantic import JsonValue

from trading_pipeline.optimization.search_space import SearchSpace

__all__ = ["Batch", "Search", "planned", "rungs", "search"]

_ETA = 3
_FEWEST_SETS, _MOST_RUNGS = 3, 4
_TPE_BATCH = 16
_MOST_IDLE = 20


@dataclass(frozen=True)
class Batch:
    """Combinations that are evaluated together.

    `rung`: 0 where they are evaluated on all bars of the search, else the number of the step of
    successive halving, on the oldest `share` of the bars.
    """

    sets: Sequence[dict[str, JsonValue]]
    rung: int = 0
    share: float = 1.0


Search: TypeAlias = Generator[Batch, Sequence[float], None]


def search(space: SearchSpace) -> Search:
    """The method that the study asks for."""
    study = space.study
    budget = study.budget or 0
    if study.method == "tpe":
        return _tpe(space, budget)
    if study.method == "successive_halving":
        return _halving(space, budget)
    return _all_at_once(space, budget)


def planned(space: SearchSpace) -> int:
    """Evaluations that the method will make, at most."""
    study = space.study
    if study.method == "grid" or study.budget is None:
        return len(space.combinations())
    budget = min(study.budget, space.allowed or study.budget)
    if study.method == "successive_halving":
        return sum(sets for sets, _ in rungs(budget))
    return budget


def rungs(sets: int) -> list[tuple[int, float]]:
    """Combinations and share of the bars of each step of successive halving.

    Each step keeps the best third for three times as many bars; the last has at least three
    combinations where there are as many, and all bars.

    >>> rungs(27)
    [(27, 0.1111111111111111), (9, 0.3333333333333333), (3, 1.0)]
    >>> rungs(2)
    [(2, 1.0)]
    """
    steps = 1
    while steps < _MOST_RUNGS and sets // _ETA**steps >= _FEWEST_SETS:
        steps += 1
    return [(max(sets // _ETA**step, 1), _ETA ** (step + 1.0 - steps)) for step in range(steps)]


def _all_at_once(space: SearchSpace, budget: int) -> Search:
    if space.study.method == "grid":
        yield Batch(space.combinations())
    else:
        yield Batch(space.draw(budget, np.random.default_rng(space.study.seed)))


def _halving(space: SearchSpace, budget: int) -> Search:
    """Jamieson and Talwalkar (2016), on growing spans of bars, the oldest first.

    Combinations without a value are dropped first; of equals the one drawn first is kept.
    """
    sets = space.draw(budget, np.random.default_rng(space.study.seed))
    steps = rungs(len(sets))
    for number, (count, share) in enumerate(steps, start=1):
        last = number == len(steps)
        kept = sets[:count]
        values = yield Batch(kept, 0 if last else number, share)
        ranked = sorted(range(len(kept)), key=lambda at: _rank(values[at]), reverse=True)
        sets = [kept[at] for at in ranked]


def _rank(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _tpe(space: SearchSpace, budget: int) -> Search:
    """The tree-structured Parzen estimator (Bergstra et al. 2011) of optuna, in batches.

    A combination that was evaluated is told again and not evaluated again; one that breaks a
    constraint, or has no value, is told as one to keep away from. Where the estimator finds nothing
    new, a combination is drawn.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():  # `multivariate` is called experimental; a third of the time
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=space.study.seed, multivariate=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    generator = np.random.default_rng(space.study.seed)
    spaces = _distributions(space, optuna.distributions)
    known: dict[str, float] = {}
    budget, idle = min(budget, space.allowed or budget), 0
    while len(known) < budget:
        asked: dict[str, tuple[Any, dict[str, JsonValue]]] = {}
        while len(asked) < min(_TPE_BATCH, budget - len(known)) and idle < _MOST_IDLE**2:
            if idle and idle % _MOST_IDLE == 0:
                study.enqueue_trial(space.drawn_coordinates(generator))
            trial = study.ask(spaces)
            values = space.values_at(trial.params)
            told = json.dumps(values)
            idle += 1
            if told in known or told in asked or not space.allows(values):
                _tell(study, trial, known.get(told, math.nan))
                continue
            asked[told], idle = (trial, values), 0
        if not asked:
            return
        answers = yield Batch([values for _, values in asked.values()])
        for (told, (trial, _)), value in zip(asked.items(), answers, strict=True):
            known[told] = value
            _tell(study, trial, value)


def _tell(study: Any, trial: Any, value: float) -> None:
    from optuna.trial import TrialState

    if math.isfinite(value):
        study.tell(trial, value)
    else:
        study.tell(trial, state=TrialState.PRUNED)


def _distributions(space: SearchSpace, kinds: Any) -> dict[str, Any]:
    """What optuna draws from: numbers of listed values, or shares of a continuous space."""
    found = {}
    for name, each in space.study.space.items():
        if each.is_continuous:
            found[name] = kinds.FloatDistribution(0.0, 1.0)
        elif each.choice is not None:
            found[name] = kinds.CategoricalDistribution(list(range(len(each.choice))))
        else:
            found[name] = kinds.IntDistribution(0, len(space.listed(name)) - 1)
    return found
