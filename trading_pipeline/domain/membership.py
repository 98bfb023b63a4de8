"""When an instrument belonged to the universe, as spans of days; both ends belong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import ConfigurationError

__all__ = ["MemberSpan", "Membership", "hindsight_line"]


@dataclass(frozen=True, order=True)
class MemberSpan:
    """The days from `first` to `last`, both included; `last` None: it still belongs.

    Raises `ConfigurationError` where `last` lies before `first`.
    """

    first: date
    last: date | None = None

    def __post_init__(self) -> None:
        """Refuse a span that ends before it begins."""
        if self.last is not None and self.last < self.first:
            raise ConfigurationError(
                f"the span of 'members' from {self.first} to {self.last} ends before it begins; "
                "exchange the two dates"
            )

    def __str__(self) -> str:
        """The span as it is written."""
        return f"{self.first} to {'now' if self.last is None else self.last}"


@dataclass(frozen=True)
class Membership:
    """Spans in which an instrument belonged, in order of time, no two of which share a day.

    Raises `ConfigurationError` for no span and for spans that share a day.

    >>> spans = [MemberSpan(date(2004, 1, 2), date(2004, 1, 5)), MemberSpan(date(2004, 1, 7))]
    >>> Membership.of(spans).at(pd.date_range("2004-01-01", periods=7, tz="UTC")).tolist()
    [False, True, True, True, True, False, True]
    """

    spans: tuple[MemberSpan, ...]

    @classmethod
    def of(cls, spans: list[MemberSpan] | tuple[MemberSpan, ...]) -> Membership:
        """From spans in any order."""
        return cls(tuple(sorted(spans, key=lambda span: span.first)))

    def __post_init__(self) -> None:
        """Refuse spans that share a day."""
        if not self.spans:
            raise ConfigurationError(
                "'members' is empty; give one span or more, or leave it out where nothing is known"
            )
        for before, after in zip(self.spans, self.spans[1:], strict=False):
            if before.last is None or before.last >= after.first:
                raise ConfigurationError(
                    f"the spans of 'members' {before} and {after} overlap; each day belongs to one "
                    "span at most"
                )

    def __str__(self) -> str:
        """All spans as they are written."""
        return ", ".join(map(str, self.spans))

    def at(self, dates: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
        """True for each date that lies in a span; the time of day does not matter.

        Dates are those of the stamps in their own zone.
        """
        days = np.asarray(dates.tz_localize(None).to_numpy(), dtype="datetime64[D]")
        inside = np.zeros(len(days), dtype=np.bool_)
        for span in self.spans:
            found = days >= np.datetime64(span.first, "D")
            if span.last is not None:
                found &= days <= np.datetime64(span.last, "D")
            inside |= found
        return inside


def hindsight_line(members: Mapping[str, object], *, source: str = "universe.yaml") -> str:
    """What must stand beside results across these instruments; empty where all have dates.

    `members`: when each belonged, None where the `source` does not say. One instrument alone is
    compared with nothing: empty too.

    >>> hindsight_line({"AAPL_1d": None, "IBM_1d": None})[:43]
    'The instruments were chosen with hindsight:'
    """
    unknown = [name for name, known in members.items() if known is None]
    if not unknown or len(members) < 2:
        return ""
    few = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
    whom, when = ("none", "it") if len(unknown) == len(members) else (few, "each of them")
    says = "says for none" if whom == "none" else f"does not say for {whom}"
    return (
        f"The instruments were chosen with hindsight: {source} {says} when {when} belonged "
        "('members'), so losers that vanished are missing and results across instruments are too "
        "good."
    )
