"""The data of a scenario: bars, actions, clean predictions, and the hashes of all of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from trading_pipeline.backtest.scenario_runner import ScenarioInputs, traded_bars
from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.moments import midnight
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import InsufficientDataError, ScenarioError
from trading_pipeline.market_data.calendars import periods_per_year
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.scenario import ScenarioSpec, require_currency
from trading_pipeline.settings.scenario_files.default_costs import default_costs_line
from trading_pipeline.stages.backtests.tradable import require_tradable
from trading_pipeline.stages.backtests.traded_predictions import TradedPredictions
from trading_pipeline.stages.features.cross_features import compared_instruments
from trading_pipeline.stages.features.external_inputs import ExternalInputs
from trading_pipeline.stages.features.instrument_series import InstrumentSeries, stored_series
from trading_pipeline.stages.features.unaudited import unaudited_features
from trading_pipeline.stages.models.model_features import ModelFeatures
from trading_pipeline.stages.stage import ComputedStage
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


class LoadedInputs(NamedTuple):
    """What a scenario runs on, what it is made of, and what must be said beside the result."""

    inputs: ScenarioInputs
    hashes: InputHashes
    warnings: tuple[str, ...]


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


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a scenario reads on an instrument; the frames themselves are not read yet."""

    series: InstrumentSeries
    windows: list[Window]
    end: datetime | None
    actions: list[CorporateAction]
    external: ExternalInputs
    models: list[TradedPredictions]

    @property
    def rows(self) -> slice:
        """Positions of the bars that are traded or warm the strategy up."""
        return self.series.span(None, self.end)

    def hashes(self) -> InputHashes:
        """Hashes of all that is read."""
        last_known_at = None
        if self.external.specs and self.rows.stop:
            last_known_at = self.series.known_at[self.rows.stop - 1]
        bars_hashes = self.series.bars_hashes(self.windows)
        return InputHashes(
            bars=canonical_hash([bars_hashes, actions_hash(self.actions)]),
            features=_together(
                [each.features_hash() for each in self.models]
                + self.external.hashes_until(last_known_at)
            ),
            predictions=_together([each.predictions_hash() for each in self.models]),
        )


def _asked(workspace: Workspace, instrument_id: str, scenario: ScenarioSpec) -> _Asked:
    series = stored_series(workspace, instrument_id)
    windows = scenario_windows(workspace, scenario, instrument_id)
    require_listed(scenario, instrument_id)
    require_currency(scenario, series.instrument)
    workspace.catalog.require_instruments_of(scenario)
    series.bars_hashes(windows)  # refuses bars that are missing or were kept out
    series.require_unchanged()
    start, end = scenario.dates.bounds
    if windows:
        end = windows[-1].end
    strategies, traded_by = workspace.registries.strategies, scenario.strategy
    params = strategies.validate_params(traded_by.type, traded_by.params)
    require_tradable(workspace.catalog, workspace.registries, scenario)
    traded = [window for window in windows if start is None or window.end > start]
    return _Asked(
        series=series,
        windows=windows,
        end=end,
        actions=[each for each in series.actions if end is None or each.ex_date < end.date()],
        external=ExternalInputs(workspace, strategies.external_inputs(traded_by.type, params)),
        models=[
            TradedPredictions(workspace, instrument_id, scenario, name, traded)
            for name in required_models(scenario, strategies)
        ],
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
    asked = _asked(workspace, instrument_id, scenario)
    series, rows, models = asked.series, asked.rows, asked.models
    kept = series.kept_inputs.get(scenario.hash)
    if kept is not None and kept.hashes == asked.hashes():
        return kept
    instrument = series.instrument
    inputs = ScenarioInputs(
        instrument=instrument,
        raw=series.raw.iloc[rows],
        factors=series.factors.iloc[rows],
        known_at=series.known_at[rows],
        actions=asked.actions,
        periods_per_year=periods_per_year(instrument.timeframe, instrument.calendar),
        predictions={},
        external=asked.external.as_known(series).rows(series.raw.index[rows]),
    )
    traded_bars(scenario, inputs)  # refuses dates without bars before predictions are looked for
    inputs = replace(inputs, predictions={each.name: each.frame() for each in models})
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
    loaded = LoadedInputs(inputs, asked.hashes(), tuple(warnings))
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

    def hashes(self, scenario: ScenarioSpec) -> InputHashes:
        """Hashes of the scenario's inputs; what is current is known by them alone."""
        kept = self._loaded.get(f"{scenario.name} {scenario.hash}")
        if kept is not None:
            return kept.hashes
        return _asked(self.workspace, self.instrument_id, scenario).hashes()

    @abstractmethod
    def scenario_of(self, key: str) -> ScenarioSpec:
        """The scenario of a partition."""

    def pending(self, keys: Iterable[str]) -> list[str]:
        """Keys without a current row; raises what loading their inputs raises, before a run is
        made for them."""
        found = super().pending(keys)
        for key in found:
            self.loaded(self.scenario_of(key))
        return found


def _together(hashes: list[str]) -> str:
    return canonical_hash(hashes) if hashes else ""
