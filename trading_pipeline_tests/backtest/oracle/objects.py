"""The things that the oracle's account handles: bars, decisions, positions, orders.

Part of the slow and obvious backtest that the compiled one is compared with. `None` means "there is
none" everywhere; sides are +1 (long, buy) and -1 (short, sell).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from trading_pipeline.domain.signals import Fraction, Signals
from trading_pipeline.settings.backtest_settings import BacktestSettings
from trading_pipeline_tests.backtest.oracle.rules import Rules

NAN = math.nan


class Bar(NamedTuple):
    """Prices as traded and the volume of one bar."""

    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class Decision:
    """What a strategy wants at a bar's close, contradictions resolved the cautious way."""

    leave_long: bool
    leave_short: bool
    enter: int  # +1, -1, or 0 for no entry
    cancelled: int  # side of an entry that contradicted itself, or 0


@dataclass
class Trade:
    """One round trip; quantity and entry price in the shares of its first entry."""

    asset: int
    side: int
    quantity: float
    entry_bar: int
    entry_at: str
    entry_price: float
    fees: float = 0.0
    slippage: float = 0.0
    exit_bar: int = 0
    exit_at: str = ""
    exit_price: float = NAN
    exit_quantity: float = NAN
    income: float = 0.0
    pnl: float = NAN
    reason: str = ""


@dataclass
class Logged:
    """One row of the order log."""

    asset: int
    decided: int
    bar: int  # -1 where there was no bar to fill in
    at: str
    side: int
    role: str
    kind: str
    requested: float
    filled: float
    price: float
    fee: float
    slippage: float
    reason: str


@dataclass
class Position:
    """What is held of one instrument, and the levels that guard it."""

    side: int
    quantity: float
    trade: Trade
    decided: int
    stop: float | None
    stop_reason: str
    target: float | None
    trail: float | None
    entries: int = 1
    bars_lived: int = 0
    income: float = 0.0
    shares_of_one: float = 1.0  # what splits made of one share of the first entry
    sold: float = 0.0
    proceeds: float = 0.0


@dataclass
class Resting:
    """An entry that waits: a limit, stop or stop-limit order, or a remainder (no price: market)."""

    side: int
    limit: float | None
    stop: float | None
    decided: int
    ratio: float = 1.0  # splits since the decision
    remaining: float | None = None  # None: sized when it fills
    bars_worked: int = 0
    first_day: int | None = None

    @property
    def kind(self) -> str:
        if self.limit is None:
            return "market" if self.stop is None else "stop"
        return "limit" if self.stop is None else "stop_limit"


@dataclass
class Desk:
    """One instrument of the account: its data and rules, and where it stands."""

    number: int
    bars: list[Bar | None]
    signals: Signals
    settings: BacktestSettings
    sizes: list[float | None]
    session_ends: set[int] = field(default_factory=set)
    actions: list[tuple[int, str, float]] = field(default_factory=list)  # (bar, kind, value)

    position: Position | None = None
    resting: Resting | None = None
    pending: tuple[Decision, int] | None = None
    pending_ratio: float = 1.0
    goal: tuple[float, int] | None = None  # (weight, bar that decided)
    weight: float | None = None
    exit_in_work: tuple[str, int] | None = None  # (reason, bar that decided)
    traded: float = 0.0  # of this bar's volume
    mark: float = 0.0

    def __post_init__(self) -> None:
        self.rules = Rules(self.settings)

    @property
    def held(self) -> float:
        return self.position.quantity if self.position else 0.0

    @property
    def signed(self) -> float:
        return self.position.side * self.position.quantity if self.position else 0.0

    @property
    def marked_value(self) -> float:
        return self.rules.value(self.signed, self.mark)

    def decision(self, t: int) -> Decision | None:
        s = self.signals
        buy, sell, short, cover = (
            bool(flags[t]) for flags in (s.entry_long, s.exit_long, s.entry_short, s.exit_short)
        )
        if not (buy or sell or short or cover):
            return None
        good_long, good_short = buy and not sell and not short, short and not cover and not buy
        enter = 1 if good_long else -1 if good_short else 0
        cancelled = 0 if enter else 1 if buy else -1 if short else 0
        return Decision(sell, cover, enter, cancelled)

    def level(self, name: str, t: int) -> tuple[float | None, bool]:
        """(value, whether it is a price) of a level decided at bar t; the signals' own one wins."""
        level = getattr(self.signals, name)
        if level is None:
            return getattr(self.settings, name, None), False
        value = float(level.values[t if len(level) > 1 else 0])
        return (None if math.isnan(value) else value), not isinstance(level, Fraction)

    def volume_left(self, bar: Bar) -> float:
        share = self.settings.maximum_participation
        return math.inf if share is None else max(share * bar.volume - self.traded, 0.0)

    def needs_volume(self, bar: Bar) -> bool:
        """True where slippage counts volume and the bar has none: then nothing fills."""
        return self.settings.slippage_volume_share > 0.0 and bar.volume == 0.0


def as_row(thing: Trade | Logged) -> tuple[object, ...]:
    """Values of a row, for comparison with `nan` equal to itself."""
    values = [getattr(thing, each.name) for each in fields(thing)]
    return tuple("nan" if value != value else value for value in values)
