"""A pass over the pipeline: which runs it takes, in the order of the lineage.

A run takes assets of one partitions definition, as `dagster asset materialize` does: the universe;
an instrument's actions; its bars to predictions; model cards; backtests; portfolios; studies; the
leaderboard.
What is up to date is not run again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import dagster as dg

from trading_pipeline.defs.automation.batch_runs import BatchRuns, Failures, Workers, groups_of
from trading_pipeline.defs.automation.job_runs import JobRunner
from trading_pipeline.defs.automation.untold import Untold
from trading_pipeline.defs.instance import open_instance
from trading_pipeline.defs.outside_span import report_outside_partitions
from trading_pipeline.defs.partition_keys import keys_are_missing
from trading_pipeline.defs.partitions import (
    datasets,
    instrument_scenarios,
    instrument_studies,
    portfolios,
)
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import DatasetFormatError, TradingPipelineError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.backtests.portfolio import PortfolioStage
from trading_pipeline.stages.backtests.scenario_inputs import (
    require_listed,
    required_models,
    scenario_windows,
)
from trading_pipeline.stages.backtests.study import SummaryStage, TrialStage
from trading_pipeline.stages.batch import Part
from trading_pipeline.stages.coverage import chain_stages, pending_in_order
from trading_pipeline.stages.datasets.profiles import DatasetStage
from trading_pipeline.stages.features.cross_features import (
    CrossFeatureStage,
    compared_instruments,
)
from trading_pipeline.stages.market_data.universe import ActionStage, UniverseStage
from trading_pipeline.stages.models.champion import other_feature_set
from trading_pipeline.stages.models.live import LatestForecastStage, LiveModelStage
from trading_pipeline.stages.models.model_card import ModelCardStage
from trading_pipeline.stages.reports.leaderboard import LeaderboardStage
from trading_pipeline.stages.reports.portfolio_report import PortfolioReportStage
from trading_pipeline.stages.reports.tearsheet import TearsheetStage
from trading_pipeline.stages.results.result_tables import ResultTablesStage
from trading_pipeline.stages.stage import WHOLE, Stage
from trading_pipeline.stages.turns import sweep_workspace, turn_at
from trading_pipeline.stages.workspace import Workspace

__all__ = ["FullPass", "Worked"]

Worked = tuple[set[Part], Failures]
"""Parts of which something was run, and what stopped a part."""


class FullPass:
    """Brings parts of the pipeline up to date with as few runs as it takes.

    Two passes at once do nothing twice: each part has the turn of its instrument, so the second
    pass waits, and looks what is missing after the wait. Instruments are worked on side by side.
    What killed processes left is removed first.
    """

    def __init__(self, workspace: Workspace, definitions: dg.Definitions) -> None:
        self.workspace = workspace
        sweep_workspace(workspace.settings)
        self.workers = Workers(workspace.settings)
        self.runner = JobRunner(definitions, open_instance(workspace.settings), workspace)
        self._untold = Untold(self.runner.instance)

    def reference_data(self) -> None:
        """The universe and its partition keys."""
        with self._turn("universe"):
            universe = UniverseStage(self.workspace)
            if universe.pending(WHOLE) or keys_are_missing(self.runner.instance, self.workspace):
                self.runner.run("reference_data")

    def dataset(self, name: str) -> str:
        """Profile a file of the inbox and register it; gives the instrument's id.

        An archived instrument comes back, since the file was named. Raises `DatasetFormatError`
        where the file was refused or waits for a decision.
        """
        with self._turn("datasets"):
            self.runner.instance.add_dynamic_partitions(str(datasets.name), [name])
            config = {"dataset_profile": {"bring_back": True}}
            self.runner.run("datasets", partition=name, config=config)
            catalog = load_catalog(
                self.workspace.settings.config, leave_out=True
            )  # the run has added to it
            stage = DatasetStage(replace(self.workspace, catalog=catalog), bring_back=True)
            (outcome,) = stage.materialize([name])
        if not outcome.instrument:
            raise DatasetFormatError(
                f"{name} was not registered. {outcome.reason or ' '.join(outcome.questions)}",
                dataset=name,
            )
        return outcome.instrument

    def chains(
        self,
        instruments: Sequence[str],
        model_names: Sequence[str],
        *,
        windows: Sequence[Window] | None = None,
        refetch: bool = False,
        only_inputs: bool = False,
        further_sets: Sequence[str] = (),
        patterns: bool = False,
    ) -> tuple[dict[str, dict[str, int]], dict[str, TradingPipelineError]]:
        """Actions and bars up to the models' predictions, a run for each batch of instruments.

        Gives what was missing, windows by asset, and what stopped an instrument; both by
        instrument. `windows`: those to work on, all where it is None; those outside an instrument's
        span are left out. `refetch` asks the source for whole windows again, final ones too; what
        follows is computed again only where that changed something. `only_inputs`: what the models
        learn from, without the models. `further_sets`: feature sets beside those of the models.
        `patterns`: chart patterns too.
        """
        missing: dict[str, dict[str, int]] = {}
        failed: dict[str, TradingPipelineError] = {}
        for batch in self._batches(instruments, ask_again=refetch):
            known = batch.workspace
            config = {"bars": {"refetch": True}} if refetch else None
            actions = {Part(name, WHOLE): [ActionStage(known, name)] for name in batch.names}
            _, failures = batch.bring_up("corporate_actions_job", actions)
            failed |= {part.instrument_id: error for part, error in failures.items()}
            stages = {}
            for name in batch.names:
                own = self._own(name, windows)
                if name not in failed and own:
                    stages[Part(name, own)] = chain_stages(
                        known,
                        name,
                        model_names,
                        only_inputs=only_inputs,
                        further_sets=further_sets,
                        patterns=patterns,
                    )
            found, failures = batch.bring_up("bars_to_predictions", stages, config=config)
            missing |= {part.instrument_id: each for part, each in found.items()}
            failed |= {part.instrument_id: error for part, error in failures.items()}
            assets = {stage.asset for each in stages.values() for stage in each}
            report_outside_partitions(self.runner.instance, known, sorted(assets), batch.names)
        return missing, failed

    def chain(
        self, instrument: str, model_names: list[str], windows: list[Window], **how: Any
    ) -> dict[str, int]:
        """As `chains` for one instrument; gives what was missing, and raises what stopped it."""
        missing, failed = self.chains([instrument], model_names, windows=windows, **how)
        for error in failed.values():
            raise error
        return missing.get(instrument, {})

    def chain_for(self, instrument: str, scenario: ScenarioSpec) -> dict[str, int]:
        """What a scenario needs, for an instrument."""
        require_listed(scenario, self.workspace.catalog.instrument(instrument).id)
        models = list(required_models(scenario, self.workspace.registries.strategies))
        windows = scenario_windows(self.workspace, scenario, instrument)
        if models and scenario.model_window is not None:
            windows = self.workspace.windows_of(instrument)
        if any(self.workspace.catalog.model(name).cross_features for name in models):
            self._compare(instrument, windows)
        return self.chain(instrument, models, windows)

    def cross_features(self, instrument: str, windows: list[Window]) -> bool:
        """An instrument beside the others; True where something was run. Needs the bars of all."""
        worked, failed = self.all_cross_features([instrument], windows=windows)
        for error in failed.values():
            raise error
        return bool(worked)

    def all_cross_features(
        self, instruments: Sequence[str], *, windows: Sequence[Window] | None = None
    ) -> Worked:
        """Instruments beside the others; needs the bars of all that they are compared with."""
        return self._by_instrument(
            "cross_features_job",
            instruments,
            lambda known, name: {
                Part(name, self._own(name, windows)): [CrossFeatureStage(known, name)]
            },
            reads=list(self.workspace.catalog.instruments),
        )

    def backtest(self, instrument: str, scenario: str) -> bool:
        """A result and its tear sheet; True where something was run."""
        with self._listed(instrument_scenarios, f"{instrument}|{scenario}"):
            return _one(self.backtests({instrument: [scenario]}))

    def backtests(self, scenarios_of: Mapping[str, Sequence[str]]) -> Worked:
        """Results and tear sheets, by instrument the names of scenarios."""
        return self._by_pair("backtests", scenarios_of, (BacktestStage, TearsheetStage))

    def portfolio(self, portfolio: str) -> bool:
        """A portfolio's result and its page; True where something was run."""
        kinds = (PortfolioStage, PortfolioReportStage)
        stages = [kind(self.workspace, portfolio) for kind in kinds]
        return self._run_pending("portfolios", stages, *WHOLE)

    def forecast(self, instrument: str, model: str) -> bool:
        """A live model and its newest forecast; True where something was run.

        What they read is brought up to date first: bars, features and labels, the features of a
        champion that reads others, and the comparison with other instruments where the model learns
        from it.
        """
        kept = other_feature_set(self.workspace, instrument, model)
        further = () if kept is None else (kept,)
        self._model_chain(instrument, model, only_inputs=True, further_sets=further)
        stages = [
            kind(self.workspace, instrument, model)
            for kind in (LiveModelStage, LatestForecastStage)
        ]
        return self._run_pending("forecasts", stages, *WHOLE)

    def model_card(self, instrument: str, model: str) -> bool:
        """A model's card, and before it all that the model is made from; True where something was
        run for the card itself."""
        self._model_chain(instrument, model)
        return self.model_cards(instrument, [model])

    def model_cards(self, instrument: str, models: Sequence[str]) -> bool:
        """The cards of models whose predictions are up to date; True where something was run."""
        return _one(self.all_model_cards([instrument], models))

    def all_model_cards(self, instruments: Sequence[str], models: Sequence[str]) -> Worked:
        """The cards of models whose predictions are up to date, of several instruments."""
        if not models:
            return set(), {}
        return self._by_instrument(
            "model_cards",
            instruments,
            lambda known, name: {
                Part(name, WHOLE): [ModelCardStage(known, name, model) for model in models]
            },
        )

    def study(self, instrument: str, study: str) -> bool:
        """A study's trials and summary; True where something was run."""
        with self._listed(instrument_studies, f"{instrument}|{study}"):
            return _one(self.all_studies({instrument: [study]}))

    def all_studies(self, studies_of: Mapping[str, Sequence[str]]) -> Worked:
        """Trials and summaries, by instrument the names of studies."""
        return self._by_pair("optimization", studies_of, (TrialStage, SummaryStage))

    def new_scenario(self, scenario: ScenarioSpec) -> AbstractContextManager[None]:
        """Take the scenario's new partition keys away again where the block raises.

        Otherwise a refused scenario would stay in the UI as rows without a file.
        """
        is_portfolio = isinstance(scenario, PortfolioScenario)
        partitions = portfolios if is_portfolio else instrument_scenarios
        return self._new_keys(partitions, scenario.name, BaseException)

    def new_study(self, study: StudySpec) -> AbstractContextManager[None]:
        """As `new_scenario`; the keys of a study that is stopped stay, since it can go on."""
        return self._new_keys(instrument_studies, study.name, Exception)

    @contextmanager
    def _new_keys(
        self,
        partitions: dg.DynamicPartitionsDefinition,
        name: str,
        error: type[BaseException],
    ) -> Iterator[None]:
        kind, instance = str(partitions.name), self.runner.instance
        before = set(instance.get_dynamic_partitions(kind))
        try:
            yield
        except error:
            for key in instance.get_dynamic_partitions(kind):
                if key not in before and key.rpartition("|")[2] == name:
                    instance.delete_dynamic_partition(kind, key)
            raise

    @contextmanager
    def _listed(self, partitions: dg.DynamicPartitionsDefinition, key: str) -> Iterator[None]:
        """Have the partition key of a pair; a key that is new is gone again where the block raises.

        A pair may be asked for by name although no pass works on it.
        """
        kind, instance = str(partitions.name), self.runner.instance
        known = instance.has_dynamic_partition(kind, key)
        if not known:
            instance.add_dynamic_partitions(kind, [key])
        try:
            yield
        except Exception:
            if not known:
                instance.delete_dynamic_partition(kind, key)
            raise

    def leaderboard(self) -> bool:
        """The index of all results, and their tables as CSV; True where something was run."""
        stages = [LeaderboardStage(self.workspace), ResultTablesStage(self.workspace)]
        return self._run_pending("reports", stages, *WHOLE)

    def _model_chain(self, instrument: str, model: str, **how: Any) -> None:
        """Everything up to a model's predictions, or to what it learns from."""
        windows = self.workspace.windows()
        if self.workspace.catalog.model(model).cross_features:
            self._compare(instrument, windows)
        self.chain(instrument, [model], windows, **how)

    def _compare(self, instrument: str, windows: list[Window]) -> None:
        """The bars of all that an instrument is compared with, and the comparison."""
        compared = [instrument, *compared_instruments(self.workspace, instrument)]
        _, failed = self.chains(compared, [], windows=windows)
        for error in failed.values():
            raise error
        self.cross_features(instrument, windows)

    def _turn(self, what: str) -> AbstractContextManager[None]:
        return turn_at(self.workspace.settings, "pass", what)

    def _batches(
        self, instruments: Sequence[str], *, ask_again: bool = False, reads: Sequence[str] = ()
    ) -> Iterator[BatchRuns]:
        """Batches, each with its turns. `reads`: other instruments of which all batches read."""
        workspace = self.workspace.changed(ask_again=ask_again)
        for names in groups_of(instruments, workspace.settings.batch_instruments):
            with BatchRuns.of(
                workspace, self.runner, names, self.workers, self._untold, reads=reads
            ) as batch:
                yield batch

    def _by_instrument(
        self,
        job: str,
        instruments: Sequence[str],
        stages_of: Callable[[Workspace, str], Mapping[Part, Sequence[Stage[Any, Any]]]],
        *,
        reads: Sequence[str] = (),
    ) -> Worked:
        """Bring up what `stages_of` gives for each instrument, batch by batch."""
        worked: set[Part] = set()
        failed: Failures = {}
        for batch in self._batches(instruments, reads=reads):
            stages: dict[Part, Sequence[Stage[Any, Any]]] = {}
            for name in batch.names:
                stages |= stages_of(batch.workspace, name)
            missing, failures = batch.bring_up(job, {p: s for p, s in stages.items() if p.names})
            worked |= missing.keys()
            failed |= failures
        return worked, failed

    def _by_pair(
        self,
        job: str,
        keys_of: Mapping[str, Sequence[str]],
        kinds: Sequence[Callable[[Workspace, str], Stage[Any, Any]]],
    ) -> Worked:
        return self._by_instrument(
            job,
            list(keys_of),
            lambda known, name: {
                Part(name, (key,)): [kind(known, name) for kind in kinds] for key in keys_of[name]
            },
        )

    def _run_pending(self, job: str, stages: Sequence[Stage[str, Any]], key: str) -> bool:
        """Run those of the stages that are pending for a key, and what follows them."""
        with self._turn(stages[0].instrument_id or stages[0].asset):
            with self.workspace.warehouse.questions():
                pending = pending_in_order(stages, [key])
            if pending:
                partition = stages[0].partition(key) or None
                self.runner.run(job, partition=partition, assets=list(pending))
            return bool(pending)

    def _own(self, instrument: str, windows: Sequence[Window] | None) -> tuple[str, ...]:
        """Keys of the windows that are the instrument's own."""
        own = self.workspace.windows_of(instrument)
        wanted = set(own if windows is None else windows)
        return tuple(window.key for window in own if window in wanted)


def _one(worked: Worked) -> bool:
    """Whether the only part was run; raises what stopped it."""
    for error in worked[1].values():
        raise error
    return bool(worked[0])
