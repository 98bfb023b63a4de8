"""Probabilities on markets without an edge and with a planted one; prints a table.

Run `python -m benchmarks.model_calibration`; a few `--seeds` give a quick look. Every fit is made
by `fit_model` on the set `core` and judged on the 500 bars after it. A number depends on market,
rows, horizon, estimator and seeds alone.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.features.labels import compute_labels
from trading_pipeline.features.sets.registry import compute_features, feature_set
from trading_pipeline.models import FittedModel, fit_model, forecast, score_probabilities
from trading_pipeline.settings.model_spec import EstimatorSpec, LabelSpec, ModelSpec, TrainingSpec

FloatArray = npt.NDArray[np.float64]
MARKETS = ("random walk", "GARCH", "drift", "AR 0.2", "AR 0.5")
EDGES = ("AR 0.2", "AR 0.5")
ROWS = (500, 1000, 2500)
HORIZONS = (1, 5, 20)
ESTIMATORS = ("logistic", "hist_gradient_boosting")
WARMUP_BARS, JUDGED_BARS = 400, 500
CLOSE = pd.Timedelta(hours=21)


@dataclass(frozen=True)
class Judged:
    """One fit: its held-back AUC, and what its forecasts were worth on the bars after it."""

    held_back_auc: float
    far_from_half: float
    brier: float
    brier_of_half: float
    brier_of_base_rate: float
    auc: float


def log_returns(market: str, bars: int, seed: int) -> FloatArray:
    """Daily log returns of about 1 % deviation."""
    generator = np.random.default_rng([seed, MARKETS.index(market)])
    noise = generator.normal(size=bars)
    if market == "GARCH":
        variance, returns = 1.0, np.empty(bars)
        for bar in range(bars):
            returns[bar] = np.sqrt(variance) * noise[bar]
            variance = 0.02 + 0.08 * returns[bar] ** 2 + 0.90 * variance
        return 0.01 * returns
    if market in EDGES:
        rho, returns = float(market.split()[1]), np.empty(bars)
        last = 0.0
        for bar in range(bars):
            last = returns[bar] = rho * last + noise[bar]
        return 0.01 * returns
    return 0.01 * noise + (0.0006 if market == "drift" else 0.0)


def daily_bars(market: str, bars: int, seed: int) -> pd.DataFrame:
    """Bars that open at the last close, with wicks of their own."""
    close = 100.0 * np.exp(np.cumsum(log_returns(market, bars, seed)))
    opened = np.concatenate([[100.0], close[:-1]])
    generator = np.random.default_rng([seed, 99])
    wicks = np.abs(generator.normal(scale=0.003, size=(2, bars)))
    index = pd.date_range("1990-01-01", periods=bars, tz="UTC", name="ts").as_unit("us")
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * (1.0 + wicks[0]),
            "low": np.minimum(opened, close) * (1.0 - wicks[1]),
            "close": close,
            "volume": np.exp(generator.normal(12.0, 0.3, bars)),
        },
        index=index,
    )


@functools.lru_cache(maxsize=200)
def market_with_features(market: str, rows: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars and the columns of `core`; kept, because several cells judge the same market."""
    bars = daily_bars(market, WARMUP_BARS + rows + JUDGED_BARS + max(HORIZONS), seed)
    return bars, compute_features(feature_set("core"), bars)


def judge(
    bars: pd.DataFrame, features: pd.DataFrame, rows: int, horizon: int, estimator: str
) -> Judged | None:
    """Fit on the first `rows` rows after the warm-up and judge the 500 that follow."""
    label = LabelSpec(horizon_bars=horizon)
    known_at = pd.DatetimeIndex(bars.index + CLOSE)
    labels = compute_labels(label, bars, known_at).frame
    refit_at = bars.index[WARMUP_BARS + rows]
    parameters = {"C": 0.1} if estimator == "logistic" else {}
    spec = ModelSpec(
        name="judged",
        estimator=EstimatorSpec(type=estimator, params=parameters),
        label=label,
        training=TrainingSpec(minimum_rows=100),
    )
    model = fit_model(
        spec,
        features,
        labels,
        instrument="SIM_1d",
        refit_at=refit_at,
        test_end=bars.index[-1],
        feature_set_hash="0" * 64,
    )
    if not isinstance(model, FittedModel):
        return None
    later = labels.index[labels.index >= refit_at][:JUDGED_BARS]
    outcomes = labels.loc[later, "label"].to_numpy()
    forecasts = forecast(model, features.loc[later])["p_up"].to_numpy()
    seen = labels.loc[(labels["t1"] < refit_at) & features.notna().all(axis=1)[labels.index]]
    base = float(seen["label"].mean())
    scores = score_probabilities(outcomes, forecasts)
    held_back = model.scores["tail"]["auc"] if "tail" in model.scores else None
    return Judged(
        held_back_auc=np.nan if held_back is None else held_back,
        far_from_half=float(np.mean(np.abs(forecasts - 0.5) > 0.1)),
        brier=scores.brier,
        brier_of_half=0.25,
        brier_of_base_rate=float(np.mean((base - outcomes) ** 2)),
        auc=np.nan if scores.auc is None else scores.auc,
    )


def cell(
    market: str, rows: int, horizon: int, estimator: str, seeds: Sequence[int]
) -> dict[str, object]:
    """Means over the seeds, as one row of the table."""
    found = []
    for seed in seeds:
        bars, features = market_with_features(market, rows, seed)
        one = judge(bars, features, rows, horizon, estimator)
        if one is not None:
            found.append(one)
    table = pd.DataFrame([one.__dict__ for one in found])
    return {
        "market": market,
        "rows": rows,
        "bars ahead": horizon,
        "estimator": estimator,
        "held-back AUC > 0.6": float((table["held_back_auc"] > 0.6).mean()),
        "further than 0.1 from 0.5": float(table["far_from_half"].mean()),
        "Brier - 0.25": float((table["brier"] - 0.25).mean()),
        "Brier - base rate's": float((table["brier"] - table["brier_of_base_rate"]).mean()),
        "better than base rate": float((table["brier"] < table["brier_of_base_rate"]).mean()),
        "AUC": float(table["auc"].mean()),
    }


def main() -> None:
    """Print every cell asked for, one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="simulated markets a cell")
    parser.add_argument("--markets", nargs="+", default=MARKETS)
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS)
    parser.add_argument("--horizons", nargs="+", type=int, default=HORIZONS)
    parser.add_argument("--estimators", nargs="+", default=ESTIMATORS)
    asked = parser.parse_args()
    combinations = itertools.product(asked.markets, asked.rows, asked.horizons, asked.estimators)
    for number, one in enumerate(combinations):
        values = cell(*one, range(asked.seeds))
        if not number:
            sys.stdout.write("| " + " | ".join(values) + " |\n" + "|" + "---|" * len(values) + "\n")
        shown = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in values.values()]
        sys.stdout.write("| " + " | ".join(shown) + " |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
