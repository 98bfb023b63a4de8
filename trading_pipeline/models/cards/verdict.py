"""The verdict of a card: one sentence, decided by one headline score and its interval alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from trading_pipeline.models.cards.card import Comparison, Judgement, Score
from trading_pipeline.models.predictors.predictor import ScoredAs

__all__ = [
    "FEWEST_EFFECTIVE_ROWS",
    "HEADLINES",
    "SCORE_WORDS",
    "ScoreWords",
    "Verdict",
    "headline_of",
    "judged",
    "words_of",
]

FEWEST_EFFECTIVE_ROWS = 30.0
"""Below it nothing is said of skill."""


@dataclass(frozen=True)
class ScoreWords:
    """How a score is named and written, which way is good, and what it means."""

    label: str
    kind: Literal["ratio", "percent", "small"]
    meaning: str

    @property
    def inside(self) -> str:
        """The label inside of a sentence; names and abbreviations keep their capitals."""
        first = self.label.split()[0]
        kept = first in ("AUC", "IC", "Brier")
        return self.label if kept else self.label[0].lower() + self.label[1:]


SCORE_WORDS: Mapping[str, ScoreWords] = {
    "auc": ScoreWords(
        "AUC", "ratio", "Share of pairs of a rise and a fall that are ranked rightly; chance 0.5."
    ),
    "brier": ScoreWords(
        "Brier score", "small", "Mean squared error of the probability; lower is better."
    ),
    "log_loss": ScoreWords(
        "Log-loss", "small", "Mean negative log likelihood, in nats; lower is better."
    ),
    "ece": ScoreWords(
        "Calibration error (ECE)",
        "percent",
        "Mean gap between forecast and observed rate over ten bins. By chance alone it is above 0: "
        "the column of chance says how far for these effective rows.",
    ),
    "accuracy": ScoreWords(
        "Right direction", "percent", "Share of outcomes on the side that was forecast."
    ),
    "base_rate": ScoreWords("Base rate", "percent", "Share of outcomes that were a rise."),
    "error_rate": ScoreWords(
        "Wrong direction", "percent", "Share of outcomes on the other side; lower is better."
    ),
    "ic": ScoreWords("IC", "ratio", "Correlation of forecast and outcome; chance 0."),
    "rank_ic": ScoreWords(
        "Rank IC", "ratio", "Correlation of the ranks of forecast and outcome; chance 0."
    ),
    "coverage_90": ScoreWords(
        "90 % interval held",
        "percent",
        "Share of outcomes inside the 90 % interval; 90 % is right.",
    ),
    "below_05": ScoreWords(
        "Below the 5 % quantile", "percent", "Share of outcomes below it; 5 % is right."
    ),
    "above_95": ScoreWords(
        "Above the 95 % quantile", "percent", "Share of outcomes above it; 5 % is right."
    ),
    "mse": ScoreWords("Squared error", "small", "Mean squared error; lower is better."),
    "mae": ScoreWords("Absolute error", "small", "Mean absolute error; lower is better."),
    "range": ScoreWords(
        "Error of the range",
        "small",
        "Mean absolute error of log(high / low); lower is better.",
    ),
    "brier_skill": ScoreWords(
        "Brier skill", "percent", "Improvement of the Brier score over the baseline; chance 0."
    ),
    "log_loss_skill": ScoreWords(
        "Log-loss skill", "percent", "Improvement of the log-loss over the baseline; chance 0."
    ),
    "mse_skill": ScoreWords(
        "Skill",
        "percent",
        "Improvement of the mean squared error over the baseline, as a share of it (out-of-sample "
        "R²); chance 0.",
    ),
    "mae_skill": ScoreWords(
        "Skill",
        "percent",
        "Improvement of the mean absolute error over the baseline, as a share of it; chance 0.",
    ),
}
"""Words of every score of a card, by name."""
HEADLINES: Mapping[ScoredAs, tuple[str, ...]] = {
    "probability": ("auc", "brier_skill", "log_loss_skill"),
    "number": ("rank_ic", "ic", "mse_skill", "mae_skill"),
    "path": ("mse_skill", "mae_skill", "rank_ic", "ic"),
}
"""Scores that can decide a verdict, by kind of forecast."""


def words_of(name: str) -> ScoreWords:
    """Words of a score; a user's own score has its name alone."""
    return SCORE_WORDS.get(name) or ScoreWords(name, "small", "A score of the predictor's own.")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the headline score shows, in a sentence."""

    judgement: Judgement
    text: str
    score: Score | None


def headline_of(
    name: str, scores: Sequence[Score], compared: Sequence[Comparison]
) -> tuple[Score | None, str]:
    """The headline score, and the baseline that it is measured against; empty for chance.

    `<loss>_skill` is the skill against the baseline with the smallest loss.
    """
    loss = name.removesuffix("_skill")
    if loss == name:
        return next((each for each in scores if each.name == name), None), ""
    rivals = [each for each in compared if each.loss == loss and each.skill is not None]
    if not rivals:
        return None, ""
    hardest = min(rivals, key=lambda each: each.baseline_value)
    score = Score(
        name=name,
        value=hardest.skill,
        low=hardest.skill_low,
        high=hardest.skill_high,
        chance=0.0,
    )
    return score, hardest.baseline


def judged(score: Score | None, against: str, effective_rows: float, *, ahead: str = "") -> Verdict:
    """The verdict: skill is shown only where the whole interval lies on one side of chance.

    `against`: what chance is, in words; `ahead`: how far ahead, where there are several horizons.

    >>> score = Score(name="auc", value=0.51, low=0.484, high=0.536, chance=0.5)
    >>> judged(score, "always up", 900.0).text
    'No better than always up: AUC 0.51, 95 % 0.48 to 0.54.'
    >>> judged(score, "always up", 12.0).text
    'Not enough to tell: the rows are worth 12 independent ones, 30 are needed.'
    """
    if effective_rows < FEWEST_EFFECTIVE_ROWS:
        text = (
            f"Not enough to tell: the rows are worth {effective_rows:,.0f} independent ones, "
            f"{FEWEST_EFFECTIVE_ROWS:.0f} are needed."
        )
        return Verdict(judgement="not enough", text=text, score=score)
    if score is None or score.value is None or score.low is None or score.high is None:
        text = "Not enough to tell: the outcomes or the forecasts are all the same."
        return Verdict(judgement="not enough", text=text, score=score)
    chance = score.chance or 0.0
    judgement: Judgement = "no better"
    if score.low > chance:
        judgement = "better"
    elif score.high < chance:
        judgement = "worse"
    words = SCORE_WORDS[score.name]
    value, low, high = _written(
        (score.value, score.low, score.high), chance, percent=words.kind == "percent"
    )
    text = (
        f"{judgement.capitalize()} than {against}: {words.inside} {value}{ahead}, 95 % {low} to "
        f"{high}."
    )
    return Verdict(judgement=judgement, text=text, score=score)


def _written(values: Sequence[float], chance: float, *, percent: bool) -> list[str]:
    """Numbers with as many digits as it takes to see on which side of chance each lies."""
    factor, digits = (100.0, 1) if percent else (1.0, 2)
    while digits < 5 and any(
        round(value * factor, digits) == round(chance * factor, digits) for value in values[1:]
    ):
        digits += 1
    unit = " %" if percent else ""
    return [f"{value * factor:.{digits}f}{unit}".replace("-", "\N{MINUS SIGN}") for value in values]
