"""The one committer: what workers made is stored in short transactions, in the order asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trading_pipeline.errors import LookaheadError
from trading_pipeline.stages.fan_out.call import Done, StageCall, work_on
from trading_pipeline.stages.fan_out.journal import replay
from trading_pipeline.stages.fan_out.travelling_files import store_files
from trading_pipeline.stages.fan_out.work import Delivery, Task
from trading_pipeline.stages.outcome import Outcome
from trading_pipeline.stages.stage import ComputedStage
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.excerpt_rows import newest_finding

__all__ = ["commit"]

_TOLD_BY_THE_LEDGER = ("backtest", "optimization_trials", "optimization_summary")
"""Assets whose pages say something of all trials, which no worker has."""


def commit(workspace: Workspace, made: Sequence[tuple[Task, Delivery]]) -> list[Done]:
    """Store deliveries in their order; gives what they came to.

    Files come first, then all rows in one transaction, so that a row never names a file that is not
    there. The same deliveries again add nothing. A piece of work that found look-ahead, or that was
    done before a finding was on record, is done again here: a finding stops what comes after it,
    and marks earlier trials of other instruments.
    """
    answers: list[Done] = []
    waiting: list[tuple[Task, Delivery]] = []
    newest = newest_finding(workspace.warehouse)
    for task, delivery in made:
        if _found_something(delivery) or newest > task.newest_finding:
            answers += _stored(workspace, waiting)
            waiting = []
            answers.append(
                work_on(workspace, task.call, task.instrument_id, task.names, audited=task.audited)
            )
            newest = newest_finding(workspace.warehouse)
        else:
            waiting.append((task, delivery))
    return answers + _stored(workspace, waiting)


def _found_something(delivery: Delivery) -> bool:
    return bool(delivery.done.findings) or isinstance(delivery.done.error, LookaheadError)


def _stored(workspace: Workspace, made: Sequence[tuple[Task, Delivery]]) -> list[Done]:
    for _, delivery in made:
        store_files(workspace.settings.runtime, delivery.files, delivery.hashes)
    if not any(delivery.notes for _, delivery in made):
        return [_told(workspace, task.call, delivery.done) for task, delivery in made]
    answers = []
    with workspace.warehouse.write():
        for task, delivery in made:
            replay(workspace, delivery.notes)
            answers.append(_told(workspace, task.call, delivery.done))
    return answers


def _told(workspace: Workspace, call: StageCall, done: Done) -> Done:
    """The answer with what its pages say of the whole ledger."""
    if not done.outcomes or done.outcomes[0].asset not in _TOLD_BY_THE_LEDGER:
        return done
    stage = call(workspace, done.instrument_id)
    if not isinstance(stage, ComputedStage):
        return done
    newest = stage.newest()
    outcomes: list[Outcome] = []
    for outcome in done.outcomes:
        key = outcome.partition.rpartition("|")[2]
        product = stage.stored(key, newest[outcome.partition])
        outcomes.append(replace(outcome, metadata=stage.describe(product)))
    return done._replace(outcomes=tuple(outcomes))
