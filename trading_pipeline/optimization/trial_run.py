"""The trials of one run of a study: evaluates batches, and takes from the record what it has."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from trading_pipeline.domain.hashing import canonical_hash, canonical_row_hashes
from trading_pipeline.errors import StrategyError
from trading_pipeline.optimization.evaluated_trials import EvaluatedTrials
from trading_pipeline.optimization.evaluation import Evaluator, Parameters, Part
from trading_pipeline.optimization.search_methods import Batch, planned, search
from trading_pipeline.optimization.search_space import SearchSpace
from trading_pipeline.optimization.trial_record import TrialRecord
from trading_pipeline.strategies import StrategyParams
from trading_pipeline.strategies.parameter_sets import ParameterSets

__all__ = ["StudyProgress", "TrialRun"]

StudyProgress: TypeAlias = Callable[[int, int], None]
"""Called with the trials that are done and those that are planned."""


T = TypeVar("T")
_FIRST_BLOCK = 16
_MOST_SETS = 16_384
_BLOCK_SECONDS = 0.5
"""A block is as long as this: what a stopped study loses, and how often its progress moves."""


@dataclass
class _Pace:
    """How many sets are evaluated at once, by the time that earlier ones took.

    The first block is small. From then on the time of a set and a bar is known, in whatever fold.
    """

    seconds: float | None = None
    sets: int = 0
    """Of the block by which the time is known; a smaller one says less of the time of a set."""

    def block(self, bars: int) -> int:
        """Sets of the next block, at least 1, on so many bars."""
        if self.seconds is None:
            return min(_FIRST_BLOCK, _MOST_SETS)
        return max(1, min(int(_BLOCK_SECONDS / (self.seconds * bars)), _MOST_SETS))

    def took(self, seconds: float, sets: int, bars: int) -> None:
        """Learn from a block."""
        if sets >= self.sets or seconds > _BLOCK_SECONDS:
            self.seconds, self.sets = max(seconds, 1e-9) / (sets * bars), sets


@dataclass(frozen=True, eq=False)
class _Checked:
    """The sets of a batch as plain values, with their hashes.

    `params`: one for each set, None for one that is refused; `refused` says why, by its number.
    `distinct`: numbers of the sets that are no repetition of an earlier one.
    """

    told: Sequence[Parameters]
    hashes: Sequence[str]
    params: Sequence[StrategyParams | None]
    refused: Mapping[int, str]

    @cached_property
    def distinct(self) -> Sequence[int]:
        every = range(len(self.hashes))
        first = dict(zip(reversed(self.hashes), reversed(every), strict=True))
        return every if len(first) == len(every) else sorted(first.values())


class TrialRun:
    """Evaluates what a study's method asks for, on the bars of the search or a span of them.

    `searches`: how often the method is run, for the number of trials that are planned.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        space: SearchSpace,
        record: TrialRecord,
        progress: StudyProgress | None,
        searches: int,
    ) -> None:
        self._evaluator, self._space, self._record = evaluator, space, record
        self._progress, self._done = progress, 0
        self._planned = planned(space) * searches
        self._last: tuple[Sequence[Parameters], _Checked] = [], _Checked([], [], [], {})
        self._pace = _Pace()

    def searched(
        self, fold: str, first: int, last: int
    ) -> tuple[list[Parameters], EvaluatedTrials]:
        """Run the study's method on a span of bars; the trials that had all bars of it."""
        method = search(self._space)
        sets: list[Parameters] = []
        found: list[EvaluatedTrials] = []
        batch: Batch | None = next(method)
        while batch is not None:
            end = first + max(2, math.ceil((last - first) * batch.share))
            name = "/".join(filter(None, (fold, f"rung{batch.rung}" if batch.rung else "")))
            made, trials = self._evaluated(batch, first, min(end, last), name)
            if not batch.rung:
                sets += made
                found.append(trials)
            try:
                batch = method.send(trials.value.tolist())
            except StopIteration:
                batch = None
        return sets, EvaluatedTrials.joined(found)

    def _evaluated(
        self, batch: Batch, first: int, last: int, fold: str
    ) -> tuple[list[Parameters], EvaluatedTrials]:
        part = self._evaluator.part(first, last)
        is_whole = part is self._evaluator.whole
        written = None if is_whole else self._evaluator.written(first, last)
        checked = self._checked(batch.sets)
        known = self._record.known(fold)
        todo, found = checked.distinct, list[EvaluatedTrials]()
        if known:
            old = [known[each] for each in dict.fromkeys(checked.hashes) if each in known]
            found = [EvaluatedTrials.of_rows(old)] if old else []
            todo = [number for number in todo if checked.hashes[number] not in known]
        self._tell(len(checked.hashes) - len(todo))
        while todo:
            size = self._pace.block(len(part.bars))
            block, todo = todo[:size], todo[size:]
            began = time.monotonic()
            trials = self._block(checked, block, part)
            self._record.add(fold, written, _picked(checked.told, block), trials)
            found.append(trials)
            self._tell(len(block))
            self._pace.took(time.monotonic() - began, len(block), len(part.bars))
        every = EvaluatedTrials.joined(found)
        return list(checked.told), every.in_order(checked.hashes)

    def _block(self, checked: _Checked, block: Sequence[int], part: Part) -> EvaluatedTrials:
        """The evaluated block; a set that the strategy refuses has failed."""

        def run(numbers: Sequence[int]) -> EvaluatedTrials:
            params: Sequence[Any] = _picked(checked.params, numbers)
            return self._evaluator.trials(params, part, _picked(checked.hashes, numbers))

        refused = [each for each in block if each in checked.refused] if checked.refused else []
        if not refused:
            return run(block)
        usable = [each for each in block if each not in checked.refused]
        reasons = [checked.refused[each] for each in refused]
        hashes = _picked(checked.hashes, refused)
        failed = EvaluatedTrials.failed(hashes, reasons, len(part.bars))
        found = [run(usable), failed] if usable else [failed]
        return EvaluatedTrials.joined(found).in_order(_picked(checked.hashes, block))

    def _checked(self, sets: Sequence[Parameters]) -> _Checked:
        """The checked sets of a batch; folds often ask for those of the one before."""
        last_sets, last_checked = self._last
        if len(sets) == len(last_sets) and all(map(operator.is_, sets, last_sets)):
            return last_checked
        checked = self._check(sets)
        self._last = sets, checked
        return checked

    def _check(self, sets: Sequence[Parameters]) -> _Checked:
        many = self._evaluator.checked(sets)
        if many is None:  # which ones are refused is seen one by one
            return self._check_alone(sets)
        columns = many.stored
        if columns is None:
            told = [each.model_dump(mode="json") for each in many]
            return _Checked(told, list(map(canonical_hash, told)), many, {})
        rows = zip(*columns.values(), strict=True)
        told = [dict(zip(columns, row, strict=True)) for row in rows]
        return _Checked(told, canonical_row_hashes(columns), many, {})

    def _check_alone(self, sets: Sequence[Parameters]) -> _Checked:
        told, params, refused = [], list[StrategyParams | None](), dict[int, str]()
        for number, each in enumerate(sets):
            try:
                (checked,) = self._evaluator.validated([each])
                told.append(checked.model_dump(mode="json"))
                params.append(checked)
            except StrategyError as error:
                refused[number] = " ".join(str(error).split())
                told.append(dict(self._evaluator.scenario.strategy.params) | each)
                params.append(None)
        return _Checked(told, list(map(canonical_hash, told)), params, refused)

    def _tell(self, made: int) -> None:
        self._done += made
        if self._progress is not None:
            self._progress(self._done, self._planned)


def _picked(values: Sequence[T], numbers: Sequence[int]) -> Sequence[T]:
    """The values of these numbers; the values themselves where that is all of them."""
    if isinstance(numbers, range) and len(numbers) == len(values):
        return values
    if isinstance(values, ParameterSets):
        return values.take(numbers)
    return [values[number] for number in numbers]
