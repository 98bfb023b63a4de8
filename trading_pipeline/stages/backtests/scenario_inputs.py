"""The data of a scenario: bars, actions, clean predictions, and the hashes of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

import pandas as pd

from trading_pipeline.backtest.scenario_runner import ScenarioInputs, traded_bars
from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.moments import midnight
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import InsufficientDataError, ScenarioError
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.models.leakage_guard import ensure_predictions_clean
from trading_pipeline.models.predictors.calls import predicting_code
from trading_pipeline.models.predictors.predictor import Predictor
from trading_pipeline.models.registry.model_files import load_model
from trading_pipeline.models.training.forecasting import predict
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.scenario import ScenarioSpec, require_currency
from trading_pipeline.settings.scenario_files.default_costs import default_costs_line
from trading_pipeline.stages.backtests.tradable import require_tradable
from trading_pipeline.stages.features.cross_features import compared_instruments
from trading_pipeline.stages.features.external_inputs import ExternalInputs
from trading_pipeline.stages.features.instrument_series import InstrumentSeries, stored_series
from trading_pipeline.stages.features.unaudited import unaudited_features
from trading_pipeline.stages.models.model_bars import ModelBars
from trading_pipeline.stages.models.model_features import ModelFeatures, model_feature_assets
from trading_pipeline.stages.stage import ComputedStage
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.reference import Listing, actions_hash
from trading_pipeline.strategies import StrategyCatalogue

__all__ = [
    "InputHashes",
    "LoadedInputs",
    "ScenarioStage",
    "is_asked_for",
    "load_inputs",
    "require_listed",
    "require_possible_dates",
    "required_models",
    "scenario_code_hash",
    "scenario_windows",
    "why_none_is_asked_for",
]


Product = TypeVar("Product")


@dataclass(frozen=True, kw_only=True)
class InputHashes:
    """Hashes of what a result is made from.

    `features` and `predictions` are empty where the strategy uses no model; the hashes of declared
    external inputs are part of `features`.
    """

    bars: str
    features: str
    predictions: str


class LoadedInputs:
    """What a scenario runs on, what it is made of, and what must be said beside the result.

    `hashes` and `instrument` are known at once. `inputs` and `warnings` are loaded when they are
    asked for: what is up to date reads no predictions.
    """

    def __init__(
        self,
        instrument: Instrument,
        hashes: InputHashes,
        load: Callable[[], tuple[ScenarioInputs, tuple[str, ...]]],
    ) -> None:
        self.instrument, self.hashes = instrument, hashes
        self._load = load

    @property
    def inputs(self) -> ScenarioInputs:
        """Bars, actions and predictions. Raises as `load_inputs` does."""
        return self._loaded[0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Lines for the result."""
        return self._loaded[1]

    @cached_property
    def _loaded(self) -> tuple[ScenarioInputs, tuple[str, ...]]:
        return self._load()


def required_models(scenario: ScenarioSpec, strategies: StrategyCatalogue) -> tuple[str, ...]:
    """Models whose predictions the scenario's strategy trades."""
    return strategies.required_predictions(scenario.strategy.type, scenario.strategy.params)


def scenario_code_hash(
    scenario: ScenarioSpec, strategies: StrategyCatalogue, *computing: Callable[..., object]
) -> str:
    """Hash of the code behind results: what computes them, their inputs, and both strategies."""
    traded = scenario.strategy
    params = strategies.validate_params(traded.type, traded.params)
    codes = [strategies.code_hash(traded.type, params), strategies.code_hash(scenario.benchmark)]
    return canonical_hash([code_hash(*computing, InstrumentSeries, ModelFeatures), *codes])


def scenario_windows(
    workspace: Workspace, scenario: ScenarioSpec, instrument_id: str
) -> list[Window]:
    """The instrument's windows up to the scenario's end; the earlier ones warm the strategy up."""
    end = scenario.dates.bounds[1]
    windows = workspace.windows_of(instrument_id)
    return [window for window in windows if end is None or window.start < end]


