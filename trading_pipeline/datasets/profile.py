"""The profile of a user's file: what it is, what is wrong with it, which questions it leaves
open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import JsonValue

from trading_pipeline.datasets.clocks.coarser_bars import coarser_timeframes
from trading_pipeline.domain.dataset_shape import TableShape, TimestampFormat
from trading_pipeline.domain.moments import DAY, length_of
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.settings.dataset_answers import DatasetAnswers

__all__ = [
    "DatasetPreview",
    "DatasetProfile",
    "Question",
    "open_questions",
    "shown_moment",
    "shown_stamp_format",
]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A decision that the file leaves open: `key` of the side-car file, and the flag of the
    command."""

    key: str
    flag: str
    message: str


@dataclass(frozen=True, kw_only=True)
class DatasetProfile:
    """What is known of a file after it was read once.

    `accept`: it can be read as bars, once the open questions are answered; else `reason` says why
    not. `rows` counts lines of data, `valid_rows` those that can be bars: complete, with a stamp
    and four prices. `first` and `last`: ISO, as the file shows them (UTC where it has offsets; with
    the answered zone's offset). `problems` has the published codes, `other_findings` what has none:
    `extra_bar` (distinct stamps outside the calendar), `bad_timestamp`, `extra_cells`,
    `missing_volume`, `price_rounding`, `level_shift`, and the hours of clock changes:
    `single_hour`, `unclear_hour`, `skipped_hour`. `stamps`: "end" where the session shows that bars
    are stamped where they end, "open" or None otherwise. `step`: microseconds between the rows, 0
    where they are not evenly spaced. `level_shift`: first bar whose open is a multiple of the close
    before it, and that ratio. `date_order_by_steps`: "dmy" or "mdy" where both can be read in every
    row and the steps between the days decided.
    """

    path: str
    size: int
    accept: bool
    reason: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    header: bool | str | None = None
    skip_rows: int = 0
    columns: Mapping[str, JsonValue] = field(default_factory=dict)
    timestamp: Mapping[str, str | None] | None = None
    tz: str | None = None
    suggest_tz: str | None = None
    timeframe: str | None = None
    rows: int = 0
    valid_rows: int = 0
    first: str | None = None
    last: str | None = None
    symbols: tuple[str, ...] = ()
    calendar: str | None = None
    missing_bars: int | None = None
    problems: Mapping[str, int] = field(default_factory=dict)
    other_findings: Mapping[str, int] = field(default_factory=dict)
    answers: DatasetAnswers = field(default_factory=DatasetAnswers)
    stamps: str | None = None
    step: int = 0
    level_shift: tuple[str, float] | None = None
    date_order_by_steps: str | None = None
    shape: TableShape | None = None
    symbol_in_column: bool = False

    @property
    def open_questions(self) -> tuple[Question, ...]:
        """What the user must decide before bars can be read, with the answers given so far."""
        return open_questions(self, self.answers)

    @property
    def is_wall(self) -> bool:
        """True where the stamps are those of a wall clock, whose zone must be known."""
        stamp = None if self.shape is None else self.shape.timestamp
        return stamp is not None and stamp.is_wall and self.tz != "mixed"

    def is_finer(self, timeframe: Timeframe) -> bool:
        """True where bars of that timeframe must be made of several rows of the file."""
        return 0 < self.step < length_of(timeframe)

    def zone_of(self, answers: DatasetAnswers) -> str | None:
        """Zone of that wall clock: what the stamps name, the answer, or what the header states."""
        stamp = None if self.shape is None else self.shape.timestamp
        if stamp is None or self.tz == "mixed":
            return answers.tz
        return stamp.zone if stamp.names_zone else answers.tz or stamp.zone

    def to_json(self) -> dict[str, JsonValue]:
        """The published keys, in their order, as plain values."""
        return {
            "accept": self.accept,
            "reason": self.reason,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "decimal": self.decimal,
            "thousands": self.thousands,
            "header": self.header,
            "skip_rows": self.skip_rows,
            "columns": dict(self.columns),
            "timestamp": None if self.timestamp is None else dict(self.timestamp),
            "tz": self.tz,
            "suggest_tz": self.suggest_tz,
            "timeframe": self.timeframe,
            "rows": self.rows,
            "valid_rows": self.valid_rows,
            "first": self.first,
            "last": self.last,
            "symbols": list(self.symbols),
            "calendar": self.calendar,
            "missing_bars": self.missing_bars,
            "problems": dict(sorted(self.problems.items())),
        }


