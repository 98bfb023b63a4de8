"""A stage by name, its work on one instrument, and what that came to."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.features.audits.causality import CausalityFinding
from trading_pipeline.stages.outcome import Outcome
from trading_pipeline.stages.stage import Stage
from trading_pipeline.stages.workspace import Workspace

__all__ = ["Done", "StageCall", "work_on"]


@dataclass(frozen=True)
class StageCall:
    """How the stage of an instrument is made: its class, and what follows workspace and instrument.

    It can be sent to another process, where the class is imported by its name.
    """

    kind: type[Stage[Any, Any]]
    arguments: tuple[Any, ...] = ()

    def __call__(self, workspace: Workspace, instrument_id: str) -> Stage[Any, Any]:
        """The stage."""
        return self.kind(workspace, instrument_id, *self.arguments)


class Done(NamedTuple):
    """The work on one instrument, stored.

    `outcomes`: of each partition, none where `findings` or an `error` stopped it. `outside`: what a
    user's code reads of which no audit knows. `error`: what stopped this instrument, and it alone.
    """

    instrument_id: str
    outcomes: tuple[Outcome, ...] = ()
    findings: tuple[CausalityFinding, ...] = ()
    outside: tuple[str, ...] = ()
    error: Exception | None = None


def work_on(
    workspace: Workspace,
    call: StageCall,
    instrument_id: str,
    names: Sequence[str],
    *,
    audited: bool = False,
) -> Done:
    """Audit and materialize partitions of an instrument; an error is part of the answer.

    `names`: what their keys say behind the instrument. Only pending partitions are audited, and
    what has findings is not written.
    """
    try:
        stage = call(workspace, instrument_id)
        keys = stage.keys(names)
        findings = stage.audit(keys) if audited and stage.pending(keys) else []
        outcomes = [] if findings else stage.materialize(keys)
        outside = stage.read_outside() if audited else ()
        return Done(instrument_id, tuple(outcomes), tuple(findings), tuple(outside))
    except Exception as error:  # one instrument's; all others go on
        if not isinstance(error, TradingPipelineError):
            error.add_note("".join(traceback.format_exception(error)))
        return Done(instrument_id, error=error)
