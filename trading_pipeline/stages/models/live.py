"""The stages of the newest model and its forecast: `live/<name>` and `latest_forecast/<name>`.

The live model is trained on everything that is known. Its bars are in its training rows, so no
backtest can read it: a scenario reads `models/` and `predictions/` alone.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.market_data.calendars import known_at
from trading_pipeline.market_data.next_bars import next_bars
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.registry.model_files import load_model, save_model
from trading_pipeline.models.registry.promotion import Decision
from trading_pipeline.models.training.forecasting import (
    ensure_same_features,
    forecast,
    no_predictions,
)
from trading_pipeline.models.training.train import fit_model, library_versions
from trading_pipeline.models.training.training_spans import span_of, windows_of_span
from trading_pipeline.stages.features.instrument_series import InstrumentSeries, stored_series
from trading_pipeline.stages.models.champion import (
    DECISION_NUMBERS,
    Contest,
    challenger_id,
    champion_row,
    live_table,
    stored_champion,
)
from trading_pipeline.stages.models.model_bars import ModelBars
from trading_pipeline.stages.models.model_features import (
    ModelFeatures,
    joined_labels,
    model_feature_assets,
    model_label_assets,
)
from trading_pipeline.stages.models.model_rows import (
    folds_are_sound,
    model_row,
    no_model_row,
)
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import ComputedStage, Identity
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["LIVE_WINDOW", "LatestForecastStage", "LiveModelStage"]

LIVE_WINDOW = "live"
"""Window of a live model in the table `models`; no window of the grid has that name."""
_INSTANT = pd.Timedelta(microseconds=1)


class _InstrumentStage(ComputedStage[str, pd.DataFrame]):
    """A frame of one instrument and model; the partition is the instrument."""

    kind: str

    def __init__(self, workspace: Workspace, instrument_id: str, model_name: str) -> None:
        super().__init__(workspace, instrument_id)
        self.spec = workspace.catalog.model(model_name)
        self.asset = f"{self.kind}/{model_name}"
        self.predictor = workspace.registries.predictors.get(self.spec.predictor.type)
        self.code_hash = code_hash(
            type(self).build, FittedModel, self.predictor, ModelFeatures, ModelBars, UpstreamFrames
        )
        self._labels = model_label_assets(self.spec, self.predictor)
        read = [*model_feature_assets(self.spec, self.predictor), *self._labels]
        self._frames = UpstreamFrames(workspace, instrument_id, read)
        self._features = ModelFeatures(workspace, self.spec, self._frames)
        self._bars = ModelBars(workspace, instrument_id, self.predictor)

    @abstractmethod
    def inputs(self) -> object:
        """Everything that the content depends on but the code."""

    @abstractmethod
    def build(self) -> tuple[pd.DataFrame, str]:
        """The frame and its status."""

    def identity(self, key: str) -> Identity:
        """The partition with the hash of inputs and code."""
        input_hash = canonical_hash([self.asset, self.code_hash, self.inputs()])
        return Identity(self.asset, self.partition(key), input_hash, self.code_hash)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, pd.DataFrame]:  # noqa: ARG002
        """Build the frame and write it to a file."""
        frame, status = self.build()
        run_id = self.workspace.run_id
        artifact = self.workspace.artifacts.write(
            frame, **vars(identity), status=status, run_id=run_id
        )
        return artifact, frame

    def stored(self, key: str, artifact: Artifact) -> pd.DataFrame:  # noqa: ARG002
        """The frame of the file."""
        return self.workspace.artifacts.load(artifact)

    @cached_property
    def series(self) -> InstrumentSeries:
        """The instrument's bars."""
        return stored_series(self.workspace, self.instrument_id)

    @cached_property
    def read_windows(self) -> list[Window]:
        """Windows of the training span; `InsufficientDataError` where no bar is stored."""
        windows = self.workspace.windows_of(self.instrument_id)
        if not len(self.series.raw):
            raise InsufficientDataError(
                f"{self.instrument_id} has no bar, so there is nothing to forecast from. Fetch its "
                f"bars first: trading-pipeline run {self.instrument_id}.",
                instrument=self.instrument_id,
            )
        span = span_of(self.spec.training, self.instrument_id)
        # of a span of windows the running one is beside those before it
        reach = span + 1 if isinstance(span, int) else span
        return windows_of_span(windows, reach, self.series.known_at[-1] + _INSTANT)


