"""How good paths were at each horizon, on rows that no fit behind them had seen.

The training rows are cut as those of other models are: three blocks are held back in time order,
each forecast by a fit of the rows whose targets had ended before it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import InsufficientDataError, ModelTrainingError
from trading_pipeline.models.predictors.paths.bar_shapes import log_prices
from trading_pipeline.models.predictors.predictor import PredictionRows, TrainingRows
from trading_pipeline.models.training.walk_forward_folds import purge

if TYPE_CHECKING:
    from trading_pipeline.models.predictors.paths.path_predictor import PathPredictor

__all__ = [
    "NOMINAL_COVERAGE",
    "PATH_SCORES",
    "HorizonScores",
    "horizons_in_words",
    "mean_error",
    "path_in_words",
    "score_held_back",
]

FloatArray = npt.NDArray[np.float64]
NOMINAL_COVERAGE = 0.9
"""Share of outcomes that the interval from q05 to q95 is meant to hold."""
BLOCK_STARTS = (0.4, 0.6, 0.8)
_MOST_ORIGINS = 1000
"""Rows of a block that are scored, evenly spaced where there are more."""
_FEWEST_EFFECTIVE = 10.0
_SCORES = {
    "horizon": "bars ahead",
    "rows": "rows held back and scored",
    "effective_rows": "what these overlapping rows are worth",
    "skill": "improvement of the mean squared error over drift, as a share of it",
    "skill_error": "standard error of the skill",
    "accuracy": "share of right directions",
    "accuracy_error": "standard error of it",
    "coverage": "share of outcomes inside the 90 % interval",
    "coverage_error": "standard error of it",
    "range_skill": "improvement of the mean absolute error of the range over the usual one",
    "range_skill_error": "standard error of it",
}
PATH_SCORES: Mapping[str, str] = {
    "tail_horizons": "horizons that were scored",
    **{f"tail_{name}": f"{meaning}, at the first horizon" for name, meaning in _SCORES.items()},
    **{f"tail_last_{name}": f"{meaning}, at the last horizon" for name, meaning in _SCORES.items()},
}
"""Scores of a path in the fold table."""


@dataclass(frozen=True, kw_only=True)
class HorizonScores:
    """Scores at one horizon; the meanings are in `PATH_SCORES`.

    Errors know that outcomes over several bars overlap. None where something cannot be measured.
    """

    horizon: int
    rows: int
    effective_rows: float
    skill: float | None
    skill_error: float | None
    accuracy: float | None
    accuracy_error: float | None
    coverage: float
    coverage_error: float
    range_skill: float | None = None
    range_skill_error: float | None = None

    def as_dict(self) -> dict[str, float | int | None]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Scored:
    """Outcomes and forecasts of one horizon in time order; `overlap` neighbours share bars."""

    outcome: FloatArray
    forecast: FloatArray
    drift: FloatArray
    low: FloatArray
    high: FloatArray
    overlap: int
    range_outcome: FloatArray | None = None
    range_forecast: FloatArray | None = None
    range_usual: FloatArray | None = None


def score_held_back(
    predictor: PathPredictor, rows: TrainingRows, horizons: Sequence[int]
) -> list[HorizonScores]:
    """Scores of the held-back rows at each horizon; empty where nothing can be held back.

    Drift is the mean log return of the bars before the block, times the horizon. A row counts at a
    horizon whose outcome was known before the refit date. Where a block has more than 1,000 rows,
    as many of them are scored, evenly spaced.
    """
    parts = list(_forecast_blocks(predictor, rows, horizons))
    found = []
    for number, horizon in enumerate(horizons):
        scored = [part.at(number, horizon) for part in parts]
        if sum(len(each.outcome) for each in scored):
            found.append(_scores(horizon, scored))
    return found


def mean_error(values: FloatArray, overlap: int) -> float:
    """Standard error of a mean whose terms overlap up to `overlap` places apart.

    Newey and West (1987), Econometrica 55, with Bartlett weights over twice the overlap, since
    weights that reach zero at the overlap itself see two thirds of the variance.

    >>> mean_error(np.array([1.0, -1.0, 1.0, -1.0]), 0)
    0.5
    """
    rows, centred = len(values), values - values.mean()
    variance = float(centred @ centred) / rows
    reach = min(2 * overlap, rows - 1)
    for lag in range(1, reach + 1):
        weight = 1.0 - lag / (reach + 1.0)
        variance += 2.0 * weight * float(centred[lag:] @ centred[:-lag]) / rows
    return math.sqrt(max(variance, 0.0) / rows)


def path_in_words(scores: Mapping[str, Any]) -> str | None:
    """Scores of a fold in a sentence; None without any."""
    if not (scores.get("tail_rows") or 0) > 0:
        return None
    ends = []
    for prefix in ("tail_", "tail_last_"):
        names = HorizonScores.__dataclass_fields__
        values = {name: _plain(scores.get(f"{prefix}{name}")) for name in names}
        whole = {name: int(values[name]) for name in ("horizon", "rows")}
        ends.append(HorizonScores(**values | whole))
    return horizons_in_words(ends if ends[0].horizon != ends[1].horizon else ends[:1])


def horizons_in_words(horizons: Sequence[HorizonScores]) -> str:
    """Whether a path was better than drift, and how often its interval held the outcome.

    What is tried at several horizons must stand out further: the level of 2.5 % a side is shared
    among them (Bonferroni).
    """
    needed = NormalDist().inv_cdf(1.0 - 0.025 / len(horizons))
    better: list[int] = []
    worse: list[int] = []
    few: list[int] = []
    for each in horizons:
        if each.effective_rows < _FEWEST_EFFECTIVE or not each.skill_error or each.skill is None:
            few.append(each.horizon)
        elif abs(each.skill) > needed * each.skill_error:
            (better if each.skill > 0.0 else worse).append(each.horizon)
    tried = _steps([each.horizon for each in horizons])
    if better:
        said = f"Better than drift at {_steps(better)}"
        said += "." if len(better) == len(horizons) else f", not elsewhere (tried: {tried})."
    elif worse:
        said = f"Worse than drift at {_steps(worse)}, and better at none (tried: {tried})."
    elif len(few) == len(horizons):
        said = "Not enough to tell: too few rows to compare with drift."
    else:
        said = f"No better than drift: no skill is shown (tried: {tried})."
    details = [_one_in_words(each) for each in (horizons[0], horizons[-1])[: len(horizons)]]
    return " ".join([said, *details])


def _one_in_words(each: HorizonScores) -> str:
    skill = (
        "no skill measured"
        if each.skill is None or each.skill_error is None
        else f"skill {each.skill:+.4f} ± {each.skill_error:.4f}"
    )
    direction = (
        ""
        if each.accuracy is None or each.accuracy_error is None
        else f", right direction {each.accuracy:.1%} ± {each.accuracy_error:.1%}"
    )
    return (
        f"{_steps([each.horizon]).capitalize()} ahead: {skill}{direction}, 90 % interval held "
        f"{each.coverage:.1%} ± {each.coverage_error:.1%} ({each.effective_rows:,.0f} effective "
        f"rows of {each.rows:,})."
    )


def _steps(horizons: Sequence[int]) -> str:
    """Horizons in words: `1 bar`, `1, 2 and 4 bars`."""
    if len(horizons) == 1:
        return f"{horizons[0]} bar{'s' * (horizons[0] != 1)}"
    first, last = ", ".join(map(str, horizons[:-1])), horizons[-1]
    return f"{first} and {last} bars"


def _plain(value: Any) -> Any:
    """A number of a table; None for NaN."""
    return None if value is None or value != value else float(value)


def _scores(horizon: int, parts: Sequence[_Scored]) -> HorizonScores:
    outcome = np.concatenate([part.outcome for part in parts])
    forecast = np.concatenate([part.forecast for part in parts])
    drift = np.concatenate([part.drift for part in parts])
    low, high = (np.concatenate([getattr(p, n) for p in parts]) for n in ("low", "high"))
    overlap = max(part.overlap for part in parts)
    skill, skill_error = _skill((outcome - forecast) ** 2, (outcome - drift) ** 2, overlap)
    moved = outcome != 0.0
    right = (np.sign(forecast) == np.sign(outcome))[moved].astype("float64")
    inside = ((outcome >= low) & (outcome <= high)).astype("float64")
    ranges = [part for part in parts if part.range_outcome is not None]
    range_skill = range_error = None
    if ranges:
        actual, told, usual = (
            np.concatenate([getattr(part, f"range_{name}") for part in ranges])
            for name in ("outcome", "forecast", "usual")
        )
        range_skill, range_error = _skill(np.abs(actual - told), np.abs(actual - usual), overlap)
    return HorizonScores(
        horizon=horizon,
        rows=len(outcome),
        effective_rows=len(outcome) / (1.0 + overlap),
        skill=skill,
        skill_error=skill_error,
        accuracy=float(right.mean()) if len(right) else None,
        accuracy_error=mean_error(right, overlap) if len(right) else None,
        coverage=float(inside.mean()),
        coverage_error=mean_error(inside, overlap),
        range_skill=range_skill,
        range_skill_error=range_error,
    )


def _skill(
    loss: FloatArray, usual_loss: FloatArray, overlap: int
) -> tuple[float | None, float | None]:
    """One less loss over the usual loss, and its error by Diebold and Mariano (1995)."""
    usual = float(usual_loss.mean())
    if not usual > 0.0:
        return None, None
    gain = usual_loss - loss
    return float(gain.mean()) / usual, mean_error(gain, overlap) / usual


@dataclass(frozen=True)
class _Part:
    """Forecasts of a block, shape (rows, horizons), and the bars to compare them with."""

    positions: npt.NDArray[np.int64]
    stride: int
    forecasts: Mapping[str, FloatArray]
    ranges: FloatArray | None
    log_close: FloatArray
    log_range: FloatArray
    drift: float
    usual_range: float

    def at(self, number: int, horizon: int) -> _Scored:
        """The rows whose outcome is known."""
        rows = self.positions[self.positions + horizon < len(self.log_close)]
        told = {name: each[: len(rows), number] for name, each in self.forecasts.items()}
        scored = _Scored(
            outcome=self.log_close[rows + horizon] - self.log_close[rows],
            forecast=told["yhat"],
            drift=np.full(len(rows), self.drift * horizon),
            low=told["q05"],
            high=told["q95"],
            overlap=(horizon - 1) // self.stride,
        )
        if self.ranges is None:
            return scored
        return replace(
            scored,
            range_outcome=self.log_range[rows + horizon],
            range_forecast=self.ranges[: len(rows), number],
            range_usual=np.full(len(rows), self.usual_range),
        )


def _forecast_blocks(
    predictor: PathPredictor, rows: TrainingRows, horizons: Sequence[int]
) -> Iterator[_Part]:
    history = rows.history
    if history is None:
        return
    closes, bars = log_prices(history.bars, "close"), history.bars
    log_range = log_prices(bars, "high") - log_prices(bars, "low")
    at = bars.index.get_indexer(rows.targets.index)
    edges = [*(round(share * len(rows)) for share in BLOCK_STARTS), len(rows)]
    for start, end in itertools.pairwise(edges):
        if start == end:
            continue
        begins = rows.targets["t0"].iloc[start]
        kept = purge(rows.targets.iloc[:start], begins, rows.spec.training.embargo_bars).kept
        chosen = rows.targets.index.get_indexer(kept.index)
        known = history.before(begins)
        before = replace(
            rows,
            features=rows.features.iloc[chosen],
            targets=kept,
            weights=rows.weights[chosen],
            uniqueness=rows.uniqueness[chosen],
            history=known,
        )
        try:
            state = predictor.fit(before)
        except (InsufficientDataError, ModelTrainingError):
            continue  # too few rows before the block, or nothing to tell apart
        stride = -(-(end - start) // _MOST_ORIGINS)
        block = np.arange(start, end, stride)
        features = rows.features.iloc[block]
        told = predictor.predict(
            state,
            PredictionRows(
                spec=rows.spec,
                params=rows.params,
                features=features,
                known_at=pd.DatetimeIndex(rows.targets["t0"].iloc[block]),
                history=history.until(rows.targets["t0"].iloc[block[-1]]),
                steps=tuple(horizons),
            ),
        )
        shape = (len(block), len(horizons))
        starts = np.repeat(np.exp(closes[at[block]]), len(horizons))
        forecasts = predictor.close_forecasts(told, starts)
        ranges = predictor.range_forecasts(told)
        yield _Part(
            positions=at[block],
            stride=stride,
            forecasts={
                name: forecasts[name].to_numpy().reshape(shape) for name in ("yhat", "q05", "q95")
            },
            ranges=None if ranges is None else ranges.reshape(shape),
            log_close=closes,
            log_range=log_range,
            drift=float(np.diff(closes[: len(known.bars)]).mean()),
            usual_range=float(np.median(log_range[: len(known.bars)])),
        )
