"""Speed of models and cards; prints the tables of docs/models.md.

Run `python -m benchmarks.model_speed`. All folds of `direction` on the bundled instruments: yearly
windows of daily bars, feature set `core`. "Bare fits" are the calls of scikit-learn that the same
training makes, on the same arrays: the final fit of each fold, and those of the rows held back.
Both sides run in turn in this process, the best of `--rounds`. CPU time is that of all threads;
where it is no more than the wall time, no thread competes with another. Bars are as traded, which
changes no time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.features.labels.labels import compute_labels
from trading_pipeline.features.sets.families import feature_families
from trading_pipeline.features.sets.registry import compute_features, feature_set
from trading_pipeline.market_data.sources.bundled.source import BundledSource
from trading_pipeline.market_data.sources.protocol import BarRequest
from trading_pipeline.models import FittedModel, History, fit_model, forecast, load_model, predict
from trading_pipeline.models.cards.card_rows import CardFit, CardInput
from trading_pipeline.models.cards.make_card import model_card
from trading_pipeline.models.predictors.catalogue import SHIPPED_PREDICTORS
from trading_pipeline.models.registry.model_files import save_model
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.model_spec import ModelSpec

CLOSE = pd.Timedelta(hours=21)
YEARS = range(2001, 2014)


@dataclass(frozen=True, eq=False)
class Market:
    """One instrument: when each bar is known, features and labels."""

    instrument: str
    known_at: pd.DatetimeIndex
    features: pd.DataFrame
    labels: pd.DataFrame


def spec_of(estimator: str) -> ModelSpec:
    """The shipped model of direction with another estimator."""
    given = {"name": "direction", "estimator": {"type": estimator}}
    return ModelSpec.model_validate({**given, "label": {"horizon_bars": 5}})


def bundled_markets() -> list[Market]:
    """The five bundled instruments."""
    source, found = BundledSource(), []
    with tempfile.TemporaryDirectory() as folder:
        catalog = load_catalog(Path(folder))
    start, end = (
        pd.Timestamp(day, tz="UTC").to_pydatetime() for day in ("2000-03-01", "2013-03-01")
    )
    for instrument in catalog.instruments.values():
        request = BarRequest(instrument=instrument, start=start, end=end)
        bars = source.fetch_bars(request).frame[["open", "high", "low", "close", "volume"]]
        known_at = pd.DatetimeIndex(bars.index) + CLOSE
        found.append(
            Market(
                instrument.id,
                known_at,
                compute_features(feature_set("core"), bars),
                compute_labels(spec_of("logistic").label, bars, known_at).frame,
            )
        )
    return found


def all_fits(spec: ModelSpec, market: Market) -> list[FittedModel]:
    """One fit at the start of each year; years with too little before them have none."""
    found = []
    for year in YEARS:
        fitted = fit_model(
            spec,
            market.features,
            market.labels,
            instrument=market.instrument,
            refit_at=pd.Timestamp(f"{year}-01-01", tz="UTC"),
            test_end=pd.Timestamp(f"{year + 1}-01-01", tz="UTC"),
            feature_set_hash="0" * 64,
        )
        if isinstance(fitted, FittedModel):
            found.append(fitted)
    return found


@contextmanager
def recorded_fits() -> Iterator[list[Callable[[], Any]]]:
    """The fits that boosting is asked for in the block, each to be done again."""
    from sklearn.base import clone
    from sklearn.ensemble import HistGradientBoostingClassifier as Boosting

    plain, calls = Boosting.fit, []

    def fit(self: Any, *given: Any, **named: Any) -> Any:
        calls.append(lambda: plain(clone(self), *given, **named))
        return plain(self, *given, **named)

    Boosting.fit = fit
    try:
        yield calls
    finally:
        Boosting.fit = plain


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall seconds and CPU seconds of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def best(rounds: int, *works: Callable[[], Any]) -> list[tuple[float, float]]:
    """Of each, the round with the least CPU time."""
    found: list[list[tuple[float, float]]] = [[] for _ in works]
    for _ in range(rounds):
        for place, work in enumerate(works):
            found[place].append(timed(work))
    return [min(each, key=lambda pair: pair[1]) for each in found]


def predictions_of(fitted: FittedModel, market: Market) -> pd.DataFrame:
    """What a fit predicts of its year."""
    fold = fitted.fold
    rows = (market.features.index >= fold.test_start) & (market.features.index < fold.test_end)
    return predict(fitted, market.features.loc[rows], market.known_at[rows])


def card_input(
    spec: ModelSpec, market: Market, fits: Sequence[FittedModel], folder: Path
) -> CardInput:
    """What a card is made from; models come from their files."""

    def saved(fitted: FittedModel) -> Callable[[], FittedModel]:
        path = save_model(folder, fitted)
        return lambda: load_model(path)

    return CardInput(
        spec=spec,
        predictor=SHIPPED_PREDICTORS.get("direction"),
        instrument=market.instrument,
        fits=[
            CardFit(
                model_id=each.model_id,
                fold=each.fold,
                predictions=predictions_of(each, market),
                load=saved(each),
            )
            for each in fits
        ],
        refit_dates=len(YEARS),
        features=market.features,
        labels=market.labels,
        families=feature_families(map(str, market.features.columns)),
    )


def path_of_a_day() -> Callable[[], Any]:
    """The recursive path of 300 bars of one minute, from 200 bootstrap paths, fit included."""
    generator = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.0005, 20_000)))
    index = pd.date_range("2024-01-01", periods=len(close), freq="min", tz="UTC", name="ts")
    index = index.as_unit("us")
    columns = dict.fromkeys(("open", "high", "low", "close"), close)
    bars = pd.DataFrame({**columns, "volume": 1.0}, index=index)
    known_at = index + pd.Timedelta(minutes=1)
    history = History(bars=bars, known_at=known_at, timeframe=Timeframe.M1, calendar="24/7")
    params = {"steps": 300, "paths": 200, "horizons": [300]}
    spec = ModelSpec.model_validate(
        {"name": "path", "predictor": {"type": "autoregressive", "params": params}}
    )
    features, refit_at = pd.DataFrame(index=index), known_at[-1] + pd.Timedelta(seconds=1)

    def work() -> None:
        fitted = fit_model(
            spec,
            features,
            pd.DataFrame(index=index[:0]),
            instrument="M_1m",
            refit_at=refit_at,
            test_end=refit_at + pd.Timedelta(days=1),
            feature_set_hash="0" * 64,
            history=history,
        )
        assert isinstance(fitted, FittedModel)
        forecast(fitted, features.iloc[-1:], known_at[-1:], history=history, whole_path=True)

    return work


def say(text: str) -> None:
    """A line of the tables."""
    sys.stdout.write(text + "\n")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    markets = bundled_markets()
    boosting, logistic = spec_of("hist_gradient_boosting"), spec_of("logistic")
    with recorded_fits() as calls:
        fits = [fitted for market in markets for fitted in all_fits(boosting, market)]

    def train(spec: ModelSpec) -> Callable[[], Any]:
        return lambda: [all_fits(spec, market) for market in markets]

    def bare() -> None:
        for call in calls:
            call()

    whole, alone, linear = best(rounds, train(boosting), bare, train(logistic))
    say(f"{len(fits)} folds of {len(markets)} instruments, {len(calls)} calls of fit.\n")
    say("| training | wall s | CPU s | CPU / wall |\n|---|---|---|---|")
    rows = {"boosting, whole": whole, "boosting, bare fits": alone, "logistic, whole": linear}
    for name, (wall, cpu) in rows.items():
        say(f"| {name} | {wall:.2f} | {cpu:.2f} | {cpu / wall:.2f} |")
    say(f"\nWhole training over bare fits, CPU time: {whole[1] / alone[1]:.2f}\n")
    market = markets[0]
    large = pd.concat([market.features.dropna()] * 40, ignore_index=True).iloc[:100_000]
    large.index = pd.date_range("2100-01-01", periods=len(large), freq="min", tz="UTC", name="ts")
    own = [each for each in fits if each.instrument == market.instrument]
    line = all_fits(logistic, market)
    with tempfile.TemporaryDirectory() as folder:
        cards = {
            name: card_input(spec, market, models, Path(folder))
            for name, spec, models in (("boosting", boosting, own), ("logistic", logistic, line))
        }
        works: dict[str, Callable[[], Any]] = {
            f"prediction of {len(large):,} rows, boosting": lambda: forecast(own[-1], large),
            f"prediction of {len(large):,} rows, logistic": lambda: forecast(line[-1], large),
            "path of 300 steps, 200 paths, with its fit and scores": path_of_a_day(),
            "card, boosting": lambda: model_card(cards["boosting"]),
            "card, logistic": lambda: model_card(cards["logistic"]),
        }
        say("| work | wall s | CPU s |\n|---|---|---|")
        for name, (wall, cpu) in zip(works, best(rounds, *works.values()), strict=True):
            say(f"| {name} | {wall:.2f} | {cpu:.2f} |")


if __name__ == "__main__":
    main()
