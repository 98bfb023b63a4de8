"""Evaluated trials in columns: many of them cost few objects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.backtest.arrays import FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes
from trading_pipeline.backtest.sweep import SWEEP_COLUMNS, sweep_frame

__all__ = ["TRIAL_COLUMNS", "EvaluatedTrials", "status_of", "statuses_of"]

TRIAL_COLUMNS = (*SWEEP_COLUMNS, "value", "bars", "parameters_hash", "status", "reason")
"""Columns of evaluated trials: the sweep's, the metric, traded bars, and what became of the trial.

`status`: ok, undefined (no value of the metric, such as without a trade), or failed (the strategy
raised; `reason` says what).
"""

_COUNTS = ("trade_count", "bars_in_position")


@dataclass(frozen=True, eq=False)
class EvaluatedTrials:
    """One row a trial in every column.

    `statistics`: those of the sweep, shape (trials, `codes.S_COUNT`), NaN where they are not known.
    `value`: the metric; `bars`: traded bars; the others as `TRIAL_COLUMNS` says.
    """

    statistics: FloatArray
    value: FloatArray
    bars: IntArray
    parameters_hash: Sequence[str]
    status: Sequence[str]
    reason: Sequence[str | None]

    def __len__(self) -> int:
        """Number of trials."""
        return len(self.value)

    @cached_property
    def table(self) -> pd.DataFrame:
        """All columns as a frame, one row a trial; counts are floats where one is not known."""
        counts = self.statistics[:, [SWEEP_COLUMNS[name] for name in _COUNTS]]
        frame = sweep_frame(
            self.statistics, counts="float64" if np.isnan(counts).any() else "int64"
        )
        return frame.assign(
            value=self.value,
            bars=self.bars,
            parameters_hash=list(self.parameters_hash),
            status=list(self.status),
            reason=pd.Series(list(self.reason), dtype="object"),
        )

    def column(self, name: str) -> FloatArray:
        """The metric (`value`) or a statistic of the sweep."""
        return self.value if name == "value" else self.statistics[:, SWEEP_COLUMNS[name]]

    @property
    def best(self) -> int:
        """Row of the highest value, the first among equals; -1 where none has a value."""
        return -1 if np.isnan(self.value).all() else int(np.nanargmax(self.value))

    def row(self, number: int) -> dict[str, Any]:
        """One trial, with `TRIAL_COLUMNS`."""
        known = self.statistics[number].tolist()
        told: dict[str, Any] = {name: known[at] for name, at in SWEEP_COLUMNS.items()}
        for name in _COUNTS:
            told[name] = told[name] if math.isnan(told[name]) else int(told[name])
        return told | {
            "value": float(self.value[number]),
            "bars": int(self.bars[number]),
            "parameters_hash": self.parameters_hash[number],
            "status": self.status[number],
            "reason": self.reason[number],
        }

    def take(self, rows: Sequence[int]) -> EvaluatedTrials:
        """Some of the trials, in the order of `rows`."""
        at = np.asarray(rows, dtype=np.int64)
        return EvaluatedTrials(
            self.statistics[at],
            self.value[at],
            self.bars[at],
            [self.parameters_hash[row] for row in rows],
            [self.status[row] for row in rows],
            [self.reason[row] for row in rows],
        )

    def in_order(self, hashes: Sequence[str]) -> EvaluatedTrials:
        """One trial for each hash, in their order; each hash is that of a trial here."""
        if self.parameters_hash == hashes:
            return self
        rows = {hash_: row for row, hash_ in enumerate(self.parameters_hash)}
        return self.take([rows[each] for each in hashes])

    @classmethod
    def joined(cls, parts: Sequence[EvaluatedTrials]) -> EvaluatedTrials:
        """The trials of all parts, one after the other; at least one part."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([each.statistics for each in parts]),
            np.concatenate([each.value for each in parts]),
            np.concatenate([each.bars for each in parts]),
            [one for each in parts for one in each.parameters_hash],
            [one for each in parts for one in each.status],
            [one for each in parts for one in each.reason],
        )

    @classmethod
    def failed(cls, hashes: Sequence[str], reasons: Sequence[str], bars: int) -> EvaluatedTrials:
        """Trials that could not be run."""
        rows = [
            {"bars": bars, "parameters_hash": hash_, "status": "failed", "reason": reason}
            for hash_, reason in zip(hashes, reasons, strict=True)
        ]
        return cls.of_rows(rows)

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, Any]]) -> EvaluatedTrials:
        """Trials from rows of a record, which may lack statistics and the value."""
        statistics = np.full((len(rows), codes.S_COUNT), np.nan)
        for name, at in SWEEP_COLUMNS.items():
            statistics[:, at] = [row.get(name, math.nan) for row in rows]
        reasons = [row.get("reason") for row in rows]
        return cls(
            statistics,
            np.array([row.get("value", math.nan) for row in rows], dtype=np.float64),
            np.array([row["bars"] for row in rows], dtype=np.int64),
            [str(row["parameters_hash"]) for row in rows],
            [str(row["status"]) for row in rows],
            [each if isinstance(each, str) else None for each in reasons],
        )


def statuses_of(values: FloatArray, reasons: Sequence[str | None]) -> list[str]:
    """`status_of` of each trial."""
    if not np.isnan(values).any() and reasons.count(None) == len(reasons):
        return ["ok"] * len(values)
    return list(map(status_of, values.tolist(), reasons))


def status_of(value: float, reason: str | None) -> str:
    """What became of a trial with this value of the metric; `reason`: why it failed."""
    if reason is not None:
        return "failed"
    return "undefined" if value != value else "ok"