class LiveModelStage(_InstrumentStage):
    """The fit of everything known, as a fold table of one row; its file is among the models."""

    kind = "live"

    def is_current(self, artifact: Artifact | None, identity: Identity) -> bool:
        """True where the fold table is current, and the model that it names is as saved."""
        if artifact is None or not super().is_current(artifact, identity):
            return False
        return folds_are_sound(self.workspace, self.instrument_id, artifact)

    def inputs(self) -> object:
        """Spec, feature set, libraries, and the hash of every file of the training span."""
        read = self.read_windows
        return [
            self.spec.hash,
            self.spec.promotion.hash,
            self._features.hash,
            library_versions(self.spec.estimator.type),
            self._features.file_hashes(read),
            [self._frames.artifact(name, each).sha256 for name in self._labels for each in read],
            self.series.bars_hashes(read),
            *self._bars.inputs(read[-1]),
        ]

    def build(self) -> tuple[pd.DataFrame, str]:
        """Fit on every row whose target was known with the last bar, and decide who forecasts.

        The new fit is the challenger; `Contest` says when it takes the champion's place.
        """
        read = self.read_windows
        refit_at = self.series.known_at[-1] + _INSTANT
        features = self._features.rows(read)
        labels = joined_labels(self._frames, self._labels, read)
        history = self._bars.until(read[-1])

        def fit_until(moment: pd.Timestamp) -> FittedModel | NoModel:
            return fit_model(
                self.spec,
                features.drop(columns="known_at"),
                labels,
                instrument=self.instrument_id,
                refit_at=moment,
                test_end=moment + _INSTANT,
                feature_set_hash=self._features.hash,
                predictors=self.workspace.registries.predictors,
                history=history,
            )

        outcome = fit_until(refit_at)
        if isinstance(outcome, NoModel):
            row = no_model_row(refit_at, outcome.reason, outcome.fold)
            decision = Decision(promoted=True, reason="")
            return live_table(self.predictor, row, None, decision, ""), "no_model"
        path = save_model(self.workspace.settings.models / self.spec.name, outcome)
        stored = path.relative_to(self.workspace.settings.runtime).as_posix()
        new = model_row(outcome, LIVE_WINDOW, stored, path, self.workspace)
        self.workspace.models.save([new.registry])
        champion = stored_champion(self.workspace, self.instrument_id, self.spec.name)
        if champion is None:
            decision = Decision(promoted=True, reason="There was no champion to compare with.")
            return live_table(self.predictor, new.fold, None, decision, ""), "ok"
        decision = Contest(
            champion=champion,
            spec=self.spec,
            predictor=self.predictor,
            instrument_id=self.instrument_id,
            windows=read,
            features=features,
            labels=labels,
            history=history,
            fit_until=fit_until,
        ).judged(outcome)
        if decision.promoted:
            replaced = champion.model_id
            return live_table(self.predictor, new.fold, None, decision, replaced), "ok"
        kept = {str(name): value for name, value in champion.row.items()}
        replaced = str(kept.get("replaced", ""))
        return live_table(self.predictor, kept, new.fold, decision, replaced), "ok"

    def describe(self, product: pd.DataFrame) -> dict[str, Shown]:
        """What the champion learned from, what its held-back scores are worth, and the decision."""
        last = champion_row(product)
        scores = {name: last[name] for name in self.predictor.score_columns if name in product}
        numbers = {name: last[name] for name in DECISION_NUMBERS if name in product}
        return {
            "model_id": last["model_id"],
            "challenger": challenger_id(product) or None,
            "decision": str(last.get("decision", "")) or None,
            "reason": last["reason"],
            "rows": int(last["rows"]),
            "held_back": self.predictor.in_words({str(k): v for k, v in last.items()}),
            **{k: float(v) for k, v in {**scores, **numbers}.items() if pd.notna(v)},
        }


