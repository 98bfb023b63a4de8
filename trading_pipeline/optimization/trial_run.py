"""The trials of one run of a study: evaluates batches, and takes from the record what it has."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pandas as pd

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import StrategyError
from trading_pipeline.optimization.evaluation import TRIAL_COLUMNS, Evaluator, Parameters, Part
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


def _next_block(size: int, seconds: float, most: int) -> int:
    """Sets of the next block, after one of `size` sets that took so long."""
    fitting = int(size * _BLOCK_SECONDS / max(seconds, 1e-9))
    return max(1, min(fitting, 8 * size, most))


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
        self._checked: dict[str, tuple[StrategyParams | str, Parameters, str]] = {}

    def searched(self, fold: str, first: int, last: int) -> tuple[list[Parameters], pd.DataFrame]:
        """Run the study's method on a span of bars; the trials that had all bars of it."""
        method = search(self._space)
        sets: list[Parameters] = []
        tables: list[pd.DataFrame] = []
        batch: Batch | None = next(method)
        while batch is not None:
            end = first + max(2, math.ceil((last - first) * batch.share))
            name = "/".join(filter(None, (fold, f"rung{batch.rung}" if batch.rung else "")))
            made, table = self._evaluated(batch, first, min(end, last), name)
            if not batch.rung:
                sets += made
                tables.append(table)
            try:
                batch = method.send(table["value"].tolist())
            except StopIteration:
                batch = None
        return sets, pd.concat(tables, ignore_index=True)

    def keep(self, fold: str, part: str, sets: Sequence[Parameters], rows: pd.DataFrame) -> None:
        """Record trials that were evaluated elsewhere, unless they are on record."""
        if str(rows["parameters_hash"].iloc[0]) not in self._record.known(fold):
            self._record.add(fold, part, sets, rows)

    def _evaluated(
        self, batch: Batch, first: int, last: int, fold: str
    ) -> tuple[list[Parameters], pd.DataFrame]:
        part = self._evaluator.part(first, last)
        is_whole = part is self._evaluator.whole
        written = None if is_whole else self._evaluator.written(first, last)
        checked = [self._check(each) for each in batch.sets]
        known = self._record.known(fold)
        new = {hash_: (params, told) for params, told, hash_ in checked if hash_ not in known}
        old = [known[hash_] for _, _, hash_ in checked if hash_ in known]
        rows = [pd.DataFrame(old)] if old else []
        todo, most = list(new.items()), self._evaluator.block_size(part)
        self._tell(len(checked) - len(todo))
        size = min(_FIRST_BLOCK, most)
        while todo:
            block, todo = todo[:size], todo[size:]
            began = time.monotonic()
            table = self._table(block, part)
            self._record.add(fold, written, [told for _, (_, told) in block], table)
            rows.append(table)
            self._tell(len(block))
            size = _next_block(len(block), time.monotonic() - began, most)
        told = [told for _, told, _ in checked]
        if len(rows) == 1 and not old:
            return told, rows[0]
        every = pd.concat([each.dropna(axis=1, how="all") for each in rows], ignore_index=True)
        every = every.reindex(columns=list(TRIAL_COLUMNS)).set_index("parameters_hash", drop=False)
        ordered = every.loc[[hash_ for _, _, hash_ in checked]].reset_index(drop=True)
        return told, ordered.astype({"value": "float64"})

    def _table(
        self, block: Sequence[tuple[str, tuple[StrategyParams | str, Parameters]]], part: Part
    ) -> pd.DataFrame:
        """The evaluated block; a set that the strategy refuses has failed."""
        usable = {hash_: one for hash_, (one, _) in block if not isinstance(one, str)}
        table = pd.DataFrame()
        if usable:
            table = self._evaluator.table(list(usable.values()), part, list(usable))
        refused = [
            {
                "bars": len(part.bars),
                "parameters_hash": hash_,
                "status": "failed",
                "reason": params,
            }
            for hash_, (params, _) in block
            if isinstance(params, str)
        ]
        if not refused:
            return table
        every = pd.concat([table, pd.DataFrame(refused)], ignore_index=True)
        every = every.reindex(columns=list(TRIAL_COLUMNS)).set_index("parameters_hash", drop=False)
        return every.loc[[hash_ for hash_, _ in block]].reset_index(drop=True)

    def _check(self, values: Parameters) -> tuple[StrategyParams | str, Parameters, str]:
        """Checked parameters (why they are refused), as plain values, and their hash."""
        key = json.dumps(values)
        if key not in self._checked:
            try:
                (params,) = self._evaluator.validated([values])
                told = params.model_dump(mode="json")
                self._checked[key] = (params, told, canonical_hash(told))
            except StrategyError as error:
                why = " ".join(str(error).split())
                told = dict(self._evaluator.scenario.strategy.params) | values
                self._checked[key] = (why, told, canonical_hash(told))
        return self._checked[key]

    def _tell(self, made: int) -> None:
        self._done += made
        if self._progress is not None:
            self._progress(self._done, self._planned)
