"""What a portfolio strategy may look at: several markets on one clock, as they were known.

A row is a stamp at which any instrument has a bar. Each row is decided at one moment, and shows of
every instrument the newest bar that was known by then; instruments are joined on `known_at`, never
on `ts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from datetime import timedelta
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bar_year import bar_year_of
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import ConfigurationError, InsufficientDataError, StrategyError

if TYPE_CHECKING:
    from trading_pipeline.strategies.market import Market

__all__ = ["Panel"]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_SILENT = timedelta(days=10)
_SILENT_BARS = 4
_DERIVED = ("closes", "returns")  # what follows from prices and is computed again with others


class Panel:
    """Several instruments as a portfolio strategy sees them, (rows, instruments) in its tables.

    A row is decided at the earliest moment at which a bar with its stamp is known, and not after
    the stamp of the next row: an instrument may open then. A bar that is known later (a coin's day
    ends after a share's) is seen one row later.

    Parameters
    ----------
    markets
        By instrument; the columns of all tables are these names, sorted. Markets with other stamps
        than each other need `known_at`.
    members
        By instrument, one flag for each of its own bars: whether it belonged to the universe. One
        that is not named always did.
    due
        Rows on which weights can be acted on (see `due`); None: all of them.
    periods_per_year
        Rows of a usual year; None: told from the stamps where it is asked for.

    Raises
    ------
    InsufficientDataError
        Without markets.
    StrategyError
        For markets with other stamps than each other and without `known_at`, and for flags or rows
        of another length.

    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC", name="ts")
    >>> from trading_pipeline.strategies.market import Market
    >>> def market(*closes):
    ...     columns = dict.fromkeys(("open", "high", "low", "close"), closes)
    ...     return Market(pd.DataFrame({**columns, "volume": 1.0}, index=days))
    >>> panel = Panel({"B_1d": market(1.0, 2.0, 3.0), "A_1d": market(5.0, 5.0, 4.0)})
    >>> panel.instruments, panel.closes[1].tolist()
    (('A_1d', 'B_1d'), [5.0, 2.0])
    """

    def __init__(
        self,
        markets: Mapping[str, Market],
        *,
        members: Mapping[str, npt.ArrayLike] | None = None,
        due: npt.ArrayLike | None = None,
        periods_per_year: float | None = None,
    ) -> None:
        if not markets:
            raise InsufficientDataError(
                "A portfolio strategy was given no market. Give one or more by instrument.",
                instruments=0,
            )
        self.instruments = tuple(sorted(markets))
        self.markets = {name: markets[name] for name in self.instruments}
        self.index, self._decided, moments = _clock(self.markets)
        self._known = moments
        self.newest = np.column_stack(
            [np.searchsorted(each, self._decided, side="right") - 1 for each in moments.values()]
        )
        """Row of each instrument's newest known bar among its own bars; -1 before its first."""
        self.due = self._flags("due", due, len(self.index))
        """Rows on which weights can be acted on, by the portfolio's dates and calendar; those given
        on other rows wait for one of these."""
        given = members or {}
        self._members = {
            name: self._flags(f"members of {name}", given.get(name), len(each))
            for name, each in self.markets.items()
        }
        self._year = periods_per_year
        self.notes: list[str] = []
        """What must be said beside a result, in sentences; a strategy may add to it."""

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.index)

    @property
    def decided_at(self) -> pd.DatetimeIndex:
        """The moment at which each row is decided, aware UTC; the stamp where none is known."""
        moments = pd.DatetimeIndex(self._decided.view("datetime64[us]"), name="decided_at")
        return moments.tz_localize("UTC")

    @property
    def periods_per_year(self) -> float:
        """Rows of a year, by which variances of rows become annual ones."""
        if self._year is None:
            self._year = bar_year_of(self.index.asi8).bars
        return self._year

    @cached_property
    def closes(self) -> FloatArray:
        """Newest known forward-adjusted closes, NaN before an instrument's first bar."""
        return np.column_stack(
            [self.as_known(name, each.close) for name, each in self.markets.items()]
        )

    @cached_property
    def returns(self) -> FloatArray:
        """Change of `closes` from row to row as a fraction; NaN on the first row."""
        closes = self.closes
        found = np.full(closes.shape, np.nan)
        found[1:] = closes[1:] / closes[:-1] - 1.0
        return found

    @cached_property
    def available(self) -> BoolArray:
        """True where an instrument can be held: listed, trading, and a member of the universe.

        It trades while its newest bar is at most ten days old, or four bars where that is longer.
        """
        found = []
        for column, (name, market) in enumerate(self.markets.items()):
            newest = self.newest[:, column]
            length = timedelta(0) if market.timeframe is None else market.timeframe.length
            silent = max(_SILENT, _SILENT_BARS * length) // timedelta(microseconds=1)
            place = np.maximum(newest, 0)
            if not len(market):
                found.append(np.zeros(len(self), dtype=np.bool_))
                continue
            age = self._decided - self._known[name][place]
            found.append((newest >= 0) & self._members[name][place] & (age <= silent))
        return np.column_stack(found)

    def as_known(self, name: str, values: npt.ArrayLike) -> FloatArray:
        """One value for each of an instrument's own bars, as known on each row; NaN before."""
        own, newest = np.asarray(values, dtype=np.float64), self.newest[:, self._column(name)]
        if not len(own):
            return np.full(len(self), np.nan)
        return np.where(newest >= 0, own[np.maximum(newest, 0)], np.nan)

    def head(self, rows: int) -> Panel:
        """The panel as of row `rows - 1`: no later row, and no bar that was not known then."""
        part = self._copied()
        part.index, part._decided = self.index[:rows], self._decided[:rows]
        part.newest, part.due = self.newest[:rows], self.due[:rows]
        kept = self.newest[rows - 1] + 1 if rows else np.zeros(len(self.instruments), dtype=int)
        counts = dict(zip(self.instruments, map(int, kept), strict=True))
        part.markets = {name: each.head(counts[name]) for name, each in self.markets.items()}
        part._known = {name: each[: counts[name]] for name, each in self._known.items()}
        part._members = {name: each[: counts[name]] for name, each in self._members.items()}
        vars(part).pop("available", None)
        return part

    def with_markets(self, markets: Mapping[str, Market]) -> Panel:
        """The same panel with other bars under the same stamps."""
        other = self._copied()
        other.markets = {name: markets[name] for name in self.instruments}
        return other

    def data_hash(self, rows: int) -> str:
        """Hash of all that a strategy can read on the row `rows - 1`."""
        part = self.head(rows)
        markets = {name: each.data_hash(len(each)) for name, each in part.markets.items()}
        clock = (part.index.asi8, part._decided, self.periods_per_year)
        return canonical_hash([markets, *clock, part.available])

    def _column(self, name: str) -> int:
        try:
            return self.instruments.index(name)
        except ValueError:
            raise StrategyError(
                f"The portfolio has no instrument {name!r}; it has {', '.join(self.instruments)}.",
                instrument=name,
            ) from None

    def _copied(self) -> Panel:
        part = copy(self)
        part._year = self.periods_per_year if self._year is None else self._year
        part.notes = []
        for name in _DERIVED:
            vars(part).pop(name, None)
        return part

    @staticmethod
    def _flags(what: str, given: npt.ArrayLike | None, length: int) -> BoolArray:
        if given is None:
            return np.ones(length, dtype=np.bool_)
        flags = np.asarray(given)
        if flags.dtype != np.bool_ or flags.shape != (length,):
            raise StrategyError(
                f"{what}: got the shape {flags.shape} of {flags.dtype}; give one true or false for "
                f"each of {length}.",
                expected=length,
            )
        return flags


