"""Removes models that nothing names any more."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.registry.retention import removable_models
from trading_pipeline.stages.models.stored_models import NAMING
from trading_pipeline.stages.turns import turn_at
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["Removable", "models_to_prune", "prune_models"]


@dataclass(frozen=True, kw_only=True)
class Removable:
    """A model that may go: its id, its folder, and how large that is."""

    model_id: str
    name: str
    instrument: str
    path: Path
    size_bytes: int


def models_to_prune(workspace: Workspace, *, keep_days: float) -> list[Removable]:
    """What `prune_models` would remove; it changes nothing.

    A model stays while a current fold table, prediction, live table or forecast names it, or one
    that was current when a stored result was made. Where such a file cannot be read, every model of
    its instrument stays.
    """
    rows = {row["model_id"]: row for row in workspace.models.all()}
    named, unread = _named(workspace)
    old = removable_models(
        {each: row["trained_at"] for each, row in rows.items()},
        named,
        now=workspace.clock(),
        keep_days=keep_days,
    )
    found = []
    for each in old:
        row = rows[each]
        path = workspace.settings.models / row["name"] / each
        is_its_folder = path == workspace.settings.runtime / row["path"]
        if is_its_folder and row["instrument"] not in unread:
            size = sum(file.stat().st_size for file in path.glob("*") if file.is_file())
            found.append(
                Removable(
                    model_id=each,
                    name=row["name"],
                    instrument=row["instrument"],
                    path=path,
                    size_bytes=size,
                )
            )
    return found


def prune_models(workspace: Workspace, chosen: Iterable[Removable], *, keep_days: float) -> int:
    """Remove these models, folder and row; returns how many are gone.

    Each asset of an instrument is waited for while another process works on it, and what is named
    by then stays.
    """
    gone = 0
    groups: dict[tuple[str, str], set[str]] = {}
    for each in chosen:
        groups.setdefault((each.name, each.instrument), set()).add(each.model_id)
    for (name, instrument), wanted in groups.items():
        with (
            turn_at(workspace.settings, f"models/{name}", instrument),
            turn_at(workspace.settings, f"live/{name}", instrument),
        ):
            still = [
                each
                for each in models_to_prune(workspace, keep_days=keep_days)
                if each.model_id in wanted
            ]
            # rows first: a folder without a row is nothing to anybody, and a fit writes it again
            workspace.models.remove([each.model_id for each in still])
            for each in still:
                if each.path.is_dir():
                    shutil.rmtree(each.path)
            gone += len(still)
    return gone


def _named(workspace: Workspace) -> tuple[set[str], set[str]]:
    """Model ids that files name, and instruments with a file that cannot be read."""
    current = [a for a in workspace.artifacts.all_newest() if a.asset.startswith(NAMING)]
    behind = workspace.artifacts.behind_results(workspace.results.ids())
    files: dict[str, Artifact] = {a.path: a for a in [*current, *behind] if a.path is not None}
    named: set[str] = set()
    unread: set[str] = set()
    for artifact in files.values():
        try:
            frame = workspace.artifacts.load(artifact)
        except DataQualityError:
            unread.add(artifact.partition.partition("|")[0])
            continue
        if "model_id" in frame.columns:
            named |= set(map(str, frame["model_id"].unique()))
    return named, unread
