"""Where the trials of a study are kept while it runs, so that one that was stopped can go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from trading_pipeline.optimization.evaluated_trials import EvaluatedTrials
from trading_pipeline.optimization.evaluation import Parameters

__all__ = ["TrialMemory", "TrialRecord"]


class TrialRecord(Protocol):
    """Where trials are kept while a study runs.

    `fold` names the bars that they were evaluated on: "" all of the search, `rung1` a step of
    successive halving, `wf3` a training span of walk-forward optimization, `wf3/rung1` both,
    `wf3/test` the window that follows.
    """

    def known(self, fold: str) -> Mapping[str, Mapping[str, Any]]:
        """Trials of the fold that were made before, by `parameters_hash`."""

    def add(
        self, fold: str, part: str | None, sets: Sequence[Parameters], trials: EvaluatedTrials
    ) -> None:
        """Keep trials, `sets` are theirs; `part`: their bars (None: all of the search)."""


class TrialMemory:
    """A record of trials in memory, by fold."""

    def __init__(self) -> None:
        self.trials: dict[str, list[EvaluatedTrials]] = {}

    def known(self, fold: str) -> Mapping[str, Mapping[str, Any]]:
        """Trials of the fold so far, by `parameters_hash`."""
        return {
            hash_: each.row(number)
            for each in self.trials.get(fold, [])
            for number, hash_ in enumerate(each.parameters_hash)
        }

    def add(
        self,
        fold: str,
        part: str | None,  # noqa: ARG002
        sets: Sequence[Parameters],  # noqa: ARG002
        trials: EvaluatedTrials,
    ) -> None:
        """Keep trials."""
        self.trials.setdefault(fold, []).append(trials)
