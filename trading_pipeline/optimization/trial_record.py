"""Where the trials of a study are kept while it runs, so that one that was stopped can go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

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
        self, fold: str, part: str | None, sets: Sequence[Parameters], rows: pd.DataFrame
    ) -> None:
        """Keep trials; `rows` has `TRIAL_COLUMNS`, `part` its bars (None: all of the search)."""


class TrialMemory:
    """A record of trials in memory: tables by fold."""

    def __init__(self) -> None:
        self.tables: dict[str, list[pd.DataFrame]] = {}

    def known(self, fold: str) -> Mapping[str, Mapping[str, Any]]:
        """Trials of the fold so far, by `parameters_hash`."""
        tables = self.tables.get(fold, [])
        rows: list[dict[str, Any]] = [row for each in tables for row in _rows(each)]
        return {str(row["parameters_hash"]): row for row in rows}

    def add(
        self,
        fold: str,
        part: str | None,  # noqa: ARG002
        sets: Sequence[Parameters],  # noqa: ARG002
        rows: pd.DataFrame,
    ) -> None:
        """Keep trials."""
        self.tables.setdefault(fold, []).append(rows)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