def require_listed(scenario: ScenarioSpec, instrument_id: str) -> None:
    """Refuse an instrument that the scenario does not list."""
    if not scenario.covers(instrument_id):
        raise ScenarioError(
            f"The scenario '{scenario.name}' does not list {instrument_id}; it lists "
            f"{', '.join(scenario.instruments or ())}. Add it under 'instruments', or leave the "
            "key out to mean all.",
            scenario=scenario.name,
            instrument=instrument_id,
        )


def require_possible_dates(
    catalog: Catalog, scenario: ScenarioSpec, instrument_id: str, now: datetime
) -> None:
    """Refuse dates in which there can be no bar: outside the instrument's span, or its listing.

    It reads files only, so it can be asked before anything runs. Raises `InsufficientDataError`.
    """
    grid, instrument = catalog.universe.grid_of(instrument_id), catalog.instrument(instrument_id)
    windows = grid.windows(now)
    first, last = grid.first_start, min(windows[-1].end, now) if windows else now
    if instrument.listed_from is not None:
        first = max(first, midnight(instrument.listed_from))
    if instrument.listed_to is not None:
        last = min(last, midnight(instrument.listed_to) + timedelta(days=1))
    start, end = scenario.dates.bounds
    if (start is None or start < last) and (end is None or end > first):
        return
    where = catalog.sources.get("universe", "universe.yaml")
    raise InsufficientDataError(
        f"The scenario '{scenario.name}' trades {instrument_id} from "
        f"{'the first bar' if start is None else f'{start:%Y-%m-%d}'} to "
        f"{'the last' if end is None else f'{end:%Y-%m-%d}'}, where there are 0 bars; at least 2 "
        f"are needed. Its bars can only lie from {first:%Y-%m-%d} to {last:%Y-%m-%d}. Change "
        f"'dates', or 'start' and 'end' in {where}.",
        scenario=scenario.name,
        instrument=instrument_id,
    )


def is_asked_for(
    workspace: Workspace,
    scenario: ScenarioSpec,
    instrument_id: str,
    listings: Mapping[str, Listing] | None = None,
) -> bool:
    """True where a pass over everything should trade the instrument in this scenario.

    A scenario that lists no instruments means all that were listed for some of its dates; one that
    lists them means each, whatever its dates. `listings`: those stored, where they are read.
    """
    if scenario.instruments is not None or not scenario.covers(instrument_id):
        return scenario.covers(instrument_id)
    start, end = scenario.dates.bounds
    known = workspace.reference.listings() if listings is None else listings
    first, last = known.get(instrument_id, (None, None))
    ended = start is not None and last is not None and last < start.date()
    not_begun = end is not None and first is not None and first >= end.date()
    return not (ended or not_begun)


def why_none_is_asked_for(workspace: Workspace, instrument_id: str) -> str:
    """Why a full pass trades the instrument in no scenario; empty where it does in one."""
    scenarios, portfolios = workspace.catalog.scenarios, workspace.catalog.portfolios
    if any(each.covers(instrument_id) for each in portfolios.values()):
        return ""
    if any(is_asked_for(workspace, each, instrument_id) for each in scenarios.values()):
        return ""
    first, last = workspace.reference.listings().get(instrument_id, (None, None))
    bars = f"{instrument_id} has bars from {first or 'the start'} to {last or 'now'}"
    left_out = []
    for name, scenario in scenarios.items():
        start, end = scenario.dates.bounds
        if not scenario.covers(instrument_id):
            left_out.append(f"{name} (lists other instruments)")
        elif end is not None and first is not None and first >= end.date():
            left_out.append(f"{name} (ends at {end.date()})")
        elif start is not None:
            left_out.append(f"{name} (starts at {start.date()})")
    folder = workspace.settings.config / "scenarios"
    return (
        f"No backtest was asked for: {bars}. Left out: {', '.join(left_out) or 'nothing'}. Write a "
        f"scenario with dates of its own into {folder}, such as mine.yaml, and run it again: "
        "name: mine, strategy: {type: sma_crossover, params: {fast: 10, slow: 30}}, dates: {start: "
        f"{first or '2020-01-01'}}}."
    )


