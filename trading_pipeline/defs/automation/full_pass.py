"""This file holds a pass over the pipeline: which runs it takes, in the order of the lineage.

One `dagster asset materialize` takes assets of one partitions definition, and so does a run here: the
universe; an instrument's actions; its bars to predictions; backtests; studies; the leaderboard. What
is up to date is not run again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import dagster as dg

from trading_pipeline.defs.automation.job_runs import JobRunner
from trading_pipeline.defs.instance import open_instance
from trading_pipeline.defs.partitions import datasets, instruments, scenarios, studies
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.backtests.backtest import backtest_is_pending
from trading_pipeline.stages.backtests.scenario_inputs import (
    require_listed,
    required_models,
    scenario_windows,
)
from trading_pipeline.stages.backtests.study import study_is_pending
from trading_pipeline.stages.coverage import chain_assets, pending_chain
from trading_pipeline.stages.datasets.profiles import refresh_dataset
from trading_pipeline.stages.features.cross_features import (
    compared_instruments,
    cross_features_are_pending,
)
from trading_pipeline.stages.market_data.universe import actions_are_pending, universe_is_pending
from trading_pipeline.stages.reports.reports import leaderboard_is_pending, tearsheet_is_pending
from trading_pipeline.stages.workspace import Workspace

__all__ = ["FullPass"]


class FullPass:
    """Brings parts of the pipeline up to date with as few runs as it takes."""

    def __init__(self, workspace: Workspace, definitions: dg.Definitions) -> None:
        self.workspace = workspace
        self.runner = JobRunner(definitions, open_instance(workspace.settings))

    def reference_data(self) -> None:
        """The universe and its partition keys."""
        if universe_is_pending(self.workspace) or self._keys_are_missing():
            self.runner.run("reference_data")

    def dataset(self, name: str) -> str:
        """Profile a file of the inbox and register it; gives the instrument's id.

        Its instrument comes back where it was archived, since somebody asks for it by name. Raises `DatasetFormatError` where it was refused or waits for a decision.
        """
        self.runner.instance.add_dynamic_partitions(str(datasets.name), [name])
        self.runner.run(
            "datasets", partition=name, config={"dataset_profile": {"bring_back": True}}
        )
        catalog = load_catalog(self.workspace.settings.config)  # the run has added to the universe
        outcome = refresh_dataset(replace(self.workspace, catalog=catalog), name, bring_back=True)
        if not outcome.instrument:
            raise DatasetFormatError(
                f"{name} was not registered. {outcome.reason or ' '.join(outcome.questions)}",
                dataset=name,
            )
        return outcome.instrument

    def chain(
        self,
        instrument: str,
        model_names: list[str],
        windows: list[Window],
        *,
        refetch: bool = False,
    ) -> dict[str, int]:
        """Actions and bars up to the models' predictions; gives what was missing, windows by asset.

        `refetch` asks the source for whole windows again, final ones too; what follows is computed
        again only where that changed something. Windows outside the instrument's span are left out.
        """
        windows = self._own(instrument, windows)
        if not windows:
            return {}
        if refetch or actions_are_pending(self.workspace, instrument):
            self.runner.run("corporate_actions_job", partition=instrument)
        missing = pending_chain(self.workspace, instrument, model_names, windows)
        if refetch:
            missing = {"bars": len(windows)} | missing
        if missing:
            self.runner.run(
                "bars_to_predictions",
                partition=f"{instrument}|{windows[0].key}",
                last_partition=f"{instrument}|{windows[-1].key}",
                assets=chain_assets(self.workspace, model_names),
                config={"bars": {"refetch": True}} if refetch else None,
            )
        return missing

    def chain_for(self, instrument: str, scenario: ScenarioSpec) -> dict[str, int]:
        """What a scenario stands on, for an instrument."""
        require_listed(scenario, self.workspace.catalog.instrument(instrument).id)
        models = list(required_models(scenario, self.workspace.registries.strategies))
        windows = scenario_windows(self.workspace, scenario, instrument)
        if models and scenario.model_window is not None:
            windows = self.workspace.windows_of(instrument)
        if any(self.workspace.catalog.model(name).cross_features for name in models):
            for other in (instrument, *compared_instruments(self.workspace, instrument)):
                self.chain(other, [], windows)
            self.cross_features(instrument, windows)
        return self.chain(instrument, models, windows)

    def cross_features(self, instrument: str, windows: list[Window]) -> bool:
        """An instrument beside the others; True where something was run. Needs everybody's bars."""
        windows = self._own(instrument, windows)
        pending = bool(windows) and cross_features_are_pending(self.workspace, instrument, windows)
        if pending:
            self.runner.run(
                "cross_features_job",
                partition=f"{instrument}|{windows[0].key}",
                last_partition=f"{instrument}|{windows[-1].key}",
            )
        return pending

    def backtest(self, instrument: str, scenario: str) -> bool:
        """A result and its tear sheet; True where something was run."""
        pending = []
        if backtest_is_pending(self.workspace, instrument, scenario):
            pending = ["backtest", "tearsheet"]
        elif tearsheet_is_pending(self.workspace, instrument, scenario):
            pending = ["tearsheet"]
        if pending:
            self.runner.run("backtests", partition=f"{instrument}|{scenario}", assets=pending)
        return bool(pending)

    def study(self, instrument: str, study: str) -> bool:
        """A study's trials and summary; True where something was run."""
        pending = study_is_pending(self.workspace, instrument, study)
        if pending:
            self.runner.run("optimization", partition=f"{instrument}|{study}")
        return pending

    @contextmanager
    def new_scenario(self, scenario: str) -> Iterator[None]:
        """Take the scenario's partition key away again where the block raises and the key is new.

        Without it a scenario that was refused would stay as a row without a file in the UI.
        """
        kind, instance = str(scenarios.name), self.runner.instance
        known = instance.has_dynamic_partition(kind, scenario)
        try:
            yield
        except BaseException:
            if not known:
                instance.delete_dynamic_partition(kind, scenario)
            raise

    def leaderboard(self) -> bool:
        """The index of all results; True where something was run."""
        pending = leaderboard_is_pending(self.workspace)
        if pending:
            self.runner.run("reports")
        return pending

    def _own(self, instrument: str, windows: list[Window]) -> list[Window]:
        own = set(self.workspace.windows_of(instrument))
        return [window for window in windows if window in own]

    def _keys_are_missing(self) -> bool:
        catalog, instance = self.workspace.catalog, self.runner.instance
        wanted = (
            (instruments, catalog.instruments),
            (scenarios, catalog.scenarios),
            (studies, catalog.studies),
        )
        return any(
            set(names) - set(instance.get_dynamic_partitions(str(partitions.name)))
            for partitions, names in wanted
        )
