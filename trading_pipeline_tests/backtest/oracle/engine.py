"""A slow and obvious backtest in plain Python: the oracle of the compiled kernel.

One bar after another, one object a position, no table, no code number. Written from the specification
of events, not from the kernel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from trading_pipeline.domain.signals import Fraction, Signals
from trading_pipeline.settings.backtest_settings import BacktestSettings


@dataclass
class Position:
    side: int
    quantity: float
    trade: dict[str, Any]
    decided: int
    entered_bar: int
    entered_at_close: bool
    stop: float | None = None
    stop_name: str = "stop_loss"
    target: float | None = None
    trail: float | None = None
    trail_is_price: bool = False

    def trail_level(self, best: float) -> float:
        if self.trail_is_price:
            return best - self.side * self.trail
        return best * (1.0 - self.side * self.trail)

    def raise_stop(self, level: float) -> None:
        if self.stop is None or (level > self.stop if self.side > 0 else level < self.stop):
            self.stop, self.stop_name = level, "trailing_stop"


@dataclass
class Oracle:
    bars: list[tuple[float, float, float, float]]
    signals: Signals
    settings: BacktestSettings
    actions: list[tuple[int, str, float]] = field(default_factory=list)  # (bar, kind, value)

    def run(self) -> Oracle:
        s = self.settings
        self.cash = s.initial_cash
        self.point = s.multiplier * s.delta
        self.position: Position | None = None
        self.equity: list[float] = []
        self.cash_path: list[float] = []
        self.trades: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        for i, (o, _, _, c) in enumerate(self.bars):
            self.split_today = 1.0
            self._apply_actions(i)
            if s.fill == "next_open" and i > 0:
                self._carry_out_decision(i - 1, i, o, "open")
            self._walk_through_bar(i)
            if s.fill == "same_close":
                self.split_today = 1.0  # the decision is in today's prices already
                self._carry_out_decision(i, i, c, "close")
            self.cash_path.append(self.cash)
            self.equity.append(self._worth(c))
        if s.fill == "next_open":
            self._leave_pending(len(self.bars) - 1)
        if self.position:
            self._finish_trade(len(self.bars) - 1, "close", self.bars[-1][3], 0.0, 0.0, "open")
        return self

    def _worth(self, price: float) -> float:
        if not self.position:
            return self.cash
        return self.cash + self.position.side * self.position.quantity * price * self.point

    def _apply_actions(self, i: int) -> None:
        for bar, kind, value in self.actions:
            if bar != i:
                continue
            if kind == "split":
                self.split_today *= value
            held = self.position
            if not held:
                continue
            if kind == "split":
                held.quantity *= value
                held.stop = None if held.stop is None else held.stop / value
                held.target = None if held.target is None else held.target / value
                if held.trail is not None and held.trail_is_price:
                    held.trail /= value
            else:
                paid = held.side * held.quantity * value * self.point
                self.cash += paid
                held.trade["income"] += paid

    def _decision(self, t: int) -> tuple[bool, bool, bool, bool, str | None]:
        """(leave long, leave short, go long, go short, side of a contradictory entry)."""
        el, xl = self.signals.entry_long[t], self.signals.exit_long[t]
        es, xs = self.signals.entry_short[t], self.signals.exit_short[t]
        go_long = el and not xl and not es
        go_short = es and not xs and not el
        cancelled = "buy" if (el and not go_long) else "sell" if (es and not go_short) else None
        if go_long or go_short:
            cancelled = None
        return xl or go_short, xs or go_long, go_long, go_short, cancelled

    def _carry_out_decision(self, t: int, i: int, price: float, at: str) -> None:
        leave_long, leave_short, go_long, go_short, cancelled = self._decision(t)
        held = self.position
        if held and (leave_long if held.side > 0 else leave_short):
            reverses = (go_long and held.side < 0) or (
                go_short and held.side > 0 and self.settings.allow_short
            )
            self._leave(i, at, price, "reversal" if reverses else "signal", t)
        if self.position:
            return
        if cancelled:
            self._log(t, i, cancelled, "entry", "market", None, 0.0, "contradiction")
        elif go_long:
            self._enter(t, i, at, price, 1)
        elif go_short and not self.settings.allow_short:
            self._log(t, i, "sell", "entry", "market", None, 0.0, "short_not_allowed")
        elif go_short:
            self._enter(t, i, at, price, -1)

    def _leave_pending(self, last: int) -> None:
        leave_long, leave_short, go_long, go_short, _ = self._decision(last)
        held, leaves = self.position, False
        if held and (leave_long if held.side > 0 else leave_short):
            leaves = True
            side = "sell" if held.side > 0 else "buy"
            self._log(last, None, side, "exit", "market", held.quantity, 0.0, "no_next_bar")
        if (go_long or go_short) and (not held or leaves):
            side = "buy" if go_long else "sell"
            self._log(last, None, side, "entry", "market", None, 0.0, "no_next_bar")

    def _level(self, name: str, t: int) -> tuple[float | None, bool]:
        level = getattr(self.signals, name)
        if level is None:
            return getattr(self.settings, name), False
        value = float(level.values[t if len(level) > 1 else 0])
        return (None if math.isnan(value) else value), not isinstance(level, Fraction)

    def _enter(self, t: int, i: int, at: str, reference: float, side: int) -> None:
        s = self.settings
        price = self._market_price(reference, side)
        new = Position(side, 0.0, {}, t, i, at == "close")
        stop, is_price = self._level("stop_loss", t)
        if stop is not None:
            new.stop = stop / self.split_today if is_price else price * (1.0 - side * stop)
        target, is_price = self._level("take_profit", t)
        if target is not None:
            level = target / self.split_today if is_price else price * (1.0 + side * target)
            new.target = self._on_tick(level, side)
        new.trail, new.trail_is_price = self._level("trailing_stop", t)
        if new.trail is not None:
            if new.trail_is_price:
                new.trail /= self.split_today
            new.raise_stop(new.trail_level(price))
        asked, quantity, reason = self._size(t, price, new.stop)
        word = "buy" if side > 0 else "sell"
        if quantity <= 0.0:
            self._log(t, i, word, "entry", "market", asked, 0.0, reason)
            return
        fee = self._commission(quantity, price, s.commission_bps)
        slip = abs(price - reference) * quantity * self.point
        self.cash -= side * quantity * price * self.point + fee
        new.quantity = quantity
        new.trade = {
            "side": side, "quantity": quantity, "entry_bar": i, "entry_price": price,
            "fees": fee, "slippage": slip, "income": 0.0,
        }  # fmt: skip
        self.trades.append(new.trade)
        self.position = new
        self._log(t, i, word, "entry", "market", asked, quantity, reason, price, fee)

    def _size(self, t: int, price: float, stop: float | None) -> tuple[float | None, float, str]:  # noqa: PLR0912
        s, sizing = self.settings, self.settings.sizing
        number = next(
            getattr(sizing, name)
            for name in ("percent", "quantity", "cash")
            if hasattr(sizing, name)
        )
        if self.signals.size is not None and not math.isnan(self.signals.size[t]):
            number = float(self.signals.size[t])
        if number <= 0.0:
            return 0.0, 0.0, "no_size"
        if sizing.type == "percent_of_equity":
            asked = self._affordable(self.cash * number, price)
        elif sizing.type == "fixed_cash":
            asked = self._affordable(number, price)
        elif sizing.type == "fixed_quantity":
            asked = number
        elif stop is None:
            return None, 0.0, "no_stop"
        else:
            loss_a_unit = abs(price - stop) * self.point
            asked = max(self.cash, 0.0) * number / loss_a_unit if loss_a_unit else math.inf
        quantity, reason = asked, "filled"
        most = self._affordable(self.cash * s.leverage, price)
        if quantity > most * (1 + 1e-12):
            quantity, reason = most, "clipped_to_cash"
        if quantity <= 0.0:
            return asked, 0.0, "no_cash"
        if s.lot_size:
            whole = math.floor(quantity / s.lot_size + 1e-9) * s.lot_size
            if whole <= 0:
                return asked, 0.0, "below_one_lot"
            if reason == "filled" and not math.isclose(whole, quantity, rel_tol=1e-9):
                reason = "rounded_to_lot"
            quantity = whole
        if quantity * price * self.point < s.min_notional:
            return asked, 0.0, "below_min_notional"
        return asked, quantity, reason

    def _affordable(self, budget: float, price: float) -> float:
        """Invert the cost of a purchase by the two cases: the minimum commission binds or not."""
        s, unit = self.settings, price * self.point
        left = budget - s.commission_per_order
        rate = s.commission_bps * 1e-4
        free = left / (unit * (1 + rate) + s.commission_per_share)
        if free * (unit * rate + s.commission_per_share) < s.commission_minimum:
            free = (left - s.commission_minimum) / unit
        return max(free, 0.0)

    def _commission(self, quantity: float, price: float, bps: float) -> float:
        s = self.settings
        variable = quantity * price * self.point * (bps * 1e-4) + quantity * s.commission_per_share
        return max(variable, s.commission_minimum) + s.commission_per_order

    def _market_price(self, reference: float, side: int) -> float:
        s = self.settings
        price = reference * (1.0 + side * (s.slippage_bps * 1e-4)) + side * s.slippage_price
        return max(self._on_tick(price, side), 0.0)

    def _on_tick(self, price: float, direction: int) -> float:
        tick = self.settings.tick_size
        if not tick:
            return price
        steps = price / tick
        whole = round(steps)
        if abs(whole - steps) > 1e-6:
            whole = math.ceil(steps) if direction > 0 else math.floor(steps)
        return float(Decimal(whole) * Decimal(str(tick)))

    def _walk_through_bar(self, i: int) -> None:
        held = self.position
        if not held:
            return
        o, h, low, c = self.bars[i]
        event = self._event_inside(held, o, h, low)
        if event:
            name, price = event
            at = "open" if price == o else "intrabar"
            self._leave(i, at, price, name, held.decided)
            return
        if held.trail is not None:
            held.raise_stop(held.trail_level(h if held.side > 0 else low))
        lived = i - held.entered_bar + (0 if held.entered_at_close else 1)
        if self.settings.max_holding_bars and lived >= self.settings.max_holding_bars:
            self._leave(i, "close", c, "max_holding", i)

    def _event_inside(
        self, held: Position, o: float, h: float, low: float
    ) -> tuple[str, float] | None:
        touch = self.settings.limit_fill == "touch"
        stop, target = held.stop, held.target
        if held.side > 0:
            stopped = stop is not None and low <= stop
            gap_stop = stop is not None and o <= stop
            gap_target = target is not None and o >= target
            reached = target is not None and (h > target or gap_target or (touch and h == target))
            stop_first_on_path = not (h - o < o - low)
        else:
            stopped = stop is not None and h >= stop
            gap_stop = stop is not None and o >= stop
            gap_target = target is not None and o <= target
            reached = target is not None and (
                low < target or gap_target or (touch and low == target)
            )
            stop_first_on_path = h - o < o - low
        if gap_stop:
            return held.stop_name, o
        if gap_target:
            return "take_profit", o
        if stopped and reached:
            first = {
                "pessimistic": True,
                "optimistic": False,
                "ohlc_path": stop_first_on_path,
            }[self.settings.intrabar]
            return (held.stop_name, stop) if first else ("take_profit", target)
        if stopped:
            return held.stop_name, stop
        if reached:
            return "take_profit", target
        return None

    def _leave(self, i: int, at: str, reference: float, why: str, decided: int) -> None:
        held, s = self.position, self.settings
        is_limit = why == "take_profit"
        price = reference if is_limit else self._market_price(reference, -held.side)
        maker = s.maker_commission_bps if s.maker_commission_bps is not None else s.commission_bps
        fee = self._commission(held.quantity, price, maker if is_limit else s.commission_bps)
        fee += s.commission_per_round_trip
        self.cash += held.side * held.quantity * price * self.point - fee
        kind = {"take_profit": "limit", "stop_loss": "stop", "trailing_stop": "trailing_stop"}
        slip = abs(price - reference) * held.quantity * self.point
        self._finish_trade(i, at, price, fee, slip, why)
        self._log(
            decided, i, "sell" if held.side > 0 else "buy", "exit", kind.get(why, "market"),
            held.quantity, held.quantity, why, price, fee,
        )  # fmt: skip
        self.position = None

    def _finish_trade(
        self, i: int, at: str, price: float, fee: float, slip: float, why: str
    ) -> None:
        held = self.position
        trade = held.trade
        trade["fees"] += fee
        trade["slippage"] += slip
        paid_in = trade["quantity"] * trade["entry_price"]
        got_back = held.quantity * price
        trade["pnl"] = (
            held.side * (got_back - paid_in) * self.point - trade["fees"] + trade["income"]
        )
        trade |= {"exit_bar": i, "exit_price": price, "exit_reason": why}
        lived = i - held.entered_bar + (0 if held.entered_at_close else 1)
        trade["bars_held"] = lived - (1 if at == "open" else 0)

    def _log(
        self, decided: int, bar: int | None, side: str, role: str, kind: str,
        asked: float | None, filled: float, reason: str, price: float | None = None,
        fee: float = 0.0,
    ) -> None:  # fmt: skip
        self.orders.append(
            {
                "decided": decided,
                "bar": bar,
                "side": side,
                "role": role,
                "kind": kind,
                "requested": asked,
                "filled": filled,
                "reason": reason,
                "price": price,
                "fee": fee,
            }
        )