def _clock(
    markets: Mapping[str, Market],
) -> tuple[pd.DatetimeIndex, IntArray, dict[str, IntArray]]:
    """Stamps of all markets, the moment of each row, and when each market's bars are known."""
    stamps = {name: pd.DatetimeIndex(each.raw.index) for name, each in markets.items()}
    first, *others = stamps.values()
    common = all(first.equals(each) for each in others)
    index = first if common else pd.DatetimeIndex(reduce(pd.Index.union, stamps.values()))
    index = index.as_unit("us").rename("ts")
    clocks = {name: each.known_at for name, each in markets.items()}
    without = [name for name, each in clocks.items() if each is None]
    if without and not common:
        raise StrategyError(
            f"The instruments have bars with other stamps than each other, and {without[0]} does "
            "not say when its bars are known. Give each market its known_at.",
            instrument=without[0],
        )
    if without:
        return index, index.asi8, dict.fromkeys(markets, index.asi8)
    known = {name: each.as_unit("us").asi8 for name, each in clocks.items() if each is not None}
    decided = np.full(len(index), np.iinfo(np.int64).max)
    for name, each in stamps.items():
        np.minimum.at(decided, index.get_indexer(each), known[name])
    decided[:-1] = np.minimum(decided[:-1], index.asi8[1:])
    if (decided < index.asi8).any():
        row = int(np.argmax(decided < index.asi8))
        raise ConfigurationError(
            f"A bar of {index[row]} is known before its own stamp; 'known_at' must lie after it.",
            row=row,
        )
    return index, decided, known
