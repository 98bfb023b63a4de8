from __future__ import annotations

import pytest

from trading_pipeline.models.cards.evidence import auc_in_words, brier_in_words


@pytest.mark.parametrize("auc", [0.61, 0.65, 0.4])
def test_an_auc_of_few_effective_rows_is_no_evidence(auc):
    words = auc_in_words(auc, 0.08, 52.0, 1040)
    assert words.startswith(f"AUC {auc:.2f} ± 0.08 (52 effective rows of 1,040): no evidence")


def test_an_auc_far_from_one_half_says_how_far_and_on_which_side():
    assert auc_in_words(0.58, 0.02, 700.0, 700).endswith(": 4.0 errors above 0.5")
    assert auc_in_words(0.42, 0.02, 700.0, 700).endswith(": 4.0 errors below 0.5")


def test_an_auc_without_an_error_is_no_evidence_and_one_outcome_has_none():
    assert "error unknown: no evidence" in auc_in_words(0.9, None, None, 70)
    assert auc_in_words(None, None, 3.0, 60).startswith("No AUC: the 60 rows")
    assert auc_in_words(float("nan"), float("nan"), 3.0, 60).startswith("No AUC")


def test_a_brier_score_stands_beside_the_one_to_beat():
    words = brier_in_words(0.25, 0.01, 0.24)
    assert words == "Brier 0.2500 ± 0.0100, base rate known before 0.2400"
