"""Which rows a card scores: walk-forward predictions whose outcomes are known, by horizon.

Each row was predicted by the newest fit made before it, and each baseline knows what that fit knew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import ModelTrainingError
from trading_pipeline.models.cards.intervals import Worth
from trading_pipeline.models.predictors.calls import calling
from trading_pipeline.models.predictors.catalogue import params_of
from trading_pipeline.models.predictors.paths.bar_shapes import log_prices
from trading_pipeline.models.predictors.paths.path_predictor import PathPredictor
from trading_pipeline.models.predictors.predictor import History, Predictor, TrainingRows
from trading_pipeline.models.registry.fitted_model import FittedModel
from trading_pipeline.models.training.effective_rows import (
    fit_weights,
    label_clock,
    row_uniqueness,
)
from trading_pipeline.models.training.walk_forward_folds import Fold, purge
from trading_pipeline.settings.model_spec import ModelSpec

__all__ = ["CardFit", "CardInput", "HorizonRows", "KnownBefore", "as_scored", "horizon_rows"]

FloatArray = npt.NDArray[np.float64]
_RANKED_TOGETHER = 20.0


@dataclass(frozen=True, kw_only=True, eq=False)
class CardFit:
    """One fit, what it predicted (index ts, `horizon` and the predictor's columns), and its model.

    `load` gives the model; `seconds` is how long the fit took, where that is known.
    """

    model_id: str
    fold: Fold
    predictions: pd.DataFrame
    load: Callable[[], FittedModel]
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class CardInput:
    """What a card is made from.

    `fits`: in order of time, those that have a model. `refit_dates`: how often a fit was tried.
    `features`: of all bars, index ts. `labels`: columns t0, t1 and label, index ts. `history`: all
    bars, where the predictor needs them. `families`: family of each column of the features.
    """

    spec: ModelSpec
    predictor: Predictor
    instrument: str
    fits: Sequence[CardFit]
    refit_dates: int
    features: pd.DataFrame
    labels: pd.DataFrame
    history: History | None = None
    families: Mapping[str, str]
    live: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class HorizonRows:
    """Rows of one horizon in order of time, each with its outcome.

    `told`: what was predicted; `outcomes`: t0, t1 and label; `fit`: position of each row's fit;
    `baselines`: what they forecast, by name.
    """

    bars: int
    told: pd.DataFrame
    outcomes: pd.DataFrame
    fit: npt.NDArray[np.int64]
    worth: Worth
    baselines: Mapping[str, pd.DataFrame]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.told)

    @cached_property
    def groups(self) -> list[slice]:
        """Rows that are ranked among each other: those of one fit, or of fits in turn.

        The level of forecasts moves from fit to fit with the outcomes in between. After many rises
        it is higher, so the earlier rows, which rose, would rank below the later ones, and a
        forecast that knows nothing would score worse than chance. Fits in turn are taken together
        until they are worth 20 independent rows.
        """
        ends = [*(np.flatnonzero(np.diff(self.fit)) + 1).tolist(), len(self)]
        found, start = [], 0
        for end in ends:
            if self.worth.uniqueness[start:end].sum() >= _RANKED_TOGETHER:
                found.append(slice(start, end))
                start = end
        if start < len(self):  # too few for a group of their own
            begins = found.pop().start if found else 0
            found.append(slice(begins, len(self)))
        return found

    @cached_property
    def label(self) -> FloatArray:
        """The outcomes as numbers."""
        found: FloatArray = self.outcomes["label"].to_numpy(dtype="float64")
        return found

    def part(self, rows: slice) -> HorizonRows:
        """Rows that follow one another."""
        return HorizonRows(
            bars=self.bars,
            told=self.told.iloc[rows],
            outcomes=self.outcomes.iloc[rows],
            fit=self.fit[rows],
            worth=self.worth.at(rows),
            baselines={name: each.iloc[rows] for name, each in self.baselines.items()},
        )

    def of_fit(self, number: int) -> slice:
        """Where the rows of one fit are."""
        first, last = np.searchsorted(self.fit, [number, number + 1])
        return slice(int(first), int(last))


def horizon_rows(given: CardInput, *, baselines: bool = True) -> list[HorizonRows]:
    """Scored rows of each horizon, the shortest first; horizons without any are left out.

    A predictor of several steps that is no path is scored at the horizon of its label. Without
    `baselines` no fold of the fits is read.
    """
    if isinstance(given.predictor, PathPredictor):
        return _path_rows(given, given.predictor, baselines=baselines)
    with calling(given.predictor, "targets"):
        targets = given.predictor.targets(given.spec, given.labels, given.history)
    if given.predictor.scored_as is not None and "label" not in targets.columns:
        raise ModelTrainingError(
            f"The targets of the predictor {given.predictor.name!r} have no column 'label', which "
            "it is scored by. Give one, or leave scored_as out.",
            predictor=given.predictor.name,
        )
    told, fit = _joined(given, given.spec.label.horizon_bars)
    told = as_scored(given.predictor, told)
    known = told.index.isin(targets.index)
    told, fit = told.loc[known], fit[known]
    if not len(told):
        return []
    outcomes, clock = targets.loc[told.index], _clock(given, targets)
    return [
        HorizonRows(
            bars=given.spec.label.horizon_bars,
            told=told,
            outcomes=outcomes,
            fit=fit,
            worth=_worth(outcomes, clock),
            baselines=_baselines(given, targets, outcomes, fit) if baselines else {},
        )
    ]


def as_scored(predictor: Predictor, told: pd.DataFrame) -> pd.DataFrame:
    """Predictions in the columns that scores read: a probability as `p_up`, a number as `yhat`."""
    usual = {"probability": "p_up", "number": "yhat"}.get(predictor.scored_as or "")
    if usual is None or predictor.forecast_column == usual:
        return told
    return told.rename(columns={str(predictor.forecast_column): usual})


def _clock(given: CardInput, targets: pd.DataFrame) -> pd.DatetimeIndex:
    """Moments at which bars are known; targets of some bars alone do not tell those of others."""
    return label_clock(given.labels if given.predictor.label_features else targets)


class KnownBefore:
    """The rows that each fit learned from, which is what its baselines may know."""

    def __init__(self, given: CardInput, targets: pd.DataFrame) -> None:
        self._given, self._clock = given, _clock(given, targets)
        usable = targets.index.intersection(given.features.dropna().index)
        self._targets = targets.loc[usable]

    def rows(self, fit: CardFit) -> TrainingRows:
        """The rows of one fit."""
        given, fold, spec = self._given, fit.fold, self._given.spec
        rows = self._targets.loc[fold.train_start : fold.train_end]
        kept = purge(rows, fold.test_start, spec.training.embargo_bars).kept
        return TrainingRows(
            spec=spec,
            params=params_of(given.predictor, spec),
            features=given.features.loc[kept.index],
            targets=kept,
            weights=fit_weights(spec.training, kept, self._clock),
            uniqueness=row_uniqueness(kept, self._clock),
            clock=self._clock,
            history=None if given.history is None else given.history.before(fold.test_start),
        )


def _baselines(
    given: CardInput,
    targets: pd.DataFrame,
    outcomes: pd.DataFrame,
    fit: npt.NDArray[np.int64],
) -> dict[str, pd.DataFrame]:
    """What each baseline forecasts for the rows; one that lacks rows is left out."""
    known = KnownBefore(given, targets)
    found: dict[str, list[pd.DataFrame]] = {}
    for number in np.unique(fit):
        before = known.rows(given.fits[number])
        if not len(before):
            continue
        with calling(given.predictor, "baselines"):
            each = given.predictor.baselines(before, outcomes.loc[fit == number])
        for name, forecast in each.items():
            _check_baseline(given.predictor, name, forecast)
            found.setdefault(name, []).append(as_scored(given.predictor, forecast))
    whole = {name: pd.concat(each) for name, each in found.items()}
    return {name: each for name, each in whole.items() if each.index.equals(outcomes.index)}


def _check_baseline(predictor: Predictor, name: str, forecast: object) -> None:
    """Raise `ModelTrainingError` for what cannot be compared with the predictor's forecasts."""
    scored_by = predictor.forecast_column
    if not isinstance(forecast, pd.DataFrame):
        gave = "no DataFrame"
    elif scored_by is not None and scored_by not in forecast.columns:
        gave = f"no column {scored_by!r}"
    else:
        return
    raise ModelTrainingError(
        f"baselines of the predictor {predictor.name!r} gave {gave} for {name!r}. Give the "
        "prediction columns with the index of the targets.",
        predictor=predictor.name,
    )


def _path_rows(given: CardInput, predictor: PathPredictor, *, baselines: bool) -> list[HorizonRows]:
    """Log returns over each stored horizon, beside drift: the mean log return before the fit."""
    history = given.history
    if history is None:
        return []
    closes, bars = log_prices(history.bars, "close"), history.bars
    known = pd.DatetimeIndex(history.known_at)
    log_range = log_prices(bars, "high") - log_prices(bars, "low")
    usual = _usual(given, closes, log_range, known) if baselines else None
    found = []
    for horizon in predictor.steps(given.spec, history):
        told, fit = _joined(given, horizon)
        at = bars.index.get_indexer(told.index)
        kept = (at >= 0) & (at + horizon < len(closes))
        told, fit, at = told.loc[kept], fit[kept], at[kept]
        if not len(told):
            continue
        outcomes = pd.DataFrame(
            {
                "t0": known[at],
                "t1": known[at + horizon],
                "label": closes[at + horizon] - closes[at],
                "log_range": log_range[at + horizon],
            },
            index=told.index,
        )
        forecast_range = predictor.range_forecasts(told)
        told = predictor.close_forecasts(told, np.exp(closes[at]))
        if forecast_range is not None:
            told = told.assign(log_range=forecast_range)
        found.append(
            HorizonRows(
                bars=horizon,
                told=told,
                outcomes=outcomes,
                fit=fit,
                worth=Worth(uniqueness=np.full(len(told), 1.0 / horizon), overlap=horizon - 1),
                baselines=_path_baselines(told, fit, horizon, usual),
            )
        )
    return found


def _path_baselines(
    told: pd.DataFrame,
    fit: npt.NDArray[np.int64],
    horizon: int,
    usual: tuple[FloatArray, FloatArray] | None,
) -> dict[str, pd.DataFrame]:
    """`drift`, with the usual range where ranges are forecast, and `zero`."""
    if usual is None:
        return {}
    drifts, ranges = usual
    drift = pd.DataFrame({"yhat": drifts[fit] * horizon}, index=told.index)
    if "log_range" in told.columns:
        drift = drift.assign(log_range=ranges[fit])
    return {"drift": drift, "zero": pd.DataFrame({"yhat": 0.0}, index=told.index)}


def _usual(
    given: CardInput, closes: FloatArray, log_range: FloatArray, known: pd.DatetimeIndex
) -> tuple[FloatArray, FloatArray]:
    """Mean log return, and median range, of the bars that each fit learned from."""
    index = known[:0] if given.history is None else given.history.bars.index
    drifts, ranges = [], []
    for fit in given.fits:
        end = int(known.searchsorted(fit.fold.test_start, side="left"))
        start = index.get_indexer(pd.DatetimeIndex([fit.fold.train_start]))[0]
        drifts.append(float(np.diff(closes[start:end]).mean()))
        ranges.append(float(np.median(log_range[start:end])))
    return np.asarray(drifts), np.asarray(ranges)


def _joined(given: CardInput, horizon: int) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Complete predictions of a horizon in order of time, and the fit of each."""
    parts, numbers = [], []
    for number, fit in enumerate(given.fits):
        rows = fit.predictions.loc[fit.predictions["horizon"].to_numpy() == horizon]
        rows = rows[list(given.predictor.columns)].dropna()
        parts.append(rows)
        numbers.append(np.full(len(rows), number, dtype=np.int64))
    if not parts:
        empty = pd.DataFrame({name: np.empty(0) for name in given.predictor.columns})
        return empty.set_index(given.features.index[:0]), np.empty(0, dtype=np.int64)
    return pd.concat(parts), np.concatenate(numbers)


def _worth(outcomes: pd.DataFrame, clock: pd.DatetimeIndex) -> Worth:
    lives = clock.get_indexer(pd.DatetimeIndex(outcomes["t1"])) - clock.get_indexer(
        pd.DatetimeIndex(outcomes["t0"])
    )
    return Worth(uniqueness=row_uniqueness(outcomes, clock), overlap=max(int(lives.max()) - 1, 0))
