"""The page of a model card, self-contained; the card itself is in it as JSON."""

from __future__ import annotations

import html
import json

from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.cards.card import ModelCard, card_as_values, card_from_values
from trading_pipeline.models.cards.verdict import words_of
from trading_pipeline.reporting.model_card.pictures import (
    importance_picture,
    periods_picture,
    reliability_picture,
)
from trading_pipeline.reporting.model_card.tables import (
    coefficient_table,
    comparison_table,
    horizon_table,
    period_table,
    reliability_table,
    score_table,
    score_tiles,
)
from trading_pipeline.reporting.page.layout import (
    card as framed,
)
from trading_pipeline.reporting.page.layout import (
    embedded_json,
    facts,
    header,
    page,
    static_text,
    warning_box,
)
from trading_pipeline.reporting.page.number_format import MISSING

__all__ = ["card_in_page", "render_model_card"]

_ELEMENT = "model-card"
_OPENING = f'<script type="application/json" id="{_ELEMENT}">'


def render_model_card(card: ModelCard) -> str:
    """The page as text; equal cards give equal bytes, and nothing is loaded from elsewhere."""
    title = f"{card.model} on {card.instrument}"
    parts = [
        header(title, _subtitle(card), ""),
        f"<style>\n{static_text('model_card/static/model_card.css')}</style>",
        f'<p class="verdict {card.judgement.replace(" ", "-")}">{html.escape(card.verdict)}</p>',
        warning_box(card.notes),
        score_tiles(card),
        *_scores(card),
        *_horizons(card),
        *_over_time(card),
        *_beside(_importance(card), _coefficients(card)),
        framed("Training", facts(_training(card))),
        framed("Origin of the last fit", facts(card.facts.items(), code=True)),
        framed("Live model", facts(card.live.items())) if card.live else "",
        embedded_json(_ELEMENT, card_as_values(card)),
    ]
    return page(title, "\n".join(parts), [static_text("page/static/theme.js")])


def card_in_page(text: str) -> ModelCard:
    """The card that a page was made from; `DataQualityError` for a text without one."""
    start = text.find(_OPENING)
    if start < 0:
        raise DataQualityError("This page holds no model card. Make it again.")
    start += len(_OPENING)
    return card_from_values(json.loads(text[start : text.index("</script>", start)]))


def _subtitle(card: ModelCard) -> str:
    parts = [card.predictor, card.estimator, card.features, card.label]
    told = " · ".join(part for part in parts if part)
    if card.first is None or card.last is None:
        return told
    return (
        f"{told} · out of sample {card.first[:10]} to {card.last[:10]} · {card.rows:,} rows, worth "
        f"{card.effective_rows:,.0f} independent ones"
    )


def _beside(left: list[str], right: list[str]) -> list[str]:
    """Two columns; one alone takes the whole width."""
    if not left or not right:
        return left + right
    opening, middle, closing = '<div class="columns"><div>', "</div><div>", "</div></div>"
    return [opening, *left, middle, *right, closing]


def _scores(card: ModelCard) -> list[str]:
    """Scores, baselines and reliability in two columns."""
    scores, compared, reliability = _score_card(card), _baselines(card), _reliability(card)
    if reliability:
        return _beside([*scores, *compared], reliability)
    return _beside(scores, compared)


def _score_card(card: ModelCard) -> list[str]:
    if not card.scores:
        return []
    note = (
        '<p class="note">Every row was predicted by a fit from before it. Labels that overlap are '
        "worth fewer rows than there are, and the intervals know it. Where an interval holds "
        "chance, no skill is shown.</p>"
    )
    table = f'<div class="scroll tight">{score_table(card.scores)}</div>'
    return [framed(f"Scores out of sample{_ahead(card)}", table + note)]


def _baselines(card: ModelCard) -> list[str]:
    if not card.comparisons:
        return []
    note = (
        '<p class="note">Baselines know what each fit knew. Gain: the baseline’s loss less the '
        "model’s, row by row on the same rows; above 0 the model is better.</p>"
    )
    table = f'<div class="scroll tight">{comparison_table(card.comparisons)}</div>'
    return [framed(f"Beside the baselines{_ahead(card)}", table + note)]


def _reliability(card: ModelCard) -> list[str]:
    if not card.reliability:
        return []
    note = (
        '<p class="note">Groups of equally many forecasts. On the dashed line a forecast of 60 % '
        "comes true 60 times in 100. Bars: 95 % interval of the observed rate.</p>"
    )
    table = f'<div class="scroll tight">{reliability_table(card.reliability)}</div>'
    return [framed("Reliability", reliability_picture(card.reliability) + note + table)]


def _horizons(card: ModelCard) -> list[str]:
    if len(card.horizons) < 2:
        return []
    note = (
        '<p class="note">The verdict is that of the first horizon. Of several horizons one may '
        "look good by chance.</p>"
    )
    table = f'<div class="scroll tight">{horizon_table(card.horizons)}</div>'
    return [framed("By horizon", table + note)]


def _over_time(card: ModelCard) -> list[str]:
    if not card.periods:
        return []
    picture = note = ""
    if any(each.headline is not None and each.headline.value is not None for each in card.periods):
        picture = periods_picture(card.periods)
        name = words_of(card.headline).label
        note = (
            f'<p class="note">{html.escape(name)} of what each fit predicted, with its 95 % '
            "interval. Dashed: chance. One in twenty lies off it by chance.</p>"
        )
    table = f'<div class="scroll tall">{period_table(card)}</div>'
    return [framed("Over time", picture + note + table)]


def _importance(card: ModelCard) -> list[str]:
    if not card.importance:
        return []
    loss = words_of(card.main_loss).inside
    note = (
        f'<p class="note">How much the {html.escape(loss)} grows out of sample when all columns of '
        "a family are shuffled together, in blocks as long as a label. Bars: 95 % interval. At or "
        f"below 0 the family did not help. Of {len(card.importance)} families about one in forty "
        "lies above 0 by chance.</p>"
    )
    return [framed("Importance of families", importance_picture(card.importance) + note)]


def _coefficients(card: ModelCard) -> list[str]:
    if not card.coefficients:
        return []
    table = f'<div class="scroll tall tight">{coefficient_table(card.coefficients)}</div>'
    return [framed("Coefficients", table)]


def _training(card: ModelCard) -> list[tuple[str, str]]:
    seconds = card.training_seconds
    return [
        ("Fits", f"{card.fits:,} of {card.refit_dates:,} refit dates"),
        ("Training time", MISSING if seconds is None else f"{seconds:,.1f} s"),
        ("Rows without a prediction", f"{card.rows_unpredicted:,}"),
    ]


def _ahead(card: ModelCard) -> str:
    if len(card.horizons) < 2:
        return ""
    bars = card.horizons[0].bars
    return f", {bars} bar{'s' * (bars != 1)} ahead"