def load_inputs(workspace: Workspace, instrument_id: str, scenario: ScenarioSpec) -> LoadedInputs:
    """Inputs of a scenario on an instrument, their hashes, and warnings; read once while unchanged.

    Raises
    ------
    UnknownNameError
        For an unknown instrument, this one or another one that the scenario lists.
    ScenarioError
        For an instrument that the scenario does not list.
    InsufficientDataError
        For dates without bars, and where bars or predictions are not materialized yet.
    DataQualityError
        For bars that were kept out by their checks.
    DataLeakageError
        Where a prediction's model was trained on what is traded.
    """
    series = stored_series(workspace, instrument_id)
    windows = scenario_windows(workspace, scenario, instrument_id)
    require_listed(scenario, instrument_id)
    require_currency(scenario, series.instrument)
    workspace.catalog.require_instruments_of(scenario)
    bars_hashes = series.bars_hashes(windows)
    start, end = scenario.dates.bounds
    if windows:
        end = windows[-1].end
    known = [action for action in series.actions if end is None or action.ex_date < end.date()]
    strategies, traded_by = workspace.registries.strategies, scenario.strategy
    params = strategies.validate_params(traded_by.type, traded_by.params)
    require_tradable(workspace.catalog, workspace.registries, scenario)
    external = ExternalInputs(workspace, strategies.external_inputs(traded_by.type, params))
    rows = series.span(None, end)
    last_known_at = series.known_at[rows.stop - 1] if rows.stop else None
    traded = [window for window in windows if start is None or window.end > start]
    models = [
        _Predictions(workspace, instrument_id, scenario, name, traded)
        for name in required_models(scenario, strategies)
    ]

    def hashes() -> InputHashes:
        return InputHashes(
            bars=canonical_hash([bars_hashes, actions_hash(known)]),
            features=_together(
                [each.features_hash() for each in models] + external.hashes_until(last_known_at)
            ),
            predictions=_together([each.predictions_hash() for each in models]),
        )

    kept = series.kept_inputs.get(scenario.hash)
    if kept is not None and kept.hashes == hashes():
        return kept
    instrument = series.instrument
    inputs = ScenarioInputs(
        instrument=instrument,
        raw=series.raw.iloc[rows],
        factors=series.factors.iloc[rows],
        known_at=series.known_at[rows],
        actions=known,
        periods_per_year=periods_per_year(instrument.timeframe, instrument.calendar),
        predictions={},
        external=external.as_known(series).rows(series.raw.index[rows]),
    )
    traded_bars(scenario, inputs)  # refuses dates without bars before predictions are looked for

    def load() -> tuple[ScenarioInputs, tuple[str, ...]]:
        predictions = {each.name: each.frame() for each in models}
        warnings = [
            warning
            for each in models
            for warning in (
                *unaudited_features(workspace, instrument_id, each.feature_set, each.name),
                *each.warnings,
            )
        ]
        if any(workspace.catalog.model(each.name).cross_features for each in models):
            compared = (instrument_id, *compared_instruments(workspace, instrument_id))
            warnings += filter(None, [workspace.catalog.universe.hindsight(compared)])
        if scenario.costs.is_free:
            warnings.append(
                "Free fills: commission and slippage are 0, so trading costs nothing here. Nobody "
                "trades at that price; set 'costs' in the scenario."
            )
        warnings += filter(None, [default_costs_line(scenario.default_costs)])
        return replace(inputs, predictions=predictions), tuple(warnings)

    loaded = LoadedInputs(instrument, hashes(), load)
    series.kept_inputs[scenario.hash] = loaded
    return loaded


class ScenarioStage(ComputedStage[str, Product]):
    """A stage that runs scenarios; it loads the inputs of each once."""

    def __init__(self, workspace: Workspace, instrument_id: str) -> None:
        super().__init__(workspace, instrument_id)
        self._loaded: dict[str, LoadedInputs] = {}

    def loaded(self, scenario: ScenarioSpec) -> LoadedInputs:
        """The scenario's inputs, as they were when this stage first asked for them."""
        key = f"{scenario.name} {scenario.hash}"  # of a frozen study, on two spans of dates
        if key not in self._loaded:
            self._loaded[key] = load_inputs(self.workspace, self.instrument_id, scenario)
        return self._loaded[key]


def _together(hashes: list[str]) -> str:
    return canonical_hash(hashes) if hashes else ""


