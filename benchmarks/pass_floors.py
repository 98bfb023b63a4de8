"""The two floors of a pass: the functions that compute, and Dagster with nothing to do."""

import functools
import importlib
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.pass_meter import openings
from benchmarks.pass_world import PassWorld
from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.defs.instance import open_instance
from trading_pipeline.settings.environment import load_settings

__all__ = ["Computing", "dagster_floor"]

_COMPUTING = (
    ("market_data.quality.checks", "check_bars"),
    ("features.sets.computation", "compute_features"),
    ("features.cross_formulas", "compute_cross_features"),
    ("features.labels.labels", "compute_labels"),
    ("features.audits.features", "audit_feature_set"),
    ("features.audits.features", "audit_labels"),
    ("features.audits.causality", "audit_prefix_truncation"),
    ("features.audits.slices", "audit_other_futures"),
    ("models.training.train", "fit_model"),
    ("models.training.forecasting", "predict"),
    ("models.cards.make_card", "model_card"),
    ("reporting.model_card", "render_model_card"),
    ("backtest.scenario_runner", "run_scenario"),
    ("optimization.study_run", "run_study"),
    ("optimization.robustness", "robustness"),
    ("performance", "summarize"),
    ("reporting.tearsheet.page", "render_tearsheet"),
    ("reporting.leaderboard.page", "render_leaderboard"),
)
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@dataclass
class Computing:
    """CPU seconds in the outermost calls of `_COMPUTING`, without those in warehouse connections:
    a search records its trials while it runs. A function that a later version renames is an error.
    """

    by_name: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def seconds(self) -> float:
        """All of them."""
        return sum(self.by_name.values())

    def __str__(self) -> str:
        told = sorted(self.by_name.items(), key=lambda each: -each[1])
        shown = ", ".join(f"{n} {s:.1f} s in {self.calls[n]}" for n, s in told if s >= 0.05)
        return f"{self.seconds:.1f} s ({shown})"

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time them during the block, wherever modules have them by name."""
        inside: list[str] = []
        changed: list[tuple[Any, str, Any]] = []
        for module_name, name in _COMPUTING:
            function = getattr(importlib.import_module(f"trading_pipeline.{module_name}"), name)
            timer = self._timer(name, function, inside)
            for module in [m for k, m in sys.modules.items() if k.startswith("trading_pipeline")]:
                for bound, value in list(vars(module).items()):
                    if value is function:
                        changed.append((module, bound, value))
                        setattr(module, bound, timer)
        try:
            yield
        finally:
            for module, bound, value in changed:
                setattr(module, bound, value)

    def _timer(
        self, name: str, function: Callable[..., Any], inside: list[str]
    ) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*given: Any, **named: Any) -> Any:
            if inside:
                return function(*given, **named)
            inside.append(name)
            began, connected = time.process_time(), openings.seconds
            try:
                return function(*given, **named)
            finally:
                inside.pop()
                took = time.process_time() - began - (openings.seconds - connected)
                self.by_name[name] += took
                self.calls[name] += 1

        return timed


def dagster_floor(world: PassWorld, run_ids: Sequence[str]) -> float:
    """CPU seconds of Dagster for what these runs materialized, by one job for each of theirs."""
    settings = load_settings()
    with open_instance(settings) as instance:
        made = {run: _materialized(instance, run) for run in run_ids}
        jobs: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for run, by_asset in made.items():
            name = instance.get_run_by_id(run)
            for asset, partitions in by_asset.items():
                jobs["" if name is None else name.job_name][asset] |= partitions
        keys = {
            kind: instance.get_dynamic_partitions(kind)
            for kind in ("instruments", "scenarios", "studies", "portfolios")
        }
    definitions = build_definitions(world.workspace().catalog)
    empty = {name: _empty_job(definitions, name, assets) for name, assets in jobs.items()}
    with tempfile.TemporaryDirectory(prefix="dagster-floor-") as folder:
        inside = settings.model_copy(update={"runtime_dir": Path(folder)})
        with open_instance(inside) as instance:
            for kind, names in keys.items():
                if names:
                    instance.add_dynamic_partitions(kind, list(names))
            began = time.process_time()
            for job, tags in empty.values():
                partition = None if _RANGE[0] in tags else tags.pop("partition", None)
                job.execute_in_process(
                    instance=instance,
                    partition_key=partition,
                    tags=tags,
                    run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                )
            return time.process_time() - began


def _materialized(instance: dg.DagsterInstance, run: str) -> dict[str, set[str]]:
    """Partitions by asset that a run materialized; an asset without partitions has ''."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in instance.all_logs(run, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.get_dagster_event()
        if event.asset_key is not None:
            found[event.asset_key.to_user_string()].add(str(event.partition or ""))
    return found


def _empty_job(
    definitions: dg.Definitions, name: str, assets: Mapping[str, set[str]]
) -> tuple[dg.JobDefinition, dict[str, str]]:
    """A job of assets that report these partitions and do nothing, and the tags of its range."""
    graph = definitions.resolve_asset_graph()
    made = []
    for asset, partitions in assets.items():
        node = graph.get(dg.AssetKey(asset.split("/")))
        made.append(_empty_asset(node, partitions))
    job = dg.Definitions(
        assets=made,
        jobs=[dg.define_asset_job(name, selection=dg.AssetSelection.assets(*made))],
        executor=dg.in_process_executor,
    ).resolve_job_def(name)
    everything = set().union(*assets.values()) - {""}
    if not everything:
        return job, {}
    if len(everything) == 1:
        return job, {"partition": everything.pop()}
    return job, dict(zip(_RANGE, _corners(everything), strict=True))


def _corners(partitions: set[str]) -> tuple[str, str]:
    """First and last partition of the smallest rectangle around all of them."""
    parts = [partition.split("|") for partition in partitions]
    columns = list(zip(*parts, strict=True))
    return "|".join(map(min, columns)), "|".join(map(max, columns))


def _empty_asset(node: Any, partitions: set[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=node.key,
        partitions_def=node.partitions_def,
        deps=[
            dg.AssetDep(parent, partition_mapping=node.partition_mappings.get(parent))
            for parent in node.parent_keys
        ],
        backfill_policy=dg.BackfillPolicy.single_run() if node.partitions_def else None,
        output_required=False,
    )
    def empty(context: dg.AssetExecutionContext) -> Any:
        asked = set(context.partition_keys) if node.partitions_def else {""}
        if asked == partitions:
            yield dg.MaterializeResult()
            return
        for partition in sorted(partitions):
            context.log_event(dg.AssetMaterialization(node.key, partition=partition))

    return empty