class LatestForecastStage(_InstrumentStage):
    """Every step of the live model's forecast from the last bar.

    One row a step: the columns of predictions, and `target_ts` and `target_known_at`, the bar that
    the step forecasts by the instrument's calendar, and `last_close`. Prices are as traded on the
    last bar.
    """

    kind = "latest_forecast"

    def inputs(self) -> object:
        """The live model, and the bars and features that are forecast from."""
        window = self._last_window
        instrument = self.series.instrument
        return [
            self._live.sha256,
            self._read_features.file_hashes([window]),
            self.series.bars_hashes([window]),
            self.series.events_hash(window.end),
            [instrument.timeframe.value, instrument.calendar, str(self._last_day)],
            *self._bars.inputs(window),
        ]

    def build(self) -> tuple[pd.DataFrame, str]:
        """The forecast; no rows where there is no model or no complete features of the last bar.

        Raises `InsufficientDataError` where the calendar or the listing has no next bar.
        """
        if not self._champion["model_id"]:
            return self._framed(no_predictions(self.predictor)), "no_model"
        instrument, series = self.series.instrument, self.series
        features = self._read_features.rows([self._last_window]).iloc[-1:]
        fitted = self._loaded_champion
        ensure_same_features(fitted, self._read_features.hash)
        moments = pd.DatetimeIndex(features["known_at"])
        told = forecast(
            fitted,
            features.drop(columns="known_at"),
            moments,
            history=self._bars.until(self._last_window),
            whole_path=True,
        )
        if told[list(self.predictor.columns)].isna().any(axis=None):
            return self._framed(no_predictions(self.predictor)), "no_rows"
        last = features.index[-1]
        ahead = self._next_bars(last, int(told["horizon"].max()))
        told = told.loc[told["horizon"].to_numpy() <= len(ahead)]
        targets = ahead[told["horizon"].to_numpy() - 1]
        factor = float(series.factors["total"].loc[last])
        prices = {name: told[name] / factor for name in self.predictor.price_columns}
        told = told.assign(**prices)
        frame = pd.DataFrame(
            {
                "known_at": np.repeat(moments, len(told)),
                "model_id": [fitted.model_id] * len(told),
                "horizon": told["horizon"].to_numpy(),
                "target_ts": targets,
                "target_known_at": known_at(targets, instrument.timeframe, instrument.calendar),
                "last_close": float(series.raw["close"].loc[last]),
                **{name: told[name].to_numpy() for name in self.predictor.columns},
            },
            index=told.index.rename("ts"),
        )
        return self._framed(frame), "ok"

    def describe(self, product: pd.DataFrame) -> dict[str, Shown]:
        """How far the forecast goes, and its numbers at the last step."""
        if not len(product):
            return {}
        last = product.iloc[-1]
        numbers = {name: float(last[name]) for name in self.predictor.columns}
        return {
            "from": str(product.index[-1]),
            "to": str(last["target_ts"]),
            "model_id": last["model_id"],
            **numbers,
        }

    @cached_property
    def _live(self) -> Artifact:
        live = LiveModelStage(self.workspace, self.instrument_id, self.spec.name)
        return live.require(
            self.instrument_id,
            f"'{live.asset}' of {self.instrument_id} has not been materialized, so there is no "
            f"model to forecast with. Run: trading-pipeline forecast {self.instrument_id} --model "
            f"{self.spec.name}.",
        )

    @cached_property
    def _champion(self) -> pd.Series:
        return champion_row(self.workspace.artifacts.load(self._live))

    @cached_property
    def _loaded_champion(self) -> FittedModel:
        return load_model(
            self.workspace.settings.runtime / self._champion["path"],
            self.workspace.registries.predictors,
            sha256=self._champion["sha256"],
        )

    @cached_property
    def _read_features(self) -> ModelFeatures:
        """What the champion reads, which an edit of the model's file does not change."""
        if not self._champion["model_id"]:
            return self._features
        spec = self._loaded_champion.spec
        if (spec.features, spec.cross_features) == (self.spec.features, self.spec.cross_features):
            return self._features
        upstream = UpstreamFrames(
            self.workspace, self.instrument_id, model_feature_assets(spec, self.predictor)
        )
        return ModelFeatures(self.workspace, spec, upstream)

    @cached_property
    def _last_window(self) -> Window:
        """The window of the last bar."""
        last = self.series.raw.index[-1] if len(self.series.raw) else None
        holding = [each for each in self.read_windows if last is not None and each.start <= last]
        return holding[-1]

    @property
    def _last_day(self) -> object:
        """Last day of the listing, where it is known to end."""
        return self.series.instrument.listed_to

    def _next_bars(self, last: pd.Timestamp, count: int) -> pd.DatetimeIndex:
        instrument = self.series.instrument
        ahead = next_bars(last, instrument.timeframe, instrument.calendar, count)
        if instrument.listed_to is None:
            return ahead
        end = pd.Timestamp(instrument.listed_to, tz="UTC") + pd.Timedelta(days=1)
        listed = ahead[ahead < end]
        if not len(listed):
            raise InsufficientDataError(
                f"{self.instrument_id} was listed to {instrument.listed_to}, and its last bar is "
                f"that of {last:%Y-%m-%d}; there is no next bar to forecast. Correct 'listed_to' "
                "in the universe where it still trades.",
                instrument=self.instrument_id,
                listed_to=instrument.listed_to,
            )
        return listed

    def _framed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with all columns in their types, in order."""
        stamps = dict.fromkeys(("known_at", "target_ts", "target_known_at"), TS_DTYPE)
        own = dict.fromkeys(("last_close", *self.predictor.columns), "float64")
        types: dict[str, Any] = {**stamps, "model_id": object, "horizon": "int64", **own}
        order = ("known_at", "model_id", "horizon", "target_ts", "target_known_at", *own)
        missing = {name: np.empty(0) for name in order if name not in frame.columns}
        return frame.assign(**missing)[list(order)].astype({name: types[name] for name in order})
