"""Tables and tiles of a card."""

from __future__ import annotations

import html
from collections.abc import Sequence

from trading_pipeline.models.cards.card import (
    Coefficient,
    Comparison,
    Horizon,
    ModelCard,
    RateBin,
    Score,
)
from trading_pipeline.models.cards.verdict import words_of
from trading_pipeline.reporting.model_card.numbers import (
    interval_text,
    score_interval,
    score_label,
    score_number,
    score_value,
)
from trading_pipeline.reporting.page.layout import Cell, Column, html_table
from trading_pipeline.reporting.page.number_format import MISSING, format_interval, format_number

__all__ = [
    "coefficient_table",
    "comparison_table",
    "horizon_table",
    "period_table",
    "reliability_table",
    "score_table",
    "score_tiles",
]

_TILES = 5
_MINUS = "\N{MINUS SIGN}"


def score_tiles(card: ModelCard) -> str:
    """The headline and the next scores, each with its interval."""
    shown = [score for score in (card.headline_score, *card.scores) if score is not None]
    unlike = list({score.name: score for score in shown}.values())[:_TILES]
    parts = [
        f'<div class="tile" title="{html.escape(words_of(score.name).meaning)}">'
        f'<div class="name">{html.escape(score_label(score.name))}</div>'
        f'<div class="value">{score_value(score)}</div>'
        f'<div class="other">95 %: {score_interval(score)}</div>{_chance_line(score)}</div>'
        for score in unlike
    ]
    return '<section class="tiles">' + "".join(parts) + "</section>" if parts else ""


def score_table(scores: Sequence[Score]) -> str:
    """Each score with its interval and what chance gives."""
    heads = [Column("Score", "text"), Column("Value"), Column("95 % interval"), Column("Chance")]
    rows = [
        [
            Cell(score_label(score.name), "text", title=words_of(score.name).meaning),
            Cell(score_value(score)),
            Cell(score_interval(score)),
            Cell(score_number(score.name, score.chance)),
        ]
        for score in scores
    ]
    return html_table(heads, rows)


def comparison_table(compared: Sequence[Comparison]) -> str:
    """Each loss beside each baseline's; a gain above 0 is for the model."""
    heads = [
        Column("Loss", "text"),
        Column("Model"),
        Column("Baseline"),
        Column("Gain", title="The baseline's loss less the model's; above 0 the model is better"),
        Column("95 % interval"),
        Column("Skill", title="The gain as a share of the baseline's loss"),
    ]
    rows: list[list[Cell] | str] = []
    last = None
    for each in compared:
        if each.baseline != last:
            rows.append(f"Baseline: {each.baseline.replace('_', ' ')}")
            last = each.baseline
        css = ""
        if each.low is not None and each.high is not None:
            css = "up" if each.low > 0.0 else "down" if each.high < 0.0 else ""
        words = words_of(each.loss)
        rows.append(
            [
                Cell(words.label, "text", title=words.meaning),
                Cell(score_number(each.loss, each.value)),
                Cell(score_number(each.loss, each.baseline_value)),
                Cell(score_number(each.loss, each.gain), css),
                Cell(interval_text(each.loss, each.low, each.high)),
                Cell(format_number(each.skill, "percent")),
            ]
        )
    return html_table(heads, rows)


def reliability_table(bins: Sequence[RateBin]) -> str:
    """Forecast and observed rate of each group of rows."""
    heads = [
        Column("Forecast"),
        Column("Observed"),
        Column("95 % interval"),
        Column("Rows"),
        Column("Effective"),
    ]
    rows = [
        [
            Cell(format_number(each.mean_forecast, "percent")),
            Cell(format_number(each.observed_rate, "percent")),
            Cell(format_interval(each.low, each.high, "percent")),
            Cell(format_number(each.rows, "count")),
            Cell(f"{each.effective_rows:,.0f}"),
        ]
        for each in bins
    ]
    return html_table(heads, rows)


def period_table(card: ModelCard) -> str:
    """One row a period: the fit behind it, and the scores on its rows."""
    names = list(dict.fromkeys(score.name for each in card.periods for score in each.scores))
    if card.headline and card.headline not in names:
        names.insert(0, card.headline)
    heads = [
        Column("From"),
        Column("Fits"),
        Column("Trained on", title="Rows that the last of the fits learned from"),
        Column("Time", title="Seconds that the fits took, their held-back scores included"),
        Column("Rows", title="Rows predicted whose outcome is known"),
        *(Column(score_label(name), title=words_of(name).meaning) for name in names),
    ]
    rows = []
    for each in card.periods:
        by_name = {score.name: score for score in each.scores}
        if each.headline is not None:
            by_name[each.headline.name] = each.headline
        cells = [
            Cell(each.start[:10], title=each.model_id),
            Cell(f"{each.fits:,}"),
            Cell(f"{each.rows_trained:,}"),
            Cell(MISSING if each.seconds is None else f"{each.seconds:.2f} s"),
            Cell(f"{each.rows:,}"),
        ]
        for name in names:
            score = by_name.get(name)
            title = "" if score is None else f"95 %: {score_interval(score)}"
            cells.append(Cell(MISSING if score is None else score_value(score), title=title))
        rows.append(cells)
    return html_table(heads, rows)


def horizon_table(horizons: Sequence[Horizon]) -> str:
    """Skill against drift, direction and coverage at each horizon."""
    heads = [
        Column("Bars ahead"),
        Column("Skill against drift"),
        Column("95 % interval"),
        Column("Right direction"),
        Column("Base rate"),
        Column("90 % interval held"),
        Column("95 % interval"),
        Column("Skill of the range"),
        Column("Rows"),
        Column("Effective"),
    ]
    rows = []
    for each in horizons:
        scores = {score.name: score for score in each.scores}
        drift = {one.loss: one for one in each.comparisons if one.baseline == "drift"}
        skill, spread = drift.get("mse"), drift.get("range")
        held = scores.get("coverage_90")
        rows.append(
            [
                Cell(str(each.bars)),
                Cell(format_number(None if skill is None else skill.skill, "percent")),
                Cell(
                    MISSING
                    if skill is None
                    else interval_text("mse_skill", skill.skill_low, skill.skill_high)
                ),
                *(
                    Cell(score_value(scores[name]) if name in scores else MISSING)
                    for name in ("accuracy", "base_rate", "coverage_90")
                ),
                Cell(MISSING if held is None else score_interval(held)),
                Cell(format_number(None if spread is None else spread.skill, "percent")),
                Cell(f"{each.rows:,}"),
                Cell(f"{each.effective_rows:,.0f}"),
            ]
        )
    return html_table(heads, rows)


def coefficient_table(coefficients: Sequence[Coefficient]) -> str:
    """Each coefficient over the fits, largest first."""
    heads = [
        Column("Feature", "text"),
        Column("Mean", title="Per standard deviation of the feature, over the fits"),
        Column("Spread", title="Standard deviation over the fits"),
        Column("Same sign", title="Share of the fits with the sign of the mean"),
    ]
    rows = [
        [
            Cell(each.feature, "text"),
            Cell(f"{each.mean:.4g}".replace("-", _MINUS)),
            Cell(f"{each.deviation:.3g}"),
            Cell(f"{100.0 * each.same_sign:.0f} %"),
        ]
        for each in coefficients
    ]
    return html_table(heads, rows)


def _chance_line(score: Score) -> str:
    if score.chance is None:
        return ""
    return f'<div class="other">Chance {score_number(score.name, score.chance)}</div>'
