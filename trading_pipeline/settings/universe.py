"""The universe: its instruments, and the span of time that it covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from trading_pipeline.domain.coins import coin_quote
from trading_pipeline.domain.instrument import Instrument, instrument_id
from trading_pipeline.domain.membership import Membership, MemberSpan, hindsight_line
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.domain.windows import Cadence, WindowGrid
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.settings.spec_model import SpecModel

__all__ = ["InstrumentSpec", "MemberSpanSpec", "UniverseFile", "UniverseSpec"]

_LAST_DATA = {"bundled": date(2013, 3, 1)}
"""Last day of the sources whose bars end for every instrument; a file's line says `listed_to`."""


class MemberSpanSpec(SpecModel):
    """Days in which an instrument belonged to the universe: `{from: ..., to: ...}`, both included.

    Without `to` it still belongs.
    """

    first: date = Field(alias="from")
    last: date | None = Field(default=None, alias="to")

    def __repr__(self) -> str:
        """The span as it is told."""
        return str(MemberSpan(self.first, self.last))

    @model_serializer(mode="plain")
    def _as_written(self) -> dict[str, Any]:
        return {"from": self.first} | ({} if self.last is None else {"to": self.last})


class InstrumentSpec(SpecModel):
    """One line of the universe file; see `domain.instrument.Instrument` for the meanings.

    A pair of coins such as BTC/USDT is by default crypto on 24/7, in the currency it is quoted in;
    everything else is an equity of XNYS in USD.

    `start`, `end`: the instrument's own span, first day and day after the last, instead of the
    universe's; the windows of other instruments stay as they are. `end: null` means until now for
    this one, whatever the universe's end is. `checks`: how strict the checks
    of this instrument's bars are, over those of the whole universe; the names are those of
    `market_data.quality.findings.CheckSettings`. `members`: when it belonged to the universe, which
    cross-sectional features and portfolios ask; None where nobody said.
    """

    symbol: str = Field(min_length=1)
    timeframe: Timeframe = Timeframe.D1
    source: str = Field(min_length=1)
    calendar: str = "XNYS"
    asset_class: str = "equity"
    currency: str = "USD"
    exchange: str | None = None
    multiplier: float = Field(default=1.0, gt=0)
    tick_size: float | None = Field(default=None, gt=0)
    lot_size: float | None = Field(default=None, gt=0)
    listed_from: date | None = None
    listed_to: date | None = None
    start: date | None = None
    end: date | None = None
    resample_from: Timeframe | None = None
    checks: dict[str, Any] = Field(default_factory=dict)
    members: tuple[MemberSpanSpec, ...] | None = None

    @field_validator("members")
    @classmethod
    def _check_members(
        cls, given: tuple[MemberSpanSpec, ...] | None
    ) -> tuple[MemberSpanSpec, ...] | None:
        try:
            _membership(given)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return given

    @model_serializer(mode="wrap")
    def _without_unknown_members(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what nobody said, so that the hash of a universe without dates stays."""
        values: dict[str, Any] = dump(self)
        if self.members is None:
            values.pop("members", None)
        return values

    @property
    def goes_on(self) -> bool:
        """True where the line says `end: null`; without the key the universe's end holds."""
        return self.end is None and "end" in self.model_fields_set

    @property
    def last_data(self) -> date | None:
        """Last day on which there can ever be a bar; None where bars go on."""
        known = [day for day in (self.listed_to, _LAST_DATA.get(self.source)) if day is not None]
        return min(known, default=None)

    @property
    def membership(self) -> Membership | None:
        """When it belonged; None where nobody said."""
        return _membership(self.members)

    @model_validator(mode="before")
    @classmethod
    def _coins_trade_always(cls, values: Any) -> Any:
        """A pair of coins without a market of its own gets that of coins, whatever its source."""
        if not isinstance(values, dict) or not isinstance(values.get("symbol"), str):
            return values
        quote = coin_quote(values["symbol"])
        if quote is None or values.get("asset_class", "crypto") != "crypto":
            return values
        return {"calendar": "24/7", "asset_class": "crypto", "currency": quote} | values

    @property
    def id(self) -> str:
        """Id of the series, such as `AAPL_1d`."""
        return instrument_id(self.symbol, self.timeframe)

    @model_validator(mode="after")
    def _check_id(self) -> InstrumentSpec:
        instrument_id(self.symbol, self.timeframe)
        if self.listed_from and self.listed_to and self.listed_to < self.listed_from:
            raise ValueError(
                f"'listed_to' {self.listed_to} is before 'listed_from' {self.listed_from}"
            )
        if self.start and self.end and self.end <= self.start:
            raise ValueError(f"'end' {self.end} is not after 'start' {self.start}")
        if self.resample_from and self.resample_from.length >= self.timeframe.length:
            raise ValueError(
                f"'resample_from' {self.resample_from.value} is not finer than the timeframe "
                f"{self.timeframe.value}"
            )
        return self

    def to_instrument(self) -> Instrument:
        """The domain value."""
        own = {"checks", "start", "end", "members"}  # belong to the universe, not to the series
        return Instrument(**{key: value for key, value in self if key not in own})


def _membership(given: tuple[MemberSpanSpec, ...] | None) -> Membership | None:
    if given is None:
        return None
    return Membership.of([MemberSpan(each.first, each.last) for each in given])


class UniverseFile(SpecModel):
    """What a `universe.yaml` may hold; a user's file may leave out what it does not change.

    `end: null` means until now; null elsewhere changes nothing. `archived`: ids that are left out
    of the universe, shipped ones too; what is stored of them stays.
    """

    start: date | None = None
    end: date | None = None
    cadence: Cadence | None = None
    checks: dict[str, Any] | None = None
    instruments: tuple[InstrumentSpec, ...] = ()
    archived: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _no_duplicates(self) -> UniverseFile:
        counts = Counter(spec.id for spec in self.instruments)
        twice = sorted(name for name, count in counts.items() if count > 1)
        if twice:
            raise ValueError(f"the instrument {', '.join(twice)} is listed twice; keep one line")
        return self


class UniverseSpec(SpecModel):
    """The universe in force, after the user's file was laid over the shipped one."""

    start: date
    end: date | None = None
    cadence: Cadence = "year"
    checks: dict[str, Any] = Field(default_factory=dict)
    instruments: tuple[InstrumentSpec, ...] = ()
    archived: tuple[InstrumentSpec, ...] = ()

    @cached_property
    def grid(self) -> WindowGrid:
        """The windows of all instruments: those of the universe's start and of every own span.

        An end that no instrument has makes no windows: bars that end are not waited for. Raises
        `ConfigurationError` for an instrument that ends before it starts.
        """
        whole = WindowGrid(self.start, self.end, self.cadence)  # refuses wrong dates by themselves
        spans = [self._span_of(spec) for spec in self.instruments] or [(whole.start, whole.end)]
        ends = [end for _, end in spans if end is not None]
        return WindowGrid(
            start=min(self.start, *(start for start, _ in spans)),
            end=max(ends) if len(ends) == len(spans) else None,
            cadence=self.cadence,
        )

    def grid_of(self, instrument: str) -> WindowGrid:
        """The windows in which an instrument has bars: those of its own span, else the universe's.

        They end with the last day of its listing or of its source's data, also where the span goes
        on until now; an instrument whose data ends before its span has one window.

        Raises `UnknownNameError` for an id that the universe does not have.
        """
        specs = self._spec_by_id
        if instrument not in specs:
            raise UnknownNameError(
                f"There is no instrument {instrument!r}. {did_you_mean(instrument, specs)}",
                name=instrument,
                kind="instrument",
            )
        return WindowGrid(*self._span_of(specs[instrument]), self.cadence)

    @cached_property
    def _spec_by_id(self) -> dict[str, InstrumentSpec]:
        return {spec.id: spec for spec in self.instruments}

    def _span_of(self, spec: InstrumentSpec) -> tuple[date, date | None]:
        """First day of an instrument, and the day after the last; None: until now."""
        start, end = spec.start or self.start, None if spec.goes_on else spec.end or self.end
        if end is not None and end <= start:
            raise ConfigurationError(
                f"The span of {spec.id} ends at {end}, which is not after its start {start}. Where "
                "its line does not say 'start' or 'end', those of the universe hold. Say both on "
                "the line; 'end: null' means until now.",
                instrument=spec.id,
                start=start,
                end=end,
            )
        if spec.last_data is not None:
            last = max(spec.last_data, start) + timedelta(days=1)
            end = last if end is None else min(end, last)
        return start, end

    @cached_property
    def by_id(self) -> dict[str, Instrument]:
        """Instruments by id, in the order of the file."""
        return {spec.id: spec.to_instrument() for spec in self.instruments}

    @cached_property
    def archived_by_id(self) -> dict[str, InstrumentSpec]:
        """Instruments that were taken out and can come back, by id."""
        return {spec.id: spec for spec in self.archived}

    @cached_property
    def _specs(self) -> dict[str, InstrumentSpec]:
        return {spec.id: spec for spec in self.instruments}

    def checks_of(self, instrument: str) -> dict[str, Any]:
        """Check settings of an instrument: those of all, with its own laid over them."""
        own = self._spec_by_id.get(instrument)
        return {**self.checks, **(own.checks if own is not None else {})}

    @property
    def members(self) -> dict[str, Membership | None]:
        """When each instrument belonged, None where nobody said, by id."""
        return {spec.id: spec.membership for spec in self.instruments}

    def hindsight(self, instruments: Iterable[str]) -> str:
        """The line that results across these instruments carry; empty where all have dates.

        One instrument alone is compared with nothing: empty too.
        """
        known = self.members
        return hindsight_line({name: known.get(name) for name in instruments})

    def without(self, names: Iterable[str]) -> UniverseSpec:
        """This universe without these instruments; ids that it does not have change nothing."""
        left_out = set(names)
        mine = {name: getattr(self, name) for name in UniverseSpec.model_fields}
        kept = tuple(spec for spec in self.instruments if spec.id not in left_out)
        return UniverseSpec(**(mine | {"instruments": kept}))

    def overlaid(self, other: UniverseFile) -> UniverseSpec:
        """This universe with what `other` sets; instruments of the same id are replaced.

        Raises `UnknownNameError` for an archived id that is no instrument's.
        """
        mine = {spec.id: spec for spec in (*self.instruments, *other.instruments)}
        for name in other.archived:
            if name not in mine:
                raise UnknownNameError(
                    f"'archived' names {name!r}, which is no instrument. "
                    f"{did_you_mean(name, mine)}",
                    name=name,
                    kind="instrument",
                )
        given = other.model_dump(include=other.model_fields_set - {"instruments", "archived"})
        given = {key: value for key, value in given.items() if key == "end" or value is not None}
        instruments = {
            "instruments": tuple(spec for name, spec in mine.items() if name not in other.archived),
            "archived": tuple(spec for name, spec in mine.items() if name in other.archived),
        }
        mine_now = {name: getattr(self, name) for name in UniverseSpec.model_fields}
        return UniverseSpec(**(mine_now | given | instruments))
