"""The newest forecast of an instrument: its numbers, its words, and its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.models.predictors.meta import Meta
from trading_pipeline.models.predictors.paths.path_scores import HorizonScores, horizons_in_words
from trading_pipeline.models.registry.model_files import read_metadata
from trading_pipeline.reporting.forecast import ForecastPage, render_forecast
from trading_pipeline.stages.features.instrument_series import stored_series
from trading_pipeline.stages.models.champion import champion_row
from trading_pipeline.stages.models.live import LatestForecastStage, LiveModelStage
from trading_pipeline.stages.models.live_health import live_health
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import write_text

__all__ = ["NewestForecast", "newest_forecast", "write_forecast_page"]

_SHOWN_BARS = 120


@dataclass(frozen=True, kw_only=True, eq=False)
class NewestForecast:
    """A forecast as people read it.

    `steps`: one row a step, index the bar that it forecasts (target_ts): horizon, `target_known_at`
    and, where the model gives them, `close`, `close_q05`, `close_q95` (prices as traded on the last
    bar), `p_up`, and `open`, `high`, `low`. `skill`: what is known of the model out of sample, in
    words. `horizons`: its scores by horizon. `columns`: the predictor's columns and meanings.
    `decision`: why this model forecasts. `reasons_to_refit`: what speaks for a new fit.
    """

    instrument: str
    model: str
    model_id: str
    predictor: str
    calendar: str
    currency: str
    last_ts: pd.Timestamp
    last_known_at: pd.Timestamp
    last_close: float
    now: pd.Timestamp
    steps: pd.DataFrame
    skill: str
    horizons: Sequence[Mapping[str, Any]]
    columns: Mapping[str, str]
    decision: str
    reasons_to_refit: Sequence[str]

    @property
    def is_path(self) -> bool:
        """Whether it has prices; a model of direction has one probability alone."""
        return "close" in self.steps.columns

    def bars_of(self, steps: pd.DataFrame) -> list[pd.Timestamp]:
        """The bars that some of the steps forecast."""
        return list(pd.DatetimeIndex(steps.index))

    @property
    def age_days(self) -> int:
        """Days since the bar that it starts from was known."""
        return max((self.now - self.last_known_at).days, 0)


def newest_forecast(workspace: Workspace, instrument_id: str, model: str) -> NewestForecast:
    """The stored forecast; it must be materialized.

    Raises `InsufficientDataError` where there is none, or no model for want of rows.
    """
    stage = LatestForecastStage(workspace, instrument_id, model)
    command = f"trading-pipeline forecast {instrument_id} --model {model}"
    artifact = stage.require(
        instrument_id, f"'{stage.asset}' of {instrument_id} is not there. Run: {command}."
    )
    frame = workspace.artifacts.load(artifact)
    live = LiveModelStage(workspace, instrument_id, model)
    fold = champion_row(workspace.artifacts.load(live.require(instrument_id, "")))
    if artifact.status == "no_model":
        raise InsufficientDataError(
            f"The model '{model}' has nothing to forecast {instrument_id} with: {fold['reason']} "
            "Add earlier bars, or lower 'minimum_rows' of its training.",
            instrument=instrument_id,
            model=model,
        )
    if not len(frame):
        why = "a feature of its last bar is not there (NaN). See the asset page of its feature set."
        if isinstance(stage.predictor, Meta):
            why = (
                "its strategy opens no side on the last bar, so there is no signal to judge. Ask "
                "again after the next bar. (A feature that is NaN there would say the same.)"
            )
        raise InsufficientDataError(
            f"The model '{model}' has no forecast of {instrument_id}: {why}",
            instrument=instrument_id,
            model=model,
        )
    metadata = read_metadata(workspace.settings.runtime / fold["path"])
    horizons = metadata["details"].get("horizons", [])
    words = (
        horizons_in_words([HorizonScores(**each) for each in horizons])
        if horizons
        else stage.predictor.in_words({str(k): v for k, v in fold.items()})
    )
    instrument, first = workspace.catalog.instrument(instrument_id), frame.iloc[0]
    health = live_health(workspace, instrument_id, model)
    return NewestForecast(
        instrument=instrument_id,
        model=model,
        model_id=str(first["model_id"]),
        predictor=stage.predictor.name,
        calendar=instrument.calendar,
        currency=instrument.currency,
        last_ts=frame.index[0],
        last_known_at=first["known_at"],
        last_close=float(first["last_close"]),
        now=pd.Timestamp(workspace.clock()),
        steps=_steps(frame),
        skill=words or "Its skill is not measured: nothing could be held back.",
        horizons=horizons,
        columns=dict(stage.predictor.columns),
        decision=str(fold.get("decision", "")),
        reasons_to_refit=[] if health is None else list(health.reasons_to_refit().values()),
    )


def write_forecast_page(workspace: Workspace, told: NewestForecast) -> Path:
    """Write the page with the picture; gives its path."""
    raw = stored_series(workspace, told.instrument).raw
    recent = raw.loc[raw.index <= told.last_ts].iloc[-_SHOWN_BARS:]
    page = ForecastPage(
        title=f"{told.instrument}: {told.model}",
        instrument=told.instrument,
        model=told.model,
        model_id=told.model_id,
        currency=told.currency,
        calendar=told.calendar,
        last_ts=told.last_ts,
        last_known_at=told.last_known_at,
        last_close=told.last_close,
        age_days=told.age_days,
        recent=recent,
        steps=told.steps,
        skill=told.skill,
        horizons=told.horizons,
    )
    path = workspace.reports / "forecasts" / f"{told.instrument}-{told.model}.html"
    write_text(path, render_forecast(page))
    return path


def _steps(frame: pd.DataFrame) -> pd.DataFrame:
    """The forecast by the bars that it is of; log returns become prices."""
    steps = frame.set_index("target_ts").drop(columns=["known_at", "model_id"])
    if "yhat" in steps.columns and {"q05", "q95"} <= set(steps.columns):
        names = {"close": "yhat", "close_q05": "q05", "close_q95": "q95"}
        for name, column in names.items():
            steps[name] = steps["last_close"] * np.exp(steps[column])
    return steps.drop(columns="last_close")
