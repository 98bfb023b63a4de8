"""A batch: many instruments that one run works on, asset after asset.

What fails takes its own part of the batch out and stops no other. Whoever made the batch works on
that part alone afterwards, where the failure is shown as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from trading_pipeline.errors import WarehouseError
from trading_pipeline.stages.outcome import Outcome
from trading_pipeline.stages.stage import Stage
from trading_pipeline.stages.turns import turn_at
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.disk_space import is_full_disk

__all__ = ["Batch", "MakeStage", "Part", "work_on"]

_log = logging.getLogger(__name__)

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

    `failed`: the asset at which a part failed. `outside`: what a user's code reads from outside, by
    asset.
    """

    workspace: Workspace
    parts: Sequence[Part]
    failed: dict[Part, str] = field(default_factory=dict)
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
    for part in batch.sound:
        try:
            outcomes = _worked(batch, asset, make, part, audited=audited)
        except WarehouseError:
            raise
        except Exception as error:
            if is_full_disk(error):
                raise
            _log.debug("%s of %s failed", asset, part.instrument_id, exc_info=True)
            outcomes = None
        if outcomes is None or any(each.status == "rejected" for each in outcomes):
            batch.failed[part] = asset
        yield from (each for each in outcomes or () if each.status != "rejected")
    if batch.workspace.writes is not None:
        batch.workspace.writes.flush()


def _worked(
    batch: Batch, asset: str, make: MakeStage, part: Part, *, audited: bool
) -> Sequence[Outcome] | None:
    """What was worked on; None where the audit found something."""
    stage = make(batch.workspace, part.instrument_id)
    with turn_at(batch.workspace.settings, asset, part.instrument_id):
        keys = stage.pending(stage.keys(part.names))
        if not keys:
            return ()
        if audited and stage.audit(keys):
            return None
        outcomes = stage.materialize(keys)
    if audited:
        batch.outside.setdefault(asset, {}).update(dict.fromkeys(stage.read_outside()))
    return outcomes
