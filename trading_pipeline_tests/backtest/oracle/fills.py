"""The oracle's fills: what an entry or an exit does to cash, position, trade and log.

Part of the slow and obvious backtest that the compiled one is compared with.
"""

from __future__ import annotations

from trading_pipeline_tests.backtest.oracle.objects import (
    NAN,
    Bar,
    Desk,
    Logged,
    Position,
    Resting,
    Trade,
)
from trading_pipeline_tests.backtest.oracle.rules import ABOUT_EQUAL

NEARLY = 1.0 - 1e-12


class Book:
    """Cash, fees, trades and orders of an account, and the two ways to change them: enter and leave."""

    def __init__(self, cash: float, leverage: float) -> None:
        self.cash, self.fees, self.interest = cash, 0.0, 0.0
        self.trades: list[Trade] = []
        self.log: list[Logged] = []
        self.equity = self.taken = 0.0  # on which orders are sized, and the notional in use

    def size_up(self, desks: list[Desk]) -> None:
        """Equity and notional at the present marks."""
        self.equity, self.taken = self.cash, 0.0
        for desk in desks:
            if desk.position:
                self.equity += desk.marked_value
                self.taken += abs(desk.marked_value)

    def refuse(
        self, desk: Desk, decided: int, i: int, at: str, side: int, reason: str,
        kind: str = "market", asked: float | None = None, role: str = "entry",
    ) -> None:  # fmt: skip
        asked = NAN if asked is None else asked
        self.log.append(
            Logged(desk.number, decided, i, at, side, role, kind, asked, 0.0, NAN, 0.0, 0.0, reason)
        )

    def withdraw(self, desk: Desk, i: int, at: str, reason: str) -> None:
        order = desk.resting
        assert order is not None
        self.refuse(desk, order.decided, i, at, order.side, reason, order.kind, order.remaining)
        desk.resting = None

    def enter(
        self, desk: Desk, decided: int, i: int, at: str, bar: Bar, reference: float, side: int,
        *, kind: str = "market", limit: float | None = None, wanted: float | None = None,
        ratio: float = 1.0,
    ) -> float:  # fmt: skip
        """Open or enlarge a position; what is left for want of volume comes back.

        `wanted`: quantity that was sized before; None to size it now.
        """
        rules, maker = desk.rules, kind == "limit"
        price = reference if maker else rules.market_price(reference, side)
        if limit is not None and side * (price - limit) > 0.0:
            price = limit
        guards = None if desk.position else self._levels(desk, decided, price, side, ratio)
        stop = desk.position.stop if desk.position else guards[0]
        asked, quantity, reason = self._size(desk, decided, price, stop, wanted)
        left = 0.0
        room = desk.volume_left(bar)
        if quantity > 0.0 and (quantity > room or desk.needs_volume(bar)):
            fits = 0.0 if desk.needs_volume(bar) else rules.whole_lots(room)
            quantity, left = fits, quantity - fits
            reason = "clipped_to_volume" if fits > 0.0 else "no_volume"
        if quantity > 0.0 and not maker and desk.settings.slippage_volume_share > 0.0:
            price = rules.impact_price(reference, side, quantity, bar.volume)
            if limit is not None and side * (price - limit) > 0.0:
                price = limit
            most = rules.affordable(self._budget(desk), price)
            if quantity > most * ABOUT_EQUAL:
                quantity, reason = rules.whole_lots(most), "clipped_to_cash"
                if quantity <= 0.0:
                    reason = "below_one_lot" if most > 0.0 else "no_cash"
        if quantity <= 0.0:
            self.refuse(desk, decided, i, at, side, reason, kind, asked)
            return left
        fee = rules.commission(quantity, price, maker=maker)
        slip = abs(price - reference) * quantity * rules.point
        self.cash -= side * rules.value(quantity, price) + fee
        self.fees += fee
        self.taken += rules.value(quantity, price) + fee
        desk.traded += quantity
        desk.mark = reference
        if desk.position:
            self._enlarge(desk.position, quantity, price)
        else:
            trade = Trade(desk.number, side, quantity, i, at, price)
            self.trades.append(trade)
            desk.position = Position(side, quantity, trade, decided, *guards)
        desk.position.trade.fees += fee
        desk.position.trade.slippage += slip
        self.log.append(
            Logged(
                desk.number, decided, i, at, side, "entry", kind, asked, quantity, price, fee, slip,
                reason,
            )
        )  # fmt: skip
        return left

    def _budget(self, desk: Desk) -> float:
        return self.equity * desk.settings.leverage - self.taken

    def _size(
        self, desk: Desk, decided: int, price: float, stop: float | None, wanted: float | None
    ) -> tuple[float | None, float, str]:
        """(asked, granted, reason)."""
        if wanted is None:
            number = desk.sizes[decided]
            if number is None or number <= 0.0:
                return 0.0, 0.0, "no_size"
        if price <= 0.0:
            return 0.0, 0.0, "no_size"
        if wanted is None:
            wanted = desk.rules.wished(number, self.equity, price, stop)
            if wanted is None:
                return None, 0.0, "no_stop"
        return wanted, *desk.rules.granted(wanted, self._budget(desk), price)

    def _levels(
        self, desk: Desk, decided: int, price: float, side: int, ratio: float
    ) -> tuple[float | None, str, float | None, float | None]:
        """(stop, its name, target, trail) of a position opened at `price`."""
        stop, is_price = desk.level("stop_loss", decided)
        if stop is not None:
            stop = stop / ratio if is_price else price * (1.0 - side * stop)
        target, is_price = desk.level("take_profit", decided)
        if target is not None:
            target = target / ratio if is_price else price * (1.0 + side * target)
            target = desk.rules.on_tick(target, side)
        trail, is_price = desk.level("trailing_stop", decided)
        name = "stop_loss"
        if trail is not None:
            trail = trail / ratio if is_price else trail
            first = trail_level(desk, price, side, trail)
            if stop is None or side * (first - stop) > 0.0:
                stop, name = first, "trailing_stop"
        return stop, name, target, trail

    @staticmethod
    def _enlarge(position: Position, quantity: float, price: float) -> None:
        trade = position.trade
        paid = trade.quantity * trade.entry_price + quantity * price
        trade.quantity += quantity / position.shares_of_one
        trade.entry_price = paid / trade.quantity
        position.quantity += quantity

    def leave(
        self, desk: Desk, decided: int, i: int, at: str, bar: Bar, reference: float, why: str,
        wanted: float | None = None,
    ) -> bool:  # fmt: skip
        """Close the position, or `wanted` of it; True where all of that was done.

        What is left of a whole exit goes on at the next opens where it is kept; what is left of a
        target rests at its price.
        """
        position, rules = desk.position, desk.rules
        assert position is not None
        side, held = position.side, position.quantity
        asked = held if wanted is None else min(wanted, held)
        room = 0.0 if desk.needs_volume(bar) else desk.volume_left(bar)
        quantity = rules.whole_lots(room) if asked > room else asked
        maker = why == "take_profit"
        kinds = {"take_profit": "limit", "stop_loss": "stop", "trailing_stop": "trailing_stop"}
        row = Logged(
            desk.number, decided, i, at, -side, "exit", kinds.get(why, "market"), asked, 0.0, NAN,
            0.0, 0.0, "no_volume",
        )  # fmt: skip
        self.log.append(row)
        goes_on = desk.settings.unfilled == "keep" and wanted is None and not maker
        if quantity <= 0.0:
            if goes_on:
                desk.exit_in_work = (why, decided)
            return False
        closes = quantity >= held * NEARLY
        if closes:
            quantity = held
        price = reference
        if not maker and desk.settings.slippage_volume_share > 0.0:
            price = rules.impact_price(reference, -side, quantity, bar.volume)
        elif not maker:
            price = rules.market_price(reference, -side)
        fee = rules.commission(quantity, price, maker=maker)
        if closes:
            fee += desk.settings.commission_per_round_trip
        slip = abs(price - reference) * quantity * rules.point
        self.cash += side * rules.value(quantity, price) - fee
        self.fees += fee
        self.taken -= rules.value(quantity, price) - fee
        desk.traded += quantity
        position.trade.fees += fee
        position.trade.slippage += slip
        done = quantity >= asked * NEARLY
        row.filled, row.price, row.fee, row.slippage = quantity, price, fee, slip
        row.reason = why if done else "clipped_to_volume"
        if closes:
            finish(desk, i, at, price, why)
            desk.position = desk.exit_in_work = None
            if desk.resting and desk.resting.remaining is not None:
                self.withdraw(desk, i, at, "withdrawn")
        else:
            position.quantity -= quantity
            position.sold += quantity
            position.proceeds += quantity * price
            if not done and goes_on:
                desk.exit_in_work = (why, decided)
        return done


