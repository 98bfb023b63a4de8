"""Makes the card of a model on one instrument from its walk-forward predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from trading_pipeline.models.cards.card import (
    CardFold,
    Coefficient,
    Comparison,
    Horizon,
    Importance,
    ModelCard,
    Score,
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
        folds=tuple(_fold(number, fit, rows, kind) for number, fit in enumerate(given.fits)),
        reliability=rates_by_forecast(rows[0]) if odds and rows else (),
        importance=importance,
        coefficients=coefficients,
        facts=_facts(given, models),
        notes=_notes(given, horizons, verdict, importance),
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
    if given.spec.label.type != "direction":
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


def _fold(number: int, fit: CardFit, rows: Sequence[HorizonRows], kind: ScoredKind) -> CardFold:
    """One fit; without scores where no outcome of its rows is known."""
    scores: tuple[Score, ...] = ()
    compared: tuple[Comparison, ...] = ()
    own = rows[0].of_fit(number) if rows else None
    if own is not None and len(own):
        scores, compared = kind.scores(own), comparisons(own, kind)
    fold = fit.fold
    return CardFold(
        model_id=fit.model_id,
        train_start=_stamp(fold.train_start),
        train_end=_stamp(fold.train_end),
        last_label_end=_stamp(fold.last_label_end),
        test_start=fold.test_start.isoformat(),
        test_end=fold.test_end.isoformat(),
        rows_trained=fold.rows,
        rows=0 if own is None else len(own),
        effective_rows=0.0 if own is None else own.worth.effective_rows,
        seconds=fit.seconds,
        headline=headline_of(kind.headline, scores, compared)[0] if scores else None,
        scores=scores,
    )


def _models(given: CardInput) -> dict[int, FittedModel]:
    """The models that are looked into, by position of their fit: the last one, and all of those
    that learn from features."""
    chosen = range(len(given.fits))
    if given.predictor.bars_alone:
        chosen = chosen[-1:]
    return {number: given.fits[number].load() for number in chosen}


def _main_loss(predictor: Predictor, kind: ScoredKind) -> str:
    """The loss that importance is measured in; empty where there is none."""
    loss = kind.headline.removesuffix("_skill")
    return loss if loss != kind.headline else _MAIN_LOSS.get(predictor.scored_as or "", "")


def _unpredicted(given: CardInput) -> int:
    columns = list(given.predictor.columns)
    return sum(int(fit.predictions[columns].isna().any(axis=1).sum()) for fit in given.fits)


def _stamp(moment: pd.Timestamp | None) -> str | None:
    return None if moment is None or pd.isna(moment) else moment.isoformat()


def _facts(given: CardInput, models: Mapping[int, FittedModel]) -> dict[str, str]:
    """What the last fit was made from, by name."""
    if not models:
        return {}
    last = models[max(models)]
    versions = ", ".join(f"{name} {each}" for name, each in last.library_versions.items())
    hashes = {
        name.removesuffix("_hash").replace("_", " "): str(value)
        for name, value in last.made_from.items()
        if name.endswith("_hash")
    }
    return {
        "last model": last.model_id,
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
        words = SCORE_WORDS[each.loss].label.lower()
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
