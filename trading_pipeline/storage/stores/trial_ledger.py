"""This file holds the ledger of trials: every evaluation of any parameters, append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from trading_pipeline.storage.stores.row_tables import fetch_rows, insert_rows
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["TrialLedger"]

_IDENTITY = ("study", "instrument", "strategy", "parameters_hash", "bars_hash", "code_hash", "fold")


class TrialLedger:
    """Table `trials`. An evaluation with the same study, parameters, bars and code is one row."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def append(self, trials: Sequence[Mapping[str, Any]]) -> int:
        """Add the trials that are not recorded yet, numbered on from the last; gives their number."""
        if not trials:
            return 0
        with self._warehouse.write() as connection:
            keys = ", ".join(f"coalesce({name}, '')" for name in _IDENTITY)
            studies = sorted({str(trial.get("study") or "") for trial in trials})
            known = set(
                connection.execute(
                    f"SELECT {keys} FROM trials WHERE list_contains(?::VARCHAR[], coalesce(study, ''))",
                    [studies],
                ).fetchall()
            )
            last = connection.execute("SELECT coalesce(max(trial_no), 0) FROM trials").fetchall()
            new: list[dict[str, Any]] = []
            for trial in trials:
                given = (trial.get(name) for name in _IDENTITY)
                key = tuple("" if value is None else str(value) for value in given)
                if key not in known:
                    known.add(key)
                    stamp = {"trial_no": last[0][0] + len(new) + 1, "created_at": datetime.now(UTC)}
                    numbers = {n: None if v != v else v for n, v in trial.items()}  # NaN is NULL
                    new.append({**numbers, **stamp})
            insert_rows(connection, "trials", new)
        return len(new)

    def count(self) -> int:
        """Trials that deflate a result: distinct strategy, parameters and instrument."""
        with self._warehouse.read() as connection:
            found = connection.execute(
                "SELECT count(DISTINCT (strategy, parameters_hash, instrument)) FROM trials"
            ).fetchall()
        return int(found[0][0])

    def sharpe_variance(self) -> float | None:
        """Variance (n - 1) of the annual Sharpe ratios of the trials that `count` counts.

        The newest evaluation of each stands for it; None below two ratios that are defined.
        """
        with self._warehouse.read() as connection:
            found = connection.execute(
                "SELECT var_samp(sharpe) FROM (SELECT arg_max(sharpe, trial_no) AS sharpe FROM trials "
                "GROUP BY strategy, parameters_hash, instrument) WHERE isfinite(sharpe)"
            ).fetchall()
        return None if found[0][0] is None else float(found[0][0])

    def of_study(self, study: str, instrument: str, *, fold: str) -> list[dict[str, Any]]:
        """Trials of one evaluation of a study on an instrument, in order."""
        with self._warehouse.read() as connection:
            return fetch_rows(
                connection,
                "SELECT * FROM trials WHERE study = ? AND instrument = ? AND fold = ? ORDER BY trial_no",
                [study, instrument, fold],
            )
