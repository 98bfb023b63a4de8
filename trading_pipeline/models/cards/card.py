"""The values of a model card: plain numbers and words, which can be written as JSON and read back.

Fractions are fractions; None is what was not measured or is not defined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

__all__ = [
    "CardPeriod",
    "Coefficient",
    "Comparison",
    "Horizon",
    "Importance",
    "Judgement",
    "ModelCard",
    "RateBin",
    "Score",
    "card_as_values",
    "card_from_values",
]

Judgement = Literal["better", "worse", "no better", "not enough", "not judged"]
"""What the headline score shows; `not judged` where the predictor says no headline."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score and its 95 % interval; `chance` is what no skill gives, where that is one number."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    chance: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A loss beside that of a baseline on the same rows.

    `gain`: the baseline's loss less the model's, above 0 where the model is better, with its 95 %
    interval. `skill`: the gain as a share of the baseline's loss.
    """

    baseline: str
    loss: str
    value: float
    baseline_value: float
    gain: float
    low: float | None
    high: float | None
    skill: float | None
    skill_low: float | None
    skill_high: float | None


@dataclass(frozen=True, kw_only=True)
class RateBin:
    """Rows whose forecasts lie between `lower` and `upper`: their mean, and how often it happened.

    `low` and `high`: 95 % interval of the observed rate.
    """

    lower: float
    upper: float
    rows: int
    effective_rows: float
    mean_forecast: float
    observed_rate: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class CardPeriod:
    """Rows that one fit predicted, or that fits in turn did where each predicted few.

    `start`, `end`: first and last row, ISO text. `model_id`, `rows_trained`: of the last of the
    fits; `seconds`: of all of them. `headline`: the headline score of these rows alone; `scores`:
    all of them.
    """

    start: str
    end: str
    fits: int
    model_id: str
    rows_trained: int
    rows: int
    effective_rows: float
    seconds: float | None
    headline: Score | None
    scores: tuple[Score, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """Scores of the forecasts this many bars ahead, and their comparison with the baselines."""

    bars: int
    rows: int
    effective_rows: float
    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much worse forecasts become when a family of features is shuffled among the rows.

    `increase`: of the mean loss as a share of it, with its 95 % interval.
    """

    family: str
    columns: int
    increase: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """Coefficient of a feature in units of its deviation: mean and deviation over the fits.

    `same_sign`: share of the fits whose coefficient has the sign of the mean.
    """

    feature: str
    mean: float
    deviation: float
    same_sign: float


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What is known of a model on one instrument, out of sample.

    `headline`: name of the score that decides `judgement` and `verdict`; empty where there is none.
    `main_loss`: the loss that importance is measured in. `horizons`: the first one is that of the
    headline. `facts`: what it was trained on, as names and text. `notes`: what a reader must know
    beside the verdict. `training_seconds`: of all fits, where each is known. `live`: the model that
    forecasts now and how it compared with the one before, as names and text; empty without one.
    """

    model: str
    instrument: str
    predictor: str
    estimator: str
    features: str
    label: str
    verdict: str
    judgement: Judgement
    headline: str
    headline_score: Score | None
    main_loss: str
    first: str | None
    last: str | None
    fits: int
    refit_dates: int
    rows_unpredicted: int
    horizons: tuple[Horizon, ...]
    periods: tuple[CardPeriod, ...]
    training_seconds: float | None
    reliability: tuple[RateBin, ...]
    importance: tuple[Importance, ...]
    coefficients: tuple[Coefficient, ...]
    facts: Mapping[str, str]
    notes: tuple[str, ...]
    live: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows scored at the first horizon."""
        return self.horizons[0].rows if self.horizons else 0

    @property
    def effective_rows(self) -> float:
        """What these rows are worth as independent ones."""
        return self.horizons[0].effective_rows if self.horizons else 0.0

    @property
    def scores(self) -> tuple[Score, ...]:
        """Scores at the first horizon."""
        return self.horizons[0].scores if self.horizons else ()

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Comparisons at the first horizon."""
        return self.horizons[0].comparisons if self.horizons else ()


def card_as_values(card: ModelCard) -> dict[str, Any]:
    """The card as plain values, as JSON takes them."""
    values: dict[str, Any] = _adapter().dump_python(card, mode="json")
    return values


def card_from_values(values: Mapping[str, Any]) -> ModelCard:
    """The card of such values; pydantic's `ValidationError` for others."""
    card: ModelCard = _adapter().validate_python(dict(values))
    return card


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(ModelCard)
