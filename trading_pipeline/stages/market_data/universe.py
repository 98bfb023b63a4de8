"""The stages of reference data: the instruments of the universe, and their corporate actions."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.market_data.quality.calendar_checks import due_bars
from trading_pipeline.market_data.sources.protocol import ActionRequest
from trading_pipeline.settings.scenario_files.scenario_file import scenario_notes
from trading_pipeline.stages.outcome import Outcome, Shown, tell_progress
from trading_pipeline.stages.stage import Identity, StoredStage
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact
from trading_pipeline.storage.stores.reference import Listing, actions_hash

__all__ = ["ActionStage", "UniverseStage", "clipped_span", "stored_actions_hash"]

Product = TypeVar("Product")
_LONGEST_CLOSURE = timedelta(days=5)


class _AskedStage(StoredStage[str, Product]):
    """A stage that asks its sources each time; its newest row says what they were asked when."""

    @property
    def goes_on(self) -> bool:
        """Whether there will be more to ask for, so that it counts when it was asked."""
        return False

    @abstractmethod
    def ask(self) -> Outcome:
        """Ask the sources and save what they say."""

    @abstractmethod
    def rows_hash(self) -> str:
        """Hash of what is stored."""

    def is_current(self, artifact: Artifact | None, identity: Identity) -> bool:
        """True where this was asked, and what was said is still stored."""
        if artifact is None or not super().is_current(artifact, identity):
            return False
        return artifact.sha256 in (None, self.rows_hash())

    def materialize(self, keys: Iterable[str]) -> list[Outcome]:
        outcomes = []
        for key in keys:
            tell_progress(self.asset, self.partition(key))
            outcome, identity = self.ask(), self.identity(key)
            if self.goes_on or not self.is_current(self.newest().get(identity.partition), identity):
                said = self.artifact(identity, rows=outcome.rows, sha256=self.rows_hash())
                said = replace(said, created_at=self.workspace.clock())
                self.workspace.write(partial(self.workspace.artifacts.record, [said]))
            outcomes.append(outcome)
        return outcomes


class UniverseStage(_AskedStage[list[str]]):
    """The instruments of the universe as rows; those no longer listed become inactive.

    Where a line of the universe cannot be read, none becomes inactive: it may be that line's.
    """

    asset = "universe"

    def identity(self, key: str) -> Identity:
        """With the hash of the universe, of the names of scenarios, portfolios and studies, and of
        what is wrong with files, so that the check `files` is made again when that changes."""
        catalog = self.workspace.catalog
        named = (catalog.scenarios, catalog.portfolios, catalog.studies)
        names = [sorted(each) for each in named]
        wrong = [[str(each.error) for each in catalog.wrong]] if catalog.wrong else []
        input_hash = canonical_hash([self.asset, catalog.universe.hash, names, *wrong])
        return Identity(self.asset, self.partition(key), input_hash, self.code_hash)

    def rows_hash(self) -> str:
        """Hash of the rows of all instruments, archived ones too."""
        return self.workspace.reference.instruments_hash()

    def ask(self) -> Outcome:
        """Ask when each instrument was listed, and save all instruments.

        Raises `InsufficientDataError` for a universe without instruments, and what the sources
        raise for a symbol that they do not have.
        """
        workspace, instruments = self.workspace, self.workspace.catalog.instruments
        if not instruments:
            raise InsufficientDataError(
                "The universe is empty, so there is nothing to work on. List at least one "
                f"instrument in {workspace.settings.config / 'universe.yaml'}."
            )
        listings = {name: _listing(workspace, each) for name, each in instruments.items()}
        changed = workspace.reference.save_instruments(
            instruments,
            listings,
            workspace.catalog.universe.members,
            are_all=not workspace.catalog.has_left_out("instruments"),
        )
        return Outcome(
            asset=self.asset,
            partition="",
            status="ok",
            rows=len(instruments),
            changed=bool(changed),
            content_hash=workspace.catalog.universe.hash,
            metadata=self.describe(changed),
        )

    def describe(self, product: list[str]) -> dict[str, Shown]:
        """How much there is to work on, and what must be known of the scenario files.

        `product`: ids of the instruments whose row changed.
        """
        catalog = self.workspace.catalog
        notes = scenario_notes(catalog.scenario_files.values())
        return {
            **({"notes_on_scenarios": "\n".join(notes)} if notes else {}),
            "instruments": len(catalog.instruments),
            "scenarios": len(catalog.scenarios),
            "portfolios": len(catalog.portfolios),
            "studies": len(catalog.studies),
            "windows": len(self.workspace.windows()),
            "changed_instruments": len(product),
        }


class ActionStage(_AskedStage[list[CorporateAction]]):
    """Splits and dividends of an instrument over its span."""

    asset = "corporate_actions"

    def identity(self, key: str) -> Identity:
        """With the hash of the instrument and of its span."""
        grid = self.workspace.catalog.universe.grid_of(self.instrument_id)
        asked = self.workspace.catalog.instrument(self.instrument_id).as_dict()
        input_hash = canonical_hash([self.asset, asked, grid.start, grid.end])
        return Identity(self.asset, self.partition(key), input_hash, self.code_hash)

    def pending(self, keys: Iterable[str]) -> list[str]:
        """Keys never asked for; while the span goes on, all of them once a bar is new; none before.

        A source may learn of an action as late as on its ex-date.
        """
        grid, now = (
            self.workspace.catalog.universe.grid_of(self.instrument_id),
            self.workspace.clock(),
        )
        if not grid.windows(now):
            return []
        if self.workspace.ask_again:
            return list(keys)
        missing = super().pending(keys)
        return list(keys) if self.goes_on and self._has_new_bars() else missing

    @property
    def goes_on(self) -> bool:
        """Whether the instrument's span has not ended."""
        grid = self.workspace.catalog.universe.grid_of(self.instrument_id)
        return grid.goes_on(self.workspace.clock())

    def _has_new_bars(self) -> bool:
        """Whether a bar has become complete since the source was asked."""
        asked = self.newest().get(self.instrument_id)
        now = self.workspace.clock()
        if asked is None or asked.created_at is None or asked.created_at > now:
            return True
        instrument = self.workspace.catalog.instrument(self.instrument_id)
        since = asked.created_at - instrument.timeframe.length * 3 - _LONGEST_CLOSURE
        due = due_bars(instrument, Window(since, now), now=now)
        before = due_bars(instrument, Window(since, asked.created_at), now=asked.created_at)
        return len(due) > len(before)

    def rows_hash(self) -> str:
        """Hash of the stored actions, and of when each was first seen."""
        return stored_actions_hash(self.workspace, self.instrument_id)

    def ask(self) -> Outcome:
        """Fetch the actions and save them."""
        workspace, name = self.workspace, self.instrument_id
        instrument = workspace.catalog.instrument(name)
        grid, now = workspace.catalog.universe.grid_of(name), workspace.clock()
        if not grid.windows(now):
            raise InsufficientDataError(
                f"The span of {name} starts at {grid.start}, which is still to come, so there is "
                "nothing to ask for yet. Set an earlier 'start' in universe.yaml, or wait.",
                instrument=name,
            )
        start, end = grid.first_start, grid.last_moment(now)
        request = ActionRequest(instrument=instrument, start=start, end=end)
        actions = workspace.source_of(instrument).fetch_actions(request)
        return Outcome(
            asset=self.asset,
            partition=name,
            status="ok",
            rows=len(actions),
            changed=workspace.reference.save_actions(name, actions),
            content_hash=actions_hash(actions),
            metadata=self.describe(actions),
        )

    def describe(self, product: list[CorporateAction]) -> dict[str, Shown]:
        """Number of splits, dividends and capital gains."""
        kinds = Counter(action.kind for action in product)
        gains = {"capital_gains": kinds["capital_gain"]} if kinds["capital_gain"] else {}
        return {"splits": kinds["split"], "dividends": kinds["dividend"], **gains}


def stored_actions_hash(workspace: Workspace, instrument_id: str) -> str:
    """Hash of an instrument's stored actions, and of when each was first seen."""
    return canonical_hash([vars(each) for each in workspace.reference.actions(instrument_id)])


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