class _Predictions:
    """Predictions of one model for one scenario, checked against what their models saw."""

    def __init__(
        self,
        workspace: Workspace,
        instrument_id: str,
        scenario: ScenarioSpec,
        model_name: str,
        windows: list[Window],
    ) -> None:
        self._workspace, self._scenario, self._windows = workspace, scenario, windows
        self.name = model_name
        self._spec = workspace.catalog.model(model_name)
        self._assets = {
            "models": f"models/{model_name}",
            "predictions": f"predictions/{model_name}",
        }
        predictor = workspace.registries.predictors.get(self._spec.predictor.type)
        read = [*model_feature_assets(self._spec, predictor), *self._assets.values()]
        self._upstream = UpstreamFrames(workspace, instrument_id, read)
        self._features = ModelFeatures(workspace, self._spec, self._upstream)
        self.warnings: list[str] = []

    @property
    def feature_set(self) -> str:
        """Name of the set that the model learns from."""
        return self._spec.features

    def frame(self) -> pd.DataFrame:
        """Predictions of the traded windows, by the walk-forward models or by the pinned one."""
        if self._scenario.model_window is not None:
            return self._by_pinned_model()
        frame = self._upstream.joined(self._assets["predictions"], self._windows)
        if frame.empty:
            self.warnings.append(
                f"The model '{self._spec.name}' made no prediction on the traded bars: it had too "
                "little to learn from. Nothing was traded."
            )
        ends = self._workspace.models.by_id(sorted(set(frame["model_id"])))
        last_label_ends = {
            name: pd.Timestamp(row["last_label_end"]).as_unit("us") for name, row in ends.items()
        }
        ensure_predictions_clean(frame, last_label_ends)
        return frame

    def features_hash(self) -> str:
        """Hash of the feature files that were predicted from."""
        return canonical_hash(self._features.file_hashes(self._windows))

    def predictions_hash(self) -> str:
        """Hash of the prediction files, or of the pinned model."""
        if self._scenario.model_window is not None:
            predictor = self._workspace.registries.predictors.get(self._spec.predictor.type)
            bars = self._bars(predictor).inputs(self._windows[-1]) if self._windows else []
            sha256 = self._pinned_fold()["sha256"]
            code = code_hash(*predicting_code(predictor))
            return canonical_hash(["pinned", sha256, self.features_hash(), code, *bars])
        asset = self._assets["predictions"]
        return canonical_hash(
            [self._upstream.artifact(asset, window).sha256 for window in self._windows]
        )

    def _bars(self, predictor: Predictor) -> ModelBars:
        return ModelBars(self._workspace, self._upstream.instrument_id, predictor)

    def _pinned_fold(self) -> pd.Series:
        key = str(self._scenario.model_window)
        window = self._workspace.catalog.grid.window(key, self._workspace.clock())
        folds = self._upstream.frame(self._assets["models"], window)
        fitted = folds.loc[folds["model_id"] != ""]
        if fitted.empty:
            raise InsufficientDataError(
                f"The model '{self._spec.name}' has no fit in the window {key}: "
                f"{folds['reason'].iloc[0]} Choose a later 'model_window'.",
                model=self._spec.name,
                window=key,
            )
        return fitted.iloc[0]

    def _by_pinned_model(self) -> pd.DataFrame:
        predictors = self._workspace.registries.predictors
        fold = self._pinned_fold()
        path = self._workspace.settings.runtime / fold["path"]
        fitted = load_model(path, predictors, sha256=fold["sha256"])
        features = self._features.rows(self._windows)
        start = self._scenario.dates.bounds[0]
        if start is not None:
            features = features.loc[features.index >= pd.Timestamp(start)]
        overlap = self._scenario.allow_overlap
        known_at = pd.DatetimeIndex(features["known_at"])
        if overlap and len(known_at) and known_at[0] <= fitted.last_label_end:
            self.warnings.append(
                f"Leakage allowed by 'allow_overlap': model {fitted.model_id} was trained on "
                f"labels that end at {fitted.last_label_end:%Y-%m-%d}, after the first traded bar. "
                "The result is worthless as evidence."
            )
        return predict(
            fitted,
            features.drop(columns="known_at"),
            known_at,
            feature_set_hash=self._features.hash,
            allow_overlap=overlap,
            history=self._bars(fitted.predictor).until(self._windows[-1]),
        )
