"""The ledger of trials: every evaluation of any parameters, append-only and chained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import duckdb

from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.storage.stores.ledger_check import LedgerCheck
from trading_pipeline.storage.stores.row_tables import (
    Row,
    fetch_rows,
    insert_rows,
    stored_values,
)
from trading_pipeline.storage.stores.sharpe_variance import (
    SharpeVariance,
    comparable_variance,
    pooled,
)
from trading_pipeline.storage.stores.study_evaluations import (
    INVALID,
    JUDGED_ROWS,
    VARIANT,
    StudyEvaluations,
)
from trading_pipeline.storage.trial_chain import FIRST_LINK, chain_hashes

__all__ = [
    "INVALID",
    "LedgerCheck",
    "TrialLedger",
]

_EVALUATION = (
    *("study", "fold", *VARIANT),
    *("bars_hash", "predictions_hash", "code_hash"),
)
"""Columns that make a row another one; a row that is there already is not added again."""
_BACKTEST = ("fold", "bars_hash", "predictions_hash", "code_hash")
_BACKTESTS, _LEDGER = "backtests", "ledger"
_MEASURED = ("sharpe", "mean", "sd", "skew", "kurtosis", "value")
"""Columns that follow from those of an evaluation."""

# An evaluation of all bars comes before one of a part of them (`span`), however new that is: ratios
# of parts scatter more. A row that calls the trial invalid is as good as one of all bars.
# A row without `settings_hash` was written before the settings were recorded. It says only that its
# parameters were tried on its instrument, which any later row of these says too.
_DISTINCT = f"""
WITH variants AS (
  SELECT {", ".join(VARIANT)}, max(struct_pack(
    first := span IS NULL OR coalesce(status = '{INVALID}', false), seq := seq,
    sharpe := CASE WHEN status IS DISTINCT FROM '{INVALID}' AND isfinite(sharpe) THEN sharpe END
  )).sharpe AS sharpe
  FROM trials WHERE {{where}} GROUP BY ALL),
parameters AS (
  SELECT instrument, count(settings_hash) AS told, count(*) AS all_told,
    list(sharpe) FILTER (sharpe IS NOT NULL) AS ratios,
    list(sharpe) FILTER (sharpe IS NOT NULL AND settings_hash IS NOT NULL) AS ratios_told
  FROM variants GROUP BY strategy, parameters_hash, instrument)
SELECT coalesce(instrument, '') AS instrument,
  sum(CASE WHEN told > 0 THEN told ELSE all_told END)::BIGINT AS trials,
  list_sort(flatten(list(CASE WHEN told > 0 THEN ratios_told ELSE ratios END))) AS ratios
