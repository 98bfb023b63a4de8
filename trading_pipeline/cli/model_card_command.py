"""`model-card MODEL INSTRUMENT`: how good a model's predictions were out of sample."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from trading_pipeline.cli.progress_display import show_progress
from trading_pipeline.cli.session import open_pass, print_table, stderr_console, stdout_console

if TYPE_CHECKING:
    from trading_pipeline.models.cards.card import ModelCard

__all__ = ["run_model_card"]


def run_model_card(model: str, instrument: str, *, as_json: bool) -> None:
    """Bring the card and what it follows from up to date, and print it."""
    from trading_pipeline.models.cards.card import card_as_values
    from trading_pipeline.stages.models.model_card import stored_card

    full_pass = open_pass()
    workspace = full_pass.workspace
    instrument = workspace.catalog.instrument(instrument).id
    workspace.catalog.model(model)
    with show_progress(stderr_console()):
        full_pass.reference_data()
        full_pass.model_card(instrument, model)
    card, path = stored_card(workspace, instrument, model)
    if as_json:
        typer.echo(json.dumps({**card_as_values(card), "page": path}, allow_nan=False))
    else:
        _print(card, path)


def _print(card: ModelCard, path: str) -> None:
    from trading_pipeline.reporting.model_card.numbers import (
        score_interval,
        score_label,
        score_number,
        score_value,
    )

    console = stdout_console()
    verdict = f"{card.model} on {card.instrument}: {card.verdict}"
    console.print(verdict, markup=False, soft_wrap=True)
    if card.scores:
        headline = card.headline_score
        named = {score.name for score in card.scores}
        first = [] if headline is None or headline.name in named else [headline]
        rows = [
            [
                score_label(score.name),
                score_value(score),
                score_interval(score),
                score_number(score.name, score.chance),
            ]
            for score in (*first, *card.scores)
        ]
        print_table(["Score", "Value", "95 % interval", "Chance"], rows)
    for note in card.notes:
        console.print(note, markup=False, soft_wrap=True)
    console.print(f"Page: {escape(path)}", soft_wrap=True)
