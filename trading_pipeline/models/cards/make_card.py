"""Makes the card of a model on one instrument from its walk-forward predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trading_pipeline.models.cards.card import (
    CardPeriod,
    Coefficient,
    Horizon,
    Importance,
    ModelCard,
)
from trading_pipeline.models.cards.card_rows import CardFit, CardInput, HorizonRows, horizon_rows
from trading_pipeline.models.cards.coefficients import coefficients_over_fits
from trading_pipeline.models.cards.importance import family_importance
from trading_pipeline.models.cards.scored_kinds import (
    ScoredKind,
    comparisons,
    rates_by_forecast,
    scored_kind,
)
from trading_pipeline.models.cards.verdict import SCORE_WORDS, Verdict, headline_of, judged
from trading_pipeline.models.predictors.predictor import Predictor
from trading_pipeline.models.registry.fitted_model import FittedModel

__all__ = ["model_card"]

_MOST_PERIODS = 40
_MOST_MODELS = 40
_BASELINE_WORDS = {
    "drift": "drift",
    "zero": "always zero",
    "mean": "the mean before",
    "last": "the newest known value",
}
_MAIN_LOSS = {"probability": "brier", "number": "mse", "path": "mse"}


def model_card(given: CardInput) -> ModelCard:
    """Scores by fit and over all rows, comparison with the baselines, calibration, importance.

    All of it is out of sample: each row was predicted by a fit from before it, and rows whose
    outcome is not known are left out. Equal input gives an equal card. Raises `ModelTrainingError`
    where a user's predictor raises.
    """
    predictor, kind = given.predictor, scored_kind(given.predictor)
    rows, models = horizon_rows(given), _models(given)
    horizons = tuple(_horizon(each, kind) for each in rows)
    verdict = _verdict(given, rows, horizons, kind)
    loss = _main_loss(predictor, kind)
    importance: tuple[Importance, ...] = ()
    coefficients: tuple[Coefficient, ...] = ()
    if not predictor.bars_alone:
        coefficients = coefficients_over_fits(list(models.values()))
        if loss and rows:
            importance = family_importance(given, rows[0], kind, loss, models)
    odds = predictor.scored_as == "probability"
    return ModelCard(
        model=given.spec.name,
        instrument=given.instrument,
        predictor=predictor.name,
        estimator="" if predictor.task is None else given.spec.estimator.type,
        features="" if predictor.bars_alone else given.spec.features,
        label="" if predictor.bars_alone else given.spec.label.name,
        verdict=verdict.text,
        judgement=verdict.judgement,
        headline=kind.headline,
        headline_score=verdict.score,
        main_loss=loss,
        first=str(rows[0].told.index[0].isoformat()) if rows else None,
        last=str(rows[0].told.index[-1].isoformat()) if rows else None,
        fits=len(given.fits),
        refit_dates=given.refit_dates,
        rows_unpredicted=_unpredicted(given),
        horizons=horizons,
        periods=_periods(given, rows, kind),
        training_seconds=_seconds(given.fits),
        reliability=rates_by_forecast(rows[0]) if odds and rows else (),
        importance=importance,
        coefficients=coefficients,
        facts=_facts(given, models),
        notes=_notes(given, horizons, verdict, importance),
        live=given.live,
    )


def _verdict(
    given: CardInput,
    rows: Sequence[HorizonRows],
    horizons: Sequence[Horizon],
    kind: ScoredKind,
) -> Verdict:
    if not kind.headline:
        text = (
            f"Not judged: the predictor '{given.predictor.name}' does not say how it is scored, so "
            "nothing tells whether it is any good."
        )
        return Verdict(judgement="not judged", text=text, score=None)
    if not given.fits:
        text = (
            "Not enough to tell: too little was known for a model before each of the "
            f"{given.refit_dates} refit dates."
        )
        return Verdict(judgement="not enough", text=text, score=None)
    if not rows:
        text = "Not enough to tell: there is no prediction whose outcome is known yet."
        return Verdict(judgement="not enough", text=text, score=None)
    first, scored = rows[0], horizons[0]
    score, baseline = headline_of(kind.headline, scored.scores, scored.comparisons)
    against = (
        _BASELINE_WORDS.get(baseline, f"'{baseline}'")
        if baseline
        else _chance_in_words(given, first, kind)
    )
    bars = f" {first.bars} bar{'s' * (first.bars != 1)} ahead" if len(rows) > 1 else ""
    return judged(score, against, scored.effective_rows, ahead=bars)


def _chance_in_words(given: CardInput, rows: HorizonRows, kind: ScoredKind) -> str:
    """What no skill is, for somebody who has not heard of the score."""
    if kind.headline != "auc":
        return "drift"
    if given.predictor.label_features or given.spec.label.type != "direction":
        return "the base rate"
    return "always up" if rows.label.mean() >= 0.5 else "always down"


def _horizon(rows: HorizonRows, kind: ScoredKind) -> Horizon:
    return Horizon(
        bars=rows.bars,
        rows=len(rows),
        effective_rows=rows.worth.effective_rows,
        scores=kind.scores(rows),
        comparisons=comparisons(rows, kind),
    )


def _periods(
    given: CardInput, rows: Sequence[HorizonRows], kind: ScoredKind
) -> tuple[CardPeriod, ...]:
    """Scores of the first horizon over time; at most 40 periods."""
    if not rows:
        return ()
    groups = rows[0].groups
    step = -(-len(groups) // _MOST_PERIODS)
    together = [groups[each : each + step] for each in range(0, len(groups), step)]
    return tuple(
        _period(given, rows[0].part(slice(each[0].start, each[-1].stop)), kind) for each in together
    )


def _period(given: CardInput, rows: HorizonRows, kind: ScoredKind) -> CardPeriod:
    scores, compared = kind.scores(rows), comparisons(rows, kind)
    fits = [given.fits[number] for number in np.unique(rows.fit)]
    return CardPeriod(
        start=str(rows.told.index[0].isoformat()),
        end=str(rows.told.index[-1].isoformat()),
        fits=len(fits),
        model_id=fits[-1].model_id,
        rows_trained=fits[-1].fold.rows,
        rows=len(rows),
        effective_rows=rows.worth.effective_rows,
        seconds=_seconds(fits),
        headline=headline_of(kind.headline, scores, compared)[0],
        scores=scores,
    )


def _seconds(fits: Sequence[CardFit]) -> float | None:
    known = [fit.seconds for fit in fits if fit.seconds is not None]
    return sum(known) if known and len(known) == len(fits) else None


def _models(given: CardInput) -> dict[int, FittedModel]:
    """The models that are looked into, by position of their fit: the last one, and of those that
    learn from features at most 40, evenly spread."""
    step = len(given.fits) if given.predictor.bars_alone else -(-len(given.fits) // _MOST_MODELS)
    chosen = range(len(given.fits) - 1, -1, -max(step, 1))
    return {number: given.fits[number].load() for number in sorted(chosen)}


def _main_loss(predictor: Predictor, kind: ScoredKind) -> str:
    """The loss that importance is measured in; empty where there is none."""
    loss = kind.headline.removesuffix("_skill")
    return loss if loss != kind.headline else _MAIN_LOSS.get(predictor.scored_as or "", "")


def _unpredicted(given: CardInput) -> int:
    columns = list(given.predictor.columns)
    return sum(int(fit.predictions[columns].isna().any(axis=1).sum()) for fit in given.fits)


def _facts(given: CardInput, models: Mapping[int, FittedModel]) -> dict[str, str]:
    """What the last fit was made from, by name."""
    if not models:
        return {}
    last = models[max(models)]
    fold = last.fold
    versions = ", ".join(f"{name} {each}" for name, each in last.library_versions.items())
    hashes = {
        name.removesuffix("_hash").replace("_", " "): str(value)
        for name, value in last.made_from.items()
        if name.endswith("_hash")
    }
    return {
        "last model": last.model_id,
        "rows": f"{last.rows_fitted:,}",
        "trained on": f"{fold.train_start:%Y-%m-%d} to {fold.train_end:%Y-%m-%d}",
        "last label known": f"{fold.last_label_end:%Y-%m-%d %H:%M}",
        "purged": f"{fold.purged:,}",
        "spec": given.spec.hash,
        "seed": str(given.spec.seed),
        **hashes,
        "versions": versions,
    }


def _notes(
    given: CardInput,
    horizons: Sequence[Horizon],
    verdict: Verdict,
    importance: Sequence[Importance],
) -> tuple[str, ...]:
    """What must be known beside the verdict."""
    found = []
    if given.refit_dates > len(given.fits) > 0:
        found.append(
            f"{given.refit_dates - len(given.fits)} of {given.refit_dates} refit dates have no "
            "model, because too little was known before them; their bars are not predicted."
        )
    if verdict.judgement == "not judged":
        found.append(
            "To have it scored, give the class scored_as = 'number' (it forecasts the label as "
            "'yhat') or scored_as = 'probability' ('p_up' of a label of 1 or 0)."
        )
    if not horizons:
        return tuple(found)
    losing = [
        each
        for each in horizons[0].comparisons
        if each.high is not None and each.high < 0.0 and each.loss != "error_rate"
    ]
    for each in losing:
        words = SCORE_WORDS[each.loss].inside
        found.append(
            f"Worse than the baseline '{each.baseline}' by {words}: that baseline alone forecasts "
            "better."
        )
    held = next((each for each in horizons[0].scores if each.name == "coverage_90"), None)
    if held is not None and held.low is not None and held.high is not None:
        side = "narrow" if held.high < 0.9 else "wide" if held.low > 0.9 else ""
        if side:
            found.append(
                f"The 90 % interval is too {side}: it held {100.0 * (held.value or 0.0):.1f} % of "
                "the outcomes."
            )
    if importance and verdict.judgement != "better":
        found.append(
            "Importance is of forecasts without shown skill: a family may matter to the forecast "
            "and still tell nothing of the outcome."
        )
    return tuple(found)
