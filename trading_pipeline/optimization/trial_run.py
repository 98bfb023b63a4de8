"""The trials of one run of a study: evaluates batches, and takes from the record what it has."""

from __future__ import annotations

import json
import math
import operator
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import StrategyError
from trading_pipeline.optimization.evaluated_trials import EvaluatedTrials
from trading_pipeline.optimization.evaluation import Evaluator, Parameters, Part
from trading_pipeline.optimization.search_methods import Batch, planned, search
from trading_pipeline.optimization.search_space import SearchSpace
from trading_pipeline.optimization.trial_record import TrialRecord
from trading_pipeline.strategies import StrategyParams

__all__ = ["StudyProgress", "TrialRun"]

StudyProgress: TypeAlias = Callable[[int, int], None]
"""Called with the trials that are done and those that are planned."""


_FIRST_BLOCK = 16
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

    def block(self, bars: int, most: int) -> int:
        """Sets of the next block, at least 1, on so many bars."""
        if self.seconds is None:
            return min(_FIRST_BLOCK, most)
        return max(1, min(int(_BLOCK_SECONDS / (self.seconds * bars)), most))

    def took(self, seconds: float, sets: int, bars: int) -> None:
        """Learn from a block."""
        if sets >= self.sets or seconds > _BLOCK_SECONDS:
            self.seconds, self.sets = max(seconds, 1e-9) / (sets * bars), sets


@dataclass(frozen=True)
class _Checked:
    """A parameter set as plain values, and its hash; `params` is None where it is `refused`."""

    told: Parameters
    hash: str
    params: StrategyParams | None
    refused: str = ""


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
        self._kept: dict[str, _Checked] = {}
        self._last: tuple[Sequence[Parameters], list[_Checked]] = [], []
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
        hashes = [each.hash for each in checked]
        known = self._record.known(fold)
        new = {each.hash: each for each in checked if each.hash not in known}
        found = []
        if known:
            old = [known[each] for each in dict.fromkeys(hashes) if each in known]
            found = [EvaluatedTrials.of_rows(old)] if old else []
        todo, most = list(new.values()), self._evaluator.block_size(part)
        self._tell(len(checked) - len(todo))
        while todo:
            size = self._pace.block(len(part.bars), most)
            block, todo = todo[:size], todo[size:]
            began = time.monotonic()
            trials = self._block(block, part)
            self._record.add(fold, written, [each.told for each in block], trials)
            found.append(trials)
            self._tell(len(block))
            self._pace.took(time.monotonic() - began, len(block), len(part.bars))
        told, every = [each.told for each in checked], EvaluatedTrials.joined(found)
        if every.parameters_hash != hashes:
            rows = {hash_: row for row, hash_ in enumerate(every.parameters_hash)}
            every = every.take([rows[each] for each in hashes])
        return told, every

    def _block(self, block: Sequence[_Checked], part: Part) -> EvaluatedTrials:
        """The evaluated block; a set that the strategy refuses has failed."""
        usable = [(each.hash, each.params) for each in block if each.params is not None]
        refused = [each for each in block if each.params is None]
        found = []
        if usable:
            hashes, many = [hash_ for hash_, _ in usable], [params for _, params in usable]
            found.append(self._evaluator.trials(many, part, hashes))
        if not refused:
            return found[0]
        hashes, reasons = [each.hash for each in refused], [each.refused for each in refused]
        found.append(EvaluatedTrials.failed(hashes, reasons, len(part.bars)))
        every = EvaluatedTrials.joined(found)
        rows = {hash_: row for row, hash_ in enumerate(every.parameters_hash)}
        return every.take([rows[each.hash] for each in block])

    def _checked(self, sets: Sequence[Parameters]) -> list[_Checked]:
        """The sets of a batch, each checked once in a run; folds often ask for the same ones."""
        last_sets, last_checked = self._last
        if len(sets) == len(last_sets) and all(map(operator.is_, sets, last_sets)):
            return last_checked
        keys = [json.dumps(each) for each in sets]
        new = {key: each for key, each in zip(keys, sets, strict=True) if key not in self._kept}
        self._kept |= dict(zip(new, self._check(list(new.values())), strict=True))
        checked = [self._kept[key] for key in keys]
        self._last = sets, checked
        return checked

    def _check(self, sets: Sequence[Parameters]) -> list[_Checked]:
        try:
            many = self._evaluator.validated(sets)
        except StrategyError as error:
            if len(sets) > 1:  # which ones are refused is seen one by one
                return [one for each in sets for one in self._check([each])]
            why = " ".join(str(error).split())
            told = dict(self._evaluator.scenario.strategy.params) | sets[0]
            return [_Checked(told, canonical_hash(told), None, why)]
        dumped = [each.model_dump(mode="json") for each in many]
        return [
            _Checked(told, canonical_hash(told), params)
            for params, told in zip(many, dumped, strict=True)
        ]

    def _tell(self, made: int) -> None:
        self._done += made
        if self._progress is not None:
            self._progress(self._done, self._planned)
