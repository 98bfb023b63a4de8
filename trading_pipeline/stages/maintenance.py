"""What of the stored files nothing names any more: superseded frames and pages, unused models.

Results, the ledger, and the newest of everything stay, whatever their age.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from trading_pipeline.stages.turns import turn_at
from trading_pipeline.stages.workspace import Workspace

__all__ = ["SupersededFile", "remove_superseded", "superseded_files"]


@dataclass(frozen=True, kw_only=True)
class SupersededFile:
    """A file that may go: what made it, of which partition, and how large it is."""

    asset: str
    partition: str
    path: Path
    size_bytes: int


def superseded_files(workspace: Workspace, *, keep_days: float) -> list[SupersededFile]:
    """Files of partitions that have a newer one, older than so many days; it changes nothing.

    Fold tables and predictions that a stored result was made from stay, and so do the frames of
    results. The rows in the table `artifacts` stay too: they say what was made of what.
    """
    with workspace.warehouse.read():
        current = workspace.artifacts.all_newest()
        behind = workspace.artifacts.behind_results(workspace.results.ids())
        older = workspace.artifacts.recorded_before(workspace.clock() - timedelta(days=keep_days))
    named = {each.path for each in (*current, *behind)}
    kept = workspace.settings.output / "backtests"
    found: dict[str, SupersededFile] = {}
    for each in older:
        if each.path is None or each.path in named:
            continue
        path = workspace.settings.runtime / each.path
        if path.is_file() and not path.is_relative_to(kept):
            size = path.stat().st_size
            found[each.path] = SupersededFile(
                asset=each.asset, partition=each.partition, path=path, size_bytes=size
            )
    return list(found.values())


def remove_superseded(workspace: Workspace, chosen: Iterable[SupersededFile]) -> int:
    """Remove these files; returns how many are gone.

    Each asset of an instrument is waited for while another process works on it, and what is named
    by then stays.
    """
    groups: dict[tuple[str, str], set[Path]] = {}
    for each in chosen:
        instrument = each.partition.partition("|")[0]
        groups.setdefault((each.asset, instrument), set()).add(each.path)
    gone = 0
    for (asset, instrument), paths in groups.items():
        with turn_at(workspace.settings, asset, instrument):
            newest = workspace.artifacts.newest([asset], instrument)
            named = {workspace.settings.runtime / (each.path or "") for each in newest.values()}
            for path in paths - named:
                path.unlink(missing_ok=True)
                gone += 1
    return gone