def finish(desk: Desk, i: int, at: str, price: float, why: str) -> None:
    """Write the end of the trade; its profit is what all of its cash flows add up to."""
    position = desk.position
    assert position is not None
    trade, units = position.trade, position.quantity
    if position.sold > 0.0:
        units = position.quantity + position.sold
        price = (position.proceeds + position.quantity * price) / units
    trade.exit_bar, trade.exit_at, trade.exit_price, trade.exit_quantity = i, at, price, units
    trade.income, trade.reason = position.income, why
    gross = (units * price - trade.quantity * trade.entry_price) * desk.rules.point
    trade.pnl = trade.side * gross - trade.fees + trade.income


def trail_level(desk: Desk, best: float, side: int, trail: float) -> float:
    """Stop that trails the best price by a distance (a `Price`) or a fraction."""
    _, is_price = desk.level("trailing_stop", 0)
    return best - side * trail if is_price else best * (1.0 - side * trail)


def keep_remainder(desk: Desk, decided: int, side: int, left: float, *, ratio: float = 1.0) -> None:
    """What an entry left for want of volume works on at the next opens, where it is kept."""
    if left <= 0.0 or desk.settings.unfilled != "keep":
        desk.resting = None
        return
    if desk.resting is None:
        desk.resting = Resting(side, None, None, decided, ratio)
    desk.resting.remaining = left
