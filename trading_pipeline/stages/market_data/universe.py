"""This file holds the stages of reference data: the universe's instruments, corporate actions."""

from __future__ import annotations

from datetime import datetime

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.market_data.sources.protocol import ActionRequest
from trading_pipeline.stages.outcome import Outcome, tell_progress
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact
from trading_pipeline.storage.stores.reference import Listing, actions_hash

__all__ = [
    "actions_are_pending",
    "clipped_span",
    "refresh_actions",
    "refresh_universe",
    "universe_is_pending",
]


def refresh_universe(workspace: Workspace) -> Outcome:
    """Write the universe's instruments to the warehouse; those no longer listed become inactive.

    Raises `InsufficientDataError` for a universe without instruments, and what the sources raise for
    a symbol that they do not have.
    """
    tell_progress("universe", "")
    instruments = workspace.catalog.instruments
    if not instruments:
        raise InsufficientDataError(
            "The universe is empty, so there is nothing to work on. List at least one instrument in "
            f"{workspace.settings.config / 'universe.yaml'}."
        )
    listings = {name: _listing(workspace, each) for name, each in instruments.items()}
    changed = workspace.reference.save_instruments(instruments, listings)
    _record(workspace, "universe", "", _universe_inputs(workspace), len(instruments))
    return Outcome(
        asset="universe",
        partition="",
        status="ok",
        rows=len(instruments),
        changed=bool(changed),
        content_hash=workspace.catalog.universe.hash,
        metadata={
            "instruments": len(instruments),
            "scenarios": len(workspace.catalog.scenarios),
            "studies": len(workspace.catalog.studies),
            "windows": len(workspace.windows()),
            "changed_instruments": len(changed),
        },
    )


def refresh_actions(workspace: Workspace, instrument_id: str) -> Outcome:
    """Fetch an instrument's splits and dividends over the instrument's span."""
    tell_progress("corporate_actions", instrument_id)
    instrument = workspace.catalog.instrument(instrument_id)
    windows = workspace.windows_of(instrument_id)
    end = workspace.catalog.universe.grid_of(instrument_id).last_moment(workspace.clock())
    request = ActionRequest(instrument=instrument, start=windows[0].start, end=end)
    actions = workspace.source_of(instrument).fetch_actions(request)
    changed = workspace.reference.save_actions(instrument_id, actions)
    inputs = _action_inputs(workspace, instrument_id)
    _record(workspace, "corporate_actions", instrument_id, inputs, len(actions))
    splits = [action for action in actions if action.kind == "split"]
    return Outcome(
        asset="corporate_actions",
        partition=instrument_id,
        status="ok",
        rows=len(actions),
        changed=changed,
        content_hash=actions_hash(actions),
        metadata={"splits": len(splits), "dividends": len(actions) - len(splits)},
    )


def universe_is_pending(workspace: Workspace) -> bool:
    """True where the universe's files say something else than the warehouse holds."""
    found = workspace.artifacts.newest(["universe"]).get(("universe", ""))
    return found is None or found.input_hash != _universe_inputs(workspace)


def actions_are_pending(workspace: Workspace, instrument_id: str) -> bool:
    """True where actions were never asked for, or the instrument's span goes on until now."""
    found = workspace.artifacts.newest(["corporate_actions"], instrument_id)
    newest = found.get(("corporate_actions", instrument_id))
    stale = newest is None or newest.input_hash != _action_inputs(workspace, instrument_id)
    return stale or workspace.catalog.universe.grid_of(instrument_id).end is None


def _universe_inputs(workspace: Workspace) -> str:
    catalog = workspace.catalog
    names = [sorted(catalog.scenarios), sorted(catalog.studies)]
    return canonical_hash(["universe", catalog.universe.hash, names])


def _action_inputs(workspace: Workspace, instrument_id: str) -> str:
    grid = workspace.catalog.universe.grid_of(instrument_id)
    instrument = workspace.catalog.instrument(instrument_id)
    return canonical_hash(["corporate_actions", instrument.as_dict(), grid.start, grid.end])


def _record(workspace: Workspace, asset: str, partition: str, inputs: str, rows: int) -> None:
    """A row that says what was asked; none is added where the same was asked before."""
    newest = workspace.artifacts.newest([asset], partition).get((asset, partition))
    if newest is None or newest.input_hash != inputs:
        row = Artifact(
            asset=asset,
            partition=partition,
            status="ok",
            input_hash=inputs,
            code_hash="",
            run_id=workspace.run_id,
            rows=rows,
        )
        workspace.artifacts.record([row])


def clipped_span(
    start: datetime, end: datetime, instrument: Instrument, listing: Listing
) -> tuple[datetime, datetime] | None:
    """The part of a span in which the instrument is listed; None where there is none."""
    first = listing[0] or instrument.listed_from
    last = listing[1] or instrument.listed_to
    if first is not None:
        start = max(start, datetime(first.year, first.month, first.day, tzinfo=start.tzinfo))
    if last is not None:
        day_after = datetime.fromordinal(last.toordinal() + 1).replace(tzinfo=end.tzinfo)
        end = min(end, day_after)
    return (start, end) if start < end else None


def _listing(workspace: Workspace, instrument: Instrument) -> Listing:
    client = workspace.source_of(instrument)
    listing = getattr(client, "listing", None)  # an optional part of a source
    if listing is None:
        return instrument.listed_from, instrument.listed_to
    found: Listing = listing(instrument.symbol)
    return found
