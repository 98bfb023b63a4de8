"""Verifies everything that is stored: what it holds must be what was written.

A pass verifies what it reads. This reads all of it, and names each damaged thing with its recovery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.market_data.sources.files import (
    BARS_FILE,
    RECORD_FILE,
    DatasetRecord,
    require_registered_bars,
)
from trading_pipeline.stages.backtests.stored_results import result_damage
from trading_pipeline.stages.backtests.study import trials_hash
from trading_pipeline.stages.market_data.universe import stored_actions_hash
from trading_pipeline.stages.models.model_rows import model_damage
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["Damage", "Verified", "verify_everything"]

_RESULTS = ("backtest", "portfolio_backtest")
"""Assets whose partitions are results."""
_ACCEPT = 'trading-pipeline trials accept-loss --reason "..."'


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One damaged thing: what it is, what is wrong with it, and how it is made whole.

    `is_used`: False for what no pass works on any more, such as a result of an older scenario.
    """

    what: str
    detail: str
    recovery: str
    is_used: bool = True


@dataclass(kw_only=True)
class Verified:
    """What one kind of content came to: the number of things verified, and those damaged."""

    kind: str
    count: int = 0
    damages: list[Damage] = field(default_factory=list)


def verify_everything(workspace: Workspace) -> Iterator[Verified]:
    """Each kind of content in turn: bars to reports, models, the ledger, registered files.

    Raises `WarehouseError` where the warehouse itself cannot be read.
    """
    with workspace.warehouse.read():
        yield _bars(workspace)
        yield _reference(workspace)
        artifacts = workspace.artifacts.all_newest()
        yield _files(workspace, artifacts)
        yield _models(workspace, artifacts)
        yield _results(workspace, artifacts)
        yield _studies(workspace, artifacts)
        yield _ledger(workspace)
    yield _registered(workspace)


def _bars(workspace: Workspace) -> Verified:
    found = Verified(kind="bars")
    for instrument in workspace.bars.instruments():
        found.count += len(workspace.bars.content_attempts(instrument))
        for window, detail in workspace.bars.changed_windows(instrument).items():
            what = f"bars {instrument}|{window}"
            found.damages.append(_damage(workspace, what, instrument, f"{detail}."))
    return found


def _reference(workspace: Workspace) -> Verified:
    found, store = Verified(kind="reference data"), workspace.artifacts
    for (asset, partition), artifact in store.newest(["universe", "corporate_actions"]).items():
        found.count += 1
        try:
            stored = (
                workspace.reference.instruments_hash()
                if asset == "universe"
                else stored_actions_hash(workspace, partition)
            )
            is_same = artifact.sha256 in (None, stored)
        except TradingPipelineError:  # a row that cannot be an action
            is_same = False
        if not is_same:
            table = "instruments" if asset == "universe" else asset
            what = f"{asset} {partition}".strip()
            detail = f"The rows of the table {table} are not those that were written."
            found.damages.append(_damage(workspace, what, partition, detail))
    return found


def _files(workspace: Workspace, artifacts: Sequence[Artifact]) -> Verified:
    found = Verified(kind="files")
    for artifact in artifacts:
        if artifact.path is None or artifact.asset in _RESULTS:  # a result is verified whole
            continue
        found.count += 1
        if not workspace.artifacts.is_intact(artifact):
            path = workspace.settings.runtime / artifact.path
            why = "is not the one that was written" if path.exists() else "is missing"
            what = f"{artifact.asset} {artifact.partition}".strip()
            detail = f"The file {path} {why}."
            found.damages.append(_damage(workspace, what, artifact.partition, detail))
    return found


def _models(workspace: Workspace, artifacts: Sequence[Artifact]) -> Verified:
    found = Verified(kind="models")
    for artifact in artifacts:
        fits = artifact.asset.startswith(("models/", "live/"))
        if not fits or not workspace.artifacts.is_intact(artifact):
            continue
        folds = workspace.artifacts.load(artifact)
        for _, fold in folds.loc[folds["model_id"] != ""].iterrows():
            found.count += 1
            detail = model_damage(workspace, fold)
            if detail:
                what = f"model {fold['model_id']} of {artifact.asset} {artifact.partition}"
                damage = _damage(workspace, what, artifact.partition, detail)
                kind, _, name = artifact.asset.partition("/")
                if kind == "live" and damage.is_used:
                    command = f"trading-pipeline forecast {artifact.partition} --model {name}"
                    damage = replace(damage, recovery=f"Make it again with: {command}.")
                found.damages.append(damage)
    return found


