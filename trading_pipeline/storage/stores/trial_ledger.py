"""The ledger of trials: every evaluation of any parameters, append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from trading_pipeline.storage.stores.row_tables import Row, WarehouseStore, insert_rows

__all__ = ["TrialLedger"]

_IDENTITY = ("study", "instrument", "strategy", "parameters_hash", "bars_hash", "code_hash", "fold")


class TrialLedger(WarehouseStore):
    """Table `trials`. An evaluation with the same study, parameters, bars and code is one row."""

    def append(self, trials: Sequence[Mapping[str, object]]) -> int:
        """Add the trials that are not recorded yet, numbered from the last; returns their
        number."""
        if not trials:
            return 0
        with self._warehouse.write() as connection:
            keys = ", ".join(f"coalesce({name}, '')" for name in _IDENTITY)
            studies = sorted({str(trial.get("study") or "") for trial in trials})
            known = set(
                connection.execute(
                    f"SELECT {keys} FROM trials "
                    "WHERE list_contains(?::VARCHAR[], coalesce(study, ''))",
                    [studies],
                ).fetchall()
            )
            last = self._rows("SELECT coalesce(max(trial_no), 0) AS n FROM trials")[0]["n"]
            new: list[Row] = []
            for trial in trials:
                given = (trial.get(name) for name in _IDENTITY)
                key = tuple("" if value is None else str(value) for value in given)
                if key not in known:
                    known.add(key)
                    stamp = {"trial_no": last + len(new) + 1, "created_at": datetime.now(UTC)}
                    numbers = {n: None if v != v else v for n, v in trial.items()}  # NaN is NULL
                    new.append({**numbers, **stamp})
            insert_rows(connection, "trials", new)
        return len(new)

    def count(self) -> int:
        """Trials that deflate a result: distinct strategy, parameters and instrument."""
        sql = "SELECT count(DISTINCT (strategy, parameters_hash, instrument)) AS n FROM trials"
        return int(self._rows(sql)[0]["n"])

    def sharpe_variance(self) -> float | None:
        """Variance (n - 1) of the annual Sharpe ratios of the trials that `count` counts.

        Each counts with its newest evaluation; None with fewer than two ratios that are defined.
        """
        (found,) = self._rows(
            "SELECT var_samp(sharpe) AS variance FROM (SELECT arg_max(sharpe, trial_no) AS sharpe "
            "FROM trials GROUP BY strategy, parameters_hash, instrument) WHERE isfinite(sharpe)"
        )
        return None if found["variance"] is None else float(found["variance"])

    def of_study(self, study: str, instrument: str, *, fold: str) -> list[Row]:
        """Trials of one evaluation of a study on an instrument, in order."""
        return self._rows(
            "SELECT * FROM trials WHERE study = ? AND instrument = ? AND fold = ? ORDER BY "
            "trial_no",
            study,
            instrument,
            fold,
        )