@dataclass(frozen=True, kw_only=True)
class DatasetPreview:
    """The first rows of a file as written, and the roles that its columns seem to play.

    `rows`: cells as text; a truncated line has fewer. `roles`: position of a column -> role.
    """

    path: str
    size: int
    encoding: str
    delimiter: str | None
    header: bool | str
    skip_rows: int
    names: tuple[str, ...]
    roles: Mapping[int, str]
    timestamp: Mapping[str, str | None] | None
    rows: tuple[tuple[str, ...], ...]

    def to_json(self) -> dict[str, JsonValue]:
        """All values as plain ones; `columns` is a list of name and role."""
        return {
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "header": self.header,
            "skip_rows": self.skip_rows,
            "columns": [
                {"name": name, "role": self.roles.get(i)} for i, name in enumerate(self.names)
            ],
            "timestamp": None if self.timestamp is None else dict(self.timestamp),
            "rows": [list(row) for row in self.rows],
        }


def open_questions(profile: DatasetProfile, answers: DatasetAnswers) -> tuple[Question, ...]:
    """Decisions that a file of this profile leaves open under these answers; none if refused."""
    if not profile.accept:
        return ()
    found = []
    problems, known = profile.problems, {each.value for each in Timeframe}
    timeframe = answers.timeframe.value if answers.timeframe else profile.timeframe
    is_told = answers.date_order or answers.timestamp_format or profile.date_order_by_steps
    if problems.get("ambiguous_date") and not is_told:
        found.append(_date_order(problems["ambiguous_date"]))
    if len(profile.symbols) > 1 and answers.symbol not in profile.symbols:
        found.append(_symbol(profile.symbols, answers.symbol))
    if profile.tz == "mixed" and answers.tz is None:
        # rows without an offset have no place in time yet, so no step is known
        return (*found, _tz(profile))
    if timeframe not in known:
        found.append(_timeframe(timeframe, profile.step))
    intraday = timeframe in known and Timeframe(str(timeframe)).is_intraday
    is_date = profile.timestamp is not None and profile.timestamp.get("kind") == "date"
    may_be_intraday = intraday or 0 < profile.step < DAY or (timeframe not in known and not is_date)
    if profile.is_wall and profile.zone_of(answers) is None and may_be_intraday:
        found.append(_tz(profile))
    if profile.stamps == "end" and answers.stamps is None and may_be_intraday:
        found.append(_stamps())
    return tuple(found)


def shown_stamp_format(stamp: TimestampFormat | None) -> dict[str, str | None] | None:
    """How time stamps are written, in the published keys."""
    if stamp is None:
        return None
    return {"kind": stamp.kind, "unit": stamp.unit, "format": stamp.format}


def shown_moment(moment: int, *, aware: bool, as_date: bool, zone_offset: str = "") -> str:
    """ISO text of a moment (microseconds): a date, a wall clock with its offset, or UTC."""
    stamp = datetime(1970, 1, 1) + timedelta(microseconds=moment)
    if as_date:
        return stamp.date().isoformat()
    return stamp.isoformat() + ("+00:00" if aware else zone_offset)


def _date_order(rows: int) -> Question:
    return Question(
        key="date_order",
        flag="--date-order",
        message=f"{rows} row(s) can be read as day/month and as month/day. Say which: "
        "--date-order dmy or --date-order mdy.",
    )


def _symbol(symbols: tuple[str, ...], given: str | None) -> Question:
    shown = ", ".join(symbols[:10]) + (", ..." if len(symbols) > 10 else "")
    which = "" if given is None else f" {given!r} is none of them."
    return Question(
        key="symbol",
        flag="--symbol",
        message=f"The file holds {len(symbols)} symbols: {shown}.{which} Choose one with --symbol.",
    )


def _timeframe(found: str | None, step: int) -> Question:
    if step:
        longer = [each.value for each in coarser_timeframes(step)]
        return Question(
            key="timeframe",
            flag="--timeframe",
            message=f"The bars are {found} apart, which is no timeframe here. Longer bars can be "
            f"made of them: say which with --timeframe {', '.join(longer)}.",
        )
    what = "The bars are not evenly spaced."
    if found is None:
        what = "A single stamp does not show how far bars are apart."
    return Question(
        key="timeframe",
        flag="--timeframe",
        message=f"{what} Say what they are: "
        f"--timeframe {', '.join(Timeframe)}. Ticks must be made into bars first.",
    )


def _stamps() -> Question:
    return Question(
        key="stamps",
        flag="--stamps",
        message="The bars seem to be stamped where they END: the first of most days comes one bar "
        "after the open of a known session, and the last at its close. Say which: --stamps end "
        "(each bar is kept under its open, one bar earlier) or --stamps open (they stay as they "
        "are).",
    )


def _tz(profile: DatasetProfile) -> Question:
    if profile.tz == "mixed":
        rows = profile.problems.get("mixed_tz", 0)
        what = f"{rows} row(s) carry no offset, others do."
    else:
        what = "The time stamps carry no offset."
    hint = profile.suggest_tz
    example = f"--tz {hint}" if hint else "--tz with an IANA name such as America/New_York"
    likely = f" By the hours of the bars it is {hint}." if hint else ""
    return Question(
        key="tz",
        flag="--tz",
        message=f"{what}{likely} Say in which time zone they are: {example}.",
    )