def _results(workspace: Workspace, artifacts: Sequence[Artifact]) -> Verified:
    found = Verified(kind="results")
    newest = {a.input_hash: a.partition for a in artifacts if a.asset in _RESULTS}
    made = [each for asset in _RESULTS for each in workspace.artifacts.made_by(asset)]
    for result_id in dict.fromkeys([*workspace.results.ids(), *made]):
        found.count += 1
        detail = result_damage(workspace, result_id)
        if not detail:
            continue
        partition = newest.get(result_id)
        told = f"It is not whole: {detail}."
        if partition is not None:
            what = f"result {result_id} of {partition}"
            found.damages.append(_damage(workspace, what, partition, told))
        else:
            nothing = "A newer result took its place, so nothing uses it and nothing need be done."
            found.damages.append(
                Damage(what=f"result {result_id}", detail=told, recovery=nothing, is_used=False)
            )
    return found


def _studies(workspace: Workspace, artifacts: Sequence[Artifact]) -> Verified:
    found = Verified(kind="studies")
    for artifact in artifacts:
        if artifact.asset != "optimization_trials" or artifact.sha256 is None:
            continue
        found.count += 1
        instrument, _, study = artifact.partition.partition("|")
        trials = workspace.trials.of_study(study, instrument, fold=artifact.input_hash[:12])
        if trials_hash(trials) != artifact.sha256:
            what = f"trials of {artifact.partition}"
            detail = (
                f"{len(trials)} trials are in the ledger, not the {artifact.rows} that were "
                "written, or with other numbers."
            )
            found.damages.append(_damage(workspace, what, artifact.partition, detail))
    return found


def _ledger(workspace: Workspace) -> Verified:
    check = workspace.trials.verify()
    recovery = (
        "Restore the warehouse from a copy; or go on with what is left: run trading-pipeline run, "
        f"then put the loss on record: {_ACCEPT}."
    )
    damages = [Damage(what="ledger of trials", detail=d, recovery=recovery) for d in check.faults]
    return Verified(kind="ledger", count=check.rows, damages=damages)


def _registered(workspace: Workspace) -> Verified:
    found = Verified(kind="registered files")
    for folder in sorted(
        path.parent for path in workspace.settings.datasets.glob(f"*/{RECORD_FILE}")
    ):
        found.count += 1
        try:
            require_registered_bars(folder, DatasetRecord.read(folder))
        except TradingPipelineError as error:
            found.damages.append(
                Damage(
                    what=f"registered file {folder.name}",
                    detail=f"{folder / BARS_FILE} or its record is damaged.",
                    recovery=str(error),
                )
            )
    return found


def _damage(workspace: Workspace, what: str, partition: str, detail: str) -> Damage:
    """A damaged thing of a partition, and whether a pass will make it again."""
    instrument, _, name = partition.partition("|")
    catalog = workspace.catalog
    if instrument in catalog.portfolios:
        return Damage(
            what=what, detail=detail, recovery="Make it again with: trading-pipeline run."
        )
    if instrument and instrument not in catalog.instruments:
        recovery = (
            f"{instrument} is not in the universe, so no pass works on it. To make it again, add "
            f"it: trading-pipeline universe add, then trading-pipeline run {instrument}."
        )
        return Damage(what=what, detail=detail, recovery=recovery, is_used=False)
    windows = {window.key for window in workspace.windows()}
    if name and name not in {*windows, *catalog.scenarios, *catalog.studies}:
        recovery = (
            f"No file or window of yours is called {name} any more, so no pass works on it and "
            "nothing need be done."
        )
        return Damage(what=what, detail=detail, recovery=recovery, is_used=False)
    command = " ".join(["trading-pipeline run", *filter(None, [instrument])])
    return Damage(what=what, detail=detail, recovery=f"Make it again with: {command}.")