FROM parameters GROUP BY ALL
"""


class _Distinct(NamedTuple):
    """Trials of an instrument: how many, and their defined annual Sharpe ratios in order."""

    trials: int
    ratios: list[float]


class TrialLedger(StudyEvaluations):
    """Table `trials`. An evaluation of the same variant on the same bars by the same code is one
    row."""

    def append(self, trials: Sequence[Mapping[str, object]], *, repairing: bool = False) -> int:
        """Add the evaluations that are not recorded yet, numbered from the last.

        Returns their number. All of them are added or none. `trial_no`, `seq`, `chain_hash` and
        `created_at` are the ledger's own. `repairing`: a recorded evaluation with other numbers
        was changed, since equal code on equal bars gives equal ones; the right one is added.
        """
        if not trials:
            return 0
        with self._warehouse.write() as connection:
            measured = _MEASURED if repairing else ()
            keys = ", ".join([*(f"coalesce({name}, '')" for name in _EVALUATION), *measured])
            studies = sorted({str(trial.get("study") or "") for trial in trials})
            known = set(
                connection.execute(
                    f"SELECT {keys} FROM trials "
                    "WHERE list_contains(?::VARCHAR[], coalesce(study, ''))",
                    [studies],
                ).fetchall()
            )
            new: list[Mapping[str, object]] = []
            for trial in trials:
                given = (trial.get(name) for name in _EVALUATION)
                words = ("" if value is None else str(value) for value in given)
                key = (*words, *(_measured(trial.get(name)) for name in measured))
                if key not in known:
                    known.add(key)
                    new.append(trial)
            self._add(connection, new)
        return len(new)

    def invalidate(self, trial_nos: Sequence[int], *, reason: str, run_id: str = "") -> int:
        """Add a row for each of the trials which says that it is invalid, and why.

        The trial stays on record and counts; its evaluations up to now no longer feed the variance,
        nor can they be a study's best. An evaluation by other code or on other bars, appended
        later, is valid again. Trials that are invalid already get no further row; returns the
        number of rows added. Raises `ConfigurationError` without a reason, and `UnknownNameError`
        for a number that the ledger does not have.
        """
        why = reason.strip()
        if not why:
            raise ConfigurationError(
                "A trial is called invalid for a reason, but none was given. Say what was wrong, "
                "for example 'reads the next bar'."
            )
        if not trial_nos:
            return 0
        with self._warehouse.write() as connection:
            rows = fetch_rows(
                connection,
                f"SELECT * FROM ({JUDGED_ROWS}) WHERE list_contains(?::BIGINT[], trial_no)",
                [sorted({int(number) for number in trial_nos})],
            )
            self._require_known(connection, trial_nos, rows)
            named: dict[tuple[object, ...], Row] = {}
            for row in sorted(rows, key=lambda found: int(found["seq"])):
                invalid, _ = row.pop("is_invalid"), row.pop("why_invalid")
                if not invalid:
                    named.setdefault(tuple(row[name] for name in VARIANT), row)
            status = {"status": INVALID, "reason": why}
            added = [
                {**row, **status, "refers_to": row["trial_no"], "run_id": run_id or row["run_id"]}
                for row in named.values()
            ]
            self._add(connection, added)
        return len(added)

    def count(self, *, study: str | None = None, instrument: str | None = None) -> int:
        """Trials that deflate a result; with a study or instrument, those of it alone.

        Distinct are strategy, parameters, instrument, the scenario's settings that change results,
        its dates as written, and the specs of the models. Rows from before settings were recorded
        count one for each strategy, parameters and instrument, until these are evaluated again.
        """

        return sum(each.trials for each in self._distinct(study, instrument).values())

    def sharpe_variance(self, instrument: str) -> SharpeVariance:
        """Variance (n - 1) of annual Sharpe ratios among trials comparable with this instrument's.

        Each trial counts with its newest evaluation; invalid ones and undefined ratios do not. Used
        are, in this order: the instrument's own trials where there are `ENOUGH_TRIALS`; the trials
        of its timeframe; those of all timeframes. Several instruments are pooled within: deviations
        from each instrument's own mean, since that mean is the market's and no luck of the search.
        """
        return self.sharpe_variances([instrument])[instrument]

    def sharpe_variances(self, instruments: Sequence[str]) -> dict[str, SharpeVariance]:
        """`sharpe_variance` of several instruments, by one reading of the ledger."""
        groups = self._ratios()
        return {name: comparable_variance(name, groups) for name in instruments}

    def own_variance(self, study: str, instrument: str) -> SharpeVariance:
        """Variance (n - 1) of the annual Sharpe ratios of a study's own trials on an instrument."""
        ratios = self._ratios(study, instrument).get(instrument, [])
        words = f"the {len(ratios)} trials of the study '{study}' on {instrument}"
        if len(ratios) < 2:
            return SharpeVariance(value=None, trials=len(ratios), basis=words)
        return pooled([ratios], words)

    def _ratios(
        self, study: str | None = None, instrument: str | None = None
    ) -> dict[str, list[float]]:
        """Defined annual Sharpe ratios of distinct trials by instrument, each list in order."""
        found = self._distinct(study, instrument)
        return {name: found[name].ratios for name in sorted(found) if found[name].ratios}

    def _distinct(
        self, study: str | None = None, instrument: str | None = None
    ) -> dict[str, _Distinct]:
        """Distinct trials by instrument.

        Those of the whole ledger are kept for a batch; after it has got rows of an instrument, only
        that instrument is read again.
        """
        if study is not None or instrument is not None:
            given = {"study": study, "instrument": instrument}
            asked = {name: value for name, value in given.items() if value is not None}
            question = f"{_LEDGER} of {study} {instrument}"
            where = " AND ".join(f"{name} = ?" for name in asked)
            return self._answer(
                question, "", lambda _: {"": self._read_distinct(where, *asked.values())}
            )
        found: dict[str, _Distinct | None] = self._answer(
            _LEDGER, "", lambda _: {"": dict(self._read_distinct("true"))}
        )
        changed = [name for name, told in found.items() if told is None]
        if changed:
            where = "list_contains(?::VARCHAR[], coalesce(instrument, ''))"
            read = self._read_distinct(where, changed)
            found.update({name: read.get(name, _Distinct(0, [])) for name in changed})
        return {name: told for name, told in found.items() if told is not None}

    def _read_distinct(self, where: str, *given: object) -> dict[str, _Distinct]:
        rows = self._rows(_DISTINCT.format(where=where), *given)
        return {row["instrument"]: _Distinct(row["trials"], row["ratios"] or []) for row in rows}

    def has_backtest(self, trial: Mapping[str, object]) -> bool:
        """True where a backtest's evaluation is on record: of a scenario, as its `fold`."""
        key = tuple(str(trial[name] or "") for name in _BACKTEST)
        return key in self._answer(_BACKTESTS, str(trial["instrument"]), self._backtests)

    def _backtests(self, instruments: list[str]) -> dict[str, set[tuple[str, ...]]]:
        columns = ", ".join(f"coalesce({name}, '') AS {name}" for name in _BACKTEST)
        rows = self._rows(
            f"SELECT instrument, {columns} FROM trials WHERE coalesce(study, '') = '' "
            "AND list_contains(?::VARCHAR[], instrument)",
            instruments,
        )
        found: dict[str, set[tuple[str, ...]]] = {name: set() for name in instruments}
        for row in rows:
            found[row["instrument"]].add(tuple(row[name] for name in _BACKTEST))
        return found

    def invalid_results(self) -> dict[str, str]:
        """Reason by result id, of the backtests whose trial was called invalid."""
        found = self._rows(
            f"SELECT result_id, why_invalid FROM ({JUDGED_ROWS}) "
            "WHERE is_invalid AND result_id IS NOT NULL"
        )
        return {row["result_id"]: row["why_invalid"] for row in found}

    def listed(
        self,
        *,
        instrument: str | None = None,
        strategy: str | None = None,
        study: str | None = None,
        status: str | None = None,
        last: int | None = None,
    ) -> list[Row]:
        """Rows with these values, in order; `last`: only so many of the newest.

        Raises `UnknownNameError` for an instrument, strategy or study that has no row, where others
        have.
        """
        wanted = {
            "instrument": instrument,
            "strategy": strategy,
            "study": study,
            "status": status,
        }
        asked = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in asked) or "true"
        limit = "" if last is None else f" LIMIT {int(last)}"
        rows = self._rows(
            f"SELECT * FROM trials WHERE {where} ORDER BY seq DESC{limit}", *asked.values()
        )
        for name, value in asked.items() if not rows else ():
            self._require_name(name, value)
        return rows[::-1]

    def _require_name(self, column: str, value: str) -> None:
        found = self._rows(f"SELECT DISTINCT {column} AS name FROM trials WHERE {column} <> ''")
        known = sorted(row["name"] for row in found)
        if column != "status" and known and value not in known:
            raise UnknownNameError(
                f"No trial is of the {column} {value!r}. {did_you_mean(value, known)}",
                name=value,
                kind=column,
            )

    def rows_about(self, trial_no: int) -> list[Row]:
        """Every row of the same trial, in order, that of the number included.

        Raises `UnknownNameError` for a number that the ledger does not have.
        """
        same = " AND ".join(f"t.{name} IS NOT DISTINCT FROM one.{name}" for name in VARIANT)
        with self._warehouse.read() as connection:
            rows = fetch_rows(
                connection,
                f"SELECT t.* FROM trials t JOIN trials one ON {same} WHERE one.trial_no = ? "
                "ORDER BY t.seq",
                [trial_no],
            )
            self._require_known(connection, [trial_no], rows)
        return rows

    def _add(
        self, connection: duckdb.DuckDBPyConnection, trials: Sequence[Mapping[str, object]]
    ) -> None:
        """Number, chain and insert rows, inside the caller's transaction."""
        if not trials:
            return
        (last,) = fetch_rows(
            connection,
            "SELECT coalesce(max(seq), 0) AS seq, arg_max(chain_hash, seq) AS chain_hash, "
            "greatest((SELECT coalesce(max(trial_no), 0) FROM trials), coalesce(max(seq), 0)) "
            "AS trial_no FROM (SELECT seq, chain_hash FROM trials UNION ALL "
            "SELECT seq, chain_hash FROM trial_chain)",
        )  # rows that were removed at the end keep their numbers
        now = datetime.now(UTC)
        numbered = [
            {
                **{name: None if value != value else value for name, value in trial.items()},
                "trial_no": last["trial_no"] + place,
                "seq": last["seq"] + place,
                "chain_hash": None,
                "created_at": now,
            }
            for place, trial in enumerate(trials, start=1)
        ]  # NaN is NULL
        rows = stored_values(connection, "trials", numbered)
        hashes = chain_hashes(last["chain_hash"] or FIRST_LINK, rows)
        for row, link in zip(rows, hashes, strict=True):
            row["chain_hash"] = link
        insert_rows(connection, "trials", rows)
        connection.execute("INSERT INTO trial_chain VALUES (?, ?)", [rows[-1]["seq"], hashes[-1]])
        if self._kept is not None:
            self._kept.forget_questions(f"{_LEDGER} of")
            whole = self._held("", _LEDGER)
            if whole is not None:
                whole.update(dict.fromkeys({str(row["instrument"] or "") for row in rows}))
            for study, name in {(row["study"] or "", row["instrument"]) for row in rows}:
                self._forget(name, f"study {study}" if study else _BACKTESTS)

    @staticmethod
    def _require_known(
        connection: duckdb.DuckDBPyConnection, trial_nos: Sequence[int], rows: Sequence[Row]
    ) -> None:
        known = {row["trial_no"] for row in rows}
        missing = sorted({int(number) for number in trial_nos} - known)
        if missing:
            (last,) = connection.execute("SELECT max(trial_no) FROM trials").fetchall()
            there = "it has none yet" if last[0] is None else f"it has trials 1 to {last[0]}"
            raise UnknownNameError(
                f"The ledger has no trial {', '.join(map(str, missing))}; {there}. "
                "See: trading-pipeline trials list.",
                name=str(missing[0]),
                kind="trial",
            )


def _measured(value: Any) -> float | None:
    """A number as the table gives it back."""
    return None if value is None or value != value else float(value)
