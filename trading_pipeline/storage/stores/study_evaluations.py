"""Rows of the ledger by the study and the part of the bars that they were evaluated on."""

from __future__ import annotations

from trading_pipeline.storage.stores.ledger_check import CheckedLedger
from trading_pipeline.storage.stores.row_tables import Row

__all__ = ["StudyEvaluations"]


class StudyEvaluations(CheckedLedger):
    """What a study asks of the ledger, in order to go on and to sum itself up."""

    def of_search(self, study: str, instrument: str, *, fold: str) -> list[Row]:
        """As `of_study`, with the evaluations of parts of the bars (`fold/...`), as they were made.

        A row that calls a trial invalid changes no number, so it is left out.
        """
        return self._rows(
            "SELECT * FROM trials WHERE study = ? AND instrument = ? AND refers_to IS NULL "
            "AND (fold = ? OR starts_with(fold, ? || '/')) QUALIFY "
            "row_number() OVER (PARTITION BY fold, parameters_hash ORDER BY seq DESC) = 1 "
            "ORDER BY seq",
            study,
            instrument,
            fold,
            fold,
        )

    def rows_of_fold(self, study: str, instrument: str, *, ending: str) -> list[Row]:
        """Rows of a study on an instrument whose `fold` ends so, in order."""
        return self._rows(
            "SELECT * FROM trials WHERE study = ? AND instrument = ? AND refers_to IS NULL "
            "AND ends_with(fold, ?) ORDER BY seq",
            study,
            instrument,
            ending,
        )
