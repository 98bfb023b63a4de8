"""Held-back scores in words, with the errors that say what they are worth."""

from __future__ import annotations

import math

__all__ = ["EVIDENCE_ERRORS", "auc_in_words", "brier_in_words"]

EVIDENCE_ERRORS = 2.0
"""Standard errors that an AUC must be away from 0.5 to be called evidence."""


def auc_in_words(
    auc: float | None, error: float | None, effective_rows: float | None, rows: int
) -> str:
    """An AUC, its standard error, the rows behind it, and whether that is evidence of skill.

    >>> auc_in_words(0.62, 0.08, 52.3, 1040)
    'AUC 0.62 ± 0.08 (52 effective rows of 1,040): no evidence of skill, within 2 errors of 0.5'
    >>> auc_in_words(0.58, 0.01, 2000.0, 2000)
    'AUC 0.58 ± 0.01 (2,000 effective rows of 2,000): 8.0 errors above 0.5'
    """
    if auc is None or math.isnan(auc):
        return f"No AUC: the {rows:,} rows held back for scoring do not have both outcomes."
    if error is None or effective_rows is None or math.isnan(error) or math.isnan(effective_rows):
        return (
            f"AUC {auc:.2f} on {rows:,} rows, its error unknown: no evidence of skill. Train the "
            "model again."
        )
    away = (auc - 0.5) / error
    if abs(away) <= EVIDENCE_ERRORS:
        verdict = f"no evidence of skill, within {EVIDENCE_ERRORS:g} errors of 0.5"
    else:
        verdict = f"{abs(away):.1f} errors {'above' if away > 0.0 else 'below'} 0.5"
    return (
        f"AUC {auc:.2f} ± {error:.2f} ({effective_rows:,.0f} effective rows of {rows:,}): {verdict}"
    )


def brier_in_words(brier: float, error: float, base_rate_brier: float) -> str:
    """A Brier score and its standard error beside that of the base rate known before the rows.

    >>> brier_in_words(0.2493, 0.0041, 0.2497)
    'Brier 0.2493 ± 0.0041, base rate known before 0.2497'
    """
    return f"Brier {brier:.4f} ± {error:.4f}, base rate known before {base_rate_brier:.4f}"
