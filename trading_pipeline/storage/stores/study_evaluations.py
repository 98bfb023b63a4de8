"""Rows of the ledger by the study and the part of the bars that they were evaluated on."""

from __future__ import annotations

from functools import partial

from trading_pipeline.storage.stores.ledger_check import CheckedLedger
from trading_pipeline.storage.stores.row_tables import Row

__all__ = ["INVALID", "JUDGED_ROWS", "VARIANT", "StudyEvaluations"]

INVALID = "invalid"
"""Status of a row that names a trial as invalid."""
VARIANT = ("strategy", "parameters_hash", "instrument", "settings_hash", "dates", "model_hash")
"""Columns that make a trial another one."""

# All evaluations of a trial are invalid from a row that says so until one follows that is not. What
# a search called invalid stays so in all of that search, whose fold begins with the hash of its
# bars, code and settings: one more part of the bars by the same code makes nothing right.
JUDGED_ROWS = f"""
SELECT *,
  coalesce(last_value(status) OVER newest = '{INVALID}', false)
    OR coalesce(study <> '' AND bool_or(status = '{INVALID}') OVER (
      PARTITION BY {", ".join(VARIANT)}, study, split_part(fold, '/', 1)), false) AS is_invalid,
  arg_max(reason, seq) FILTER (status = '{INVALID}') OVER (
    PARTITION BY {", ".join(VARIANT)}) AS why_invalid
FROM trials WINDOW newest AS (PARTITION BY {", ".join(VARIANT)} ORDER BY seq
  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
"""
"""All rows of the ledger; `is_invalid` and `why_invalid` say what was said of them later."""
_WITH_STATUS = (
    f"SELECT * EXCLUDE (is_invalid, why_invalid) REPLACE ("
    f"CASE WHEN is_invalid THEN '{INVALID}' ELSE status END AS status, "
    f"CASE WHEN is_invalid THEN why_invalid ELSE reason END AS reason) FROM ({JUDGED_ROWS}) "
)


class StudyEvaluations(CheckedLedger):
    """What a study asks of the ledger, in order to go on and to sum itself up."""

    def of_study(self, study: str, instrument: str, *, fold: str) -> list[Row]:
        """Trials of one evaluation of a study on an instrument, in order.

        `status` is `invalid` where a later row says so, and `reason` why.
        """
        found = self._answer(f"study {study}", instrument, partial(self._of_studies, study))
        return [dict(row) for row in found if row["fold"] == fold]

    def _of_studies(self, study: str, instruments: list[str]) -> dict[str, list[Row]]:
        """Trials of all evaluations of a study, by instrument."""
        rows = self._rows(
            f"{self._with_status()} WHERE study = ? AND list_contains(?::VARCHAR[], instrument) "
            "AND refers_to IS NULL QUALIFY row_number() OVER "
            "(PARTITION BY instrument, fold, parameters_hash ORDER BY seq DESC) = 1 ORDER BY seq",
            study,
            instruments,
        )
        found: dict[str, list[Row]] = {name: [] for name in instruments}
        for row in rows:
            found[row["instrument"]].append(row)
        return found

    def of_search(self, study: str, instrument: str, *, fold: str) -> list[Row]:
        """As `of_study`, with the evaluations of parts of the bars (`fold/...`)."""
        return self._rows(
            f"{self._with_status()} WHERE study = ? AND instrument = ? AND refers_to IS NULL "
            "AND (fold = ? OR starts_with(fold, ? || '/')) QUALIFY "
            "row_number() OVER (PARTITION BY fold, parameters_hash ORDER BY seq DESC) = 1 "
            "ORDER BY seq",
            study,
            instrument,
            fold,
            fold,
        )

    def _with_status(self) -> str:
        """All rows as they were judged later; where nothing was called invalid, as they are."""
        some = self._rows("SELECT 1 FROM trials WHERE status = ? LIMIT 1", INVALID)
        return _WITH_STATUS if some else "SELECT * FROM trials "

    def rows_of_fold(self, study: str, instrument: str, *, ending: str) -> list[Row]:
        """Rows of a study on an instrument whose `fold` ends so, in order."""
        return self._rows(
            "SELECT * FROM trials WHERE study = ? AND instrument = ? AND refers_to IS NULL "
            "AND ends_with(fold, ?) ORDER BY seq",
            study,
            instrument,
            ending,
        )
