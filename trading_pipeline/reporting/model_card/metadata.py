"""What the asset page shows of a card: a picture as an address of data, and a table in Markdown."""

from __future__ import annotations

import base64

from trading_pipeline.models.cards.card import ModelCard
from trading_pipeline.reporting.model_card.numbers import (
    score_interval,
    score_label,
    score_number,
    score_value,
)
from trading_pipeline.reporting.model_card.pictures import reliability_picture

__all__ = ["card_table", "reliability_image"]

_STYLE = (
    "<style>text{fill:#7a869a;font:12px sans-serif}.grid{stroke:#9aa4b5;opacity:.35}"
    ".chance{stroke:#a98a35;stroke-dasharray:5 4}.range{stroke:#4a82ea;stroke-width:2}"
    ".dot{fill:#4a82ea}</style>"
)


def reliability_image(card: ModelCard) -> str:
    """The reliability picture as an address of data; its colours suit a light and a dark page."""
    picture = reliability_picture(card.reliability)
    head, rest = picture.split(">", 1)
    whole = f'{head} xmlns="http://www.w3.org/2000/svg" width="560">{_STYLE}{rest}'
    return "data:image/svg+xml;base64," + base64.b64encode(whole.encode()).decode()


def card_table(card: ModelCard) -> str:
    """Scores at the first horizon as a Markdown table."""
    lines = ["| score | value | 95 % interval | chance |", "|---|---|---|---|"]
    for score in card.scores:
        cells = (
            score_label(score.name),
            score_value(score),
            score_interval(score),
            score_number(score.name, score.chance),
        )
        lines.append("| " + " | ".join(each.replace("|", "/") for each in cells) + " |")
    return "\n".join(lines)
