"""Whether a challenger takes the place of the champion among live models.

The rule sees only rows that ended before it decides, and that neither model learned from
(docs/decisions/champion-and-challenger.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trading_pipeline.models.registry.row_losses import LossDifference
from trading_pipeline.settings.promotion_spec import PromotionSpec

__all__ = ["Decision", "decide", "is_same_procedure", "loss_in_words"]

_PROCEDURE = ("spec_hash", "feature_set_hash", "code_hash", "libraries_hash", "seed")
"""What a model was made by, without the rows that it was made from."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether the challenger is promoted, and why in a sentence."""

    promoted: bool
    reason: str
    compared: LossDifference | None = None


def is_same_procedure(
    champion: Mapping[str, str | int], challenger: Mapping[str, str | int]
) -> bool:
    """True where two models differ in nothing but the rows they learned from.

    Takes what `made_from` of a model says.
    """
    return all(champion.get(name) == challenger.get(name) for name in _PROCEDURE)


def decide(rule: PromotionSpec, compared: LossDifference | None, missing: str = "") -> Decision:
    """The decision by the rule.

    `compared`: the champion's losses first, the challenger's second. Without a comparison
    (`missing` says why) the challenger is promoted: it is what the model's file asks for, and
    nothing speaks against it.
    """
    if rule.rule == "always":
        return Decision(promoted=True, reason="The rule is to promote always.")
    if compared is None:
        return Decision(promoted=True, reason=f"Not compared: {missing}.")
    told = loss_in_words(compared)
    if compared.effective_rows < rule.minimum_effective_rows:
        few = f"Fewer than {rule.minimum_effective_rows:g} effective rows tell nothing: {told}."
        return Decision(promoted=rule.rule == "not_worse", reason=few, compared=compared)
    beyond = compared.errors_away() > rule.errors
    if not beyond:
        promoted, said = rule.rule == "not_worse", f"No difference beyond {rule.errors:g} errors"
    else:
        promoted = compared.difference < 0.0
        said = f"The challenger is {'better' if promoted else 'worse'}"
    return Decision(promoted=promoted, reason=f"{said}: {told}.", compared=compared)


def loss_in_words(compared: LossDifference) -> str:
    """Both mean losses, and their difference with its error.

    >>> loss_in_words(LossDifference(rows=300, effective_rows=60.0, first=0.25, second=0.249,
    ...                              difference=-0.001, error=0.002))
    'loss 0.249 against 0.25, a difference of -0.001 ± 0.002 (60 effective rows of 300)'
    """
    return (
        f"loss {compared.second:.4g} against {compared.first:.4g}, a difference of "
        f"{compared.difference:+.2g} ± {compared.error:.2g} ({compared.effective_rows:,.0f} "
        f"effective rows of {compared.rows:,})"
    )
