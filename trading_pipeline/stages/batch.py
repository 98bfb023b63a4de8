"""A batch: many instruments that one run works on, asset after asset.

What fails takes its own part of the batch out and stops no other. Whoever made the batch works on
that part alone afterwards, where the failure is shown as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from trading_pipeline.errors import WarehouseError, WorkerError
from trading_pipeline.stages.fan_out.call import StageCall
from trading_pipeline.stages.fan_out.dispatch import fan_out
from trading_pipeline.stages.fan_out.inline_pool import InlinePool
from trading_pipeline.stages.fan_out.pool import WorkerPool
from trading_pipeline.stages.outcome import Outcome
from trading_pipeline.stages.stage import Stage
from trading_pipeline.stages.turns import turn_at
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.disk_space import is_full_disk

__all__ = ["Batch", "MakeStage", "Part", "work_on"]

_log = logging.getLogger(__name__)
_SENT = (
    *("features/", "labels/", "chart_patterns", "models/", "predictions/"),
    *("backtest", "tearsheet", "optimization_"),
)
"""Beginnings of assets whose stages read rows of one instrument alone."""
_ASKING = ("backtest", "tearsheet", "optimization_")
"""Those that ask the warehouse often, and are faster on a private one."""

MakeStage = Callable[[Workspace, str], Stage[Any, Any]]
"""The stage of an instrument; of none (`""`) where the asset has no instruments."""


@dataclass(frozen=True)
class Part:
    """An instrument, and what its partitions name behind it: windows, scenarios, studies.

    The part succeeds or fails as a whole.
    """

    instrument_id: str
    names: tuple[str, ...]


@dataclass
class Batch:
    """Parts that are worked on together.

    `failed`: the asset at which a part failed; `lost`: those of them that ended their workers,
    which this process must not try. `outside`: what a user's code reads from outside, by
    asset. `pool`: who works on several instruments side by side; None for this process alone.
    """

    workspace: Workspace
    parts: Sequence[Part]
    pool: WorkerPool | None = None
    failed: dict[Part, str] = field(default_factory=dict)
    lost: dict[Part, WorkerError] = field(default_factory=dict)
    outside: dict[str, dict[str, None]] = field(default_factory=dict)

    @property
    def sound(self) -> list[Part]:
        """Parts that did not fail so far."""
        return [part for part in self.parts if part not in self.failed]


def work_on(
    batch: Batch, asset: str, make: MakeStage, *, audited: bool = False
) -> Iterator[Outcome]:
    """Materialize what is pending of an asset, part by part; gives what was worked on.

    A part of which an audit finds something, or that raises, is not written and counts as failed.
    What stops every part is raised: a warehouse that cannot be used, a full disk.
    """
    call = _call_of(asset, make)
    pool = batch.pool or (InlinePool() if asset.startswith(_ASKING) else None)
    if call is not None and pool is not None:
        yield from _fanned_out(batch, asset, call, pool, audited=audited)
    else:
        for part in batch.sound:
            yield from _one_part(batch, asset, make, part, audited=audited)
    if batch.workspace.writes is not None:
        batch.workspace.writes.flush()


def _one_part(
    batch: Batch, asset: str, make: MakeStage, part: Part, *, audited: bool
) -> Sequence[Outcome]:
    """What was worked on, with the failure of the part noted."""
    outcomes: Sequence[Outcome] | None = None
    try:
        outcomes = _worked(batch, asset, make, part, audited=audited)
    except Exception as error:
        _note(batch, asset, part, error)
    if outcomes is None or any(each.status == "rejected" for each in outcomes):
        batch.failed[part] = asset
    return [each for each in outcomes or () if each.status != "rejected"]


def _note(batch: Batch, asset: str, part: Part, error: Exception) -> None:
    """Count the part as failed; raise what stops every part."""
    if isinstance(error, WarehouseError) or is_full_disk(error):
        raise error
    if isinstance(error, WorkerError):
        batch.lost[part] = error
    _log.debug("%s of %s failed", asset, part.instrument_id, exc_info=error)
    batch.failed[part] = asset


def _fanned_out(
    batch: Batch, asset: str, call: StageCall, pool: WorkerPool, *, audited: bool
) -> Iterator[Outcome]:
    """As part by part, by the workers of a pool; parts of an instrument fail together."""
    parts: dict[str, list[Part]] = {}
    work: dict[str, list[str]] = {}
    with batch.workspace.warehouse.questions() as let_others_write:
        for part in batch.sound:
            let_others_write()
            try:
                stage = call(batch.workspace, part.instrument_id)
                pending = stage.pending(stage.keys(part.names))
            except Exception as error:
                _note(batch, asset, part, error)
                continue
            if pending:
                found = [stage.partition(key).partition("|")[2] for key in pending]
                work.setdefault(part.instrument_id, []).extend(found)
                parts.setdefault(part.instrument_id, []).append(part)
    for done in fan_out(batch.workspace, call, work, pool, audited=audited) if work else ():
        own = parts[done.instrument_id]
        if done.error is not None:
            for part in own:
                _note(batch, asset, part, done.error)
        elif done.findings:
            batch.failed |= dict.fromkeys(own, asset)
        batch.outside.setdefault(asset, {}).update(dict.fromkeys(done.outside))
        yield from done.outcomes


def _call_of(asset: str, make: MakeStage) -> StageCall | None:
    """The stage as workers can make it; None where it reads more than its own instrument."""
    if not asset.startswith(_SENT):
        return None
    if isinstance(make, StageCall):
        return make
    return StageCall(make) if isinstance(make, type) else None


def _worked(
    batch: Batch, asset: str, make: MakeStage, part: Part, *, audited: bool
) -> Sequence[Outcome] | None:
    """What was worked on; None where the audit found something."""
    stage = make(batch.workspace, part.instrument_id)
    with turn_at(batch.workspace.settings, asset, part.instrument_id):
        with batch.workspace.warehouse.questions():
            keys = stage.pending(stage.keys(part.names))
        if not keys:
            return ()
        if audited and stage.audit(keys):
            return None
        outcomes = stage.materialize(keys)
    if audited:
        batch.outside.setdefault(asset, {}).update(dict.fromkeys(stage.read_outside()))
    return outcomes
