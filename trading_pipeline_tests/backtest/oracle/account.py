"""The oracle: a slow and obvious backtest of a whole account in plain Python.

One bar after another, one object a position, no table, no code number. Written from the
specification in docs/engine.md, whose order of events the methods follow; several instruments share
the cash and stand in the order of their priority.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from trading_pipeline_tests.backtest.oracle.fills import (
    Book,
    finish,
    trail_level,
)
from trading_pipeline_tests.backtest.oracle.objects import NAN, Bar, Desk, Logged, Resting
from trading_pipeline_tests.backtest.oracle.orders import due_orders, try_resting


@dataclass
class AccountOracle:
    """Run with `run()`; then read `equity`, `cash`, `quantities`, `book.trades`, `book.log`."""

    desks: list[Desk]
    days: list[int]
    years: list[float]  # of 365.25 days since the bar before, by bar
    weights: list[list[float]] | None = None  # by bar, NaN leaves a weight as it is
    rebalance: list[bool] = field(default_factory=list)
    threshold: float = 0.0

    def run(self) -> AccountOracle:
        self.rules = self.desks[0].settings  # of the account itself
        self.next_open = self.rules.fill == "next_open"
        self.book = Book(self.rules.initial_cash, self.rules.leverage)
        self.equity: list[float] = []
        self.cash: list[float] = []
        self.quantities: list[list[float]] = []
        self.halted: str | None = None
        self.today, self.day_start = None, self.rules.initial_cash
        self.bars_held, self.ruined_at = 0, -1
        for i in range(len(self.days)):
            self._new_day(i)
            self._financing(i)
            self._before_the_open(i)
            self._open(i)
            self._inside(i)
            self._forced_exits(i)
            self._decide(i)
            self._mark(i)
        self._end(len(self.days) - 1)
        return self

    def _trading(self, i: int) -> list[tuple[Desk, Bar]]:
        """Instruments with a bar, by priority."""
        return [(desk, desk.bars[i]) for desk in self.desks if desk.bars[i] is not None]

    def _new_day(self, i: int) -> None:
        if self.days[i] != self.today:
            self.today, self.halted = self.days[i], None
            self.day_start = self.equity[-1] if self.equity else self.rules.initial_cash

    # 0. Before the open

    def _financing(self, i: int) -> None:
        """What was held at the last close is paid for until now, at its last marks."""
        if self.book.cash < 0.0:
            interest = self.book.cash * self.rules.cash_rate * self.years[i]
            self.book.cash += interest
            self.book.interest -= interest
        for desk in self.desks:
            if not desk.position:
                continue
            value = desk.marked_value * self.years[i]
            cost = value * desk.settings.funding_rate
            if desk.position.side < 0:
                cost -= value * desk.settings.borrow_rate
            self.book.cash -= cost
            desk.position.income -= cost

    def _before_the_open(self, i: int) -> None:
        for desk in self.desks:
            for bar, kind, value in desk.actions:
                if bar == i:
                    self._apply(desk, kind, value)
        for desk, bar in self._trading(i):
            desk.traded, desk.mark = 0.0, bar.open
            if desk.resting and self._is_over(desk, desk.resting):
                self.book.withdraw(desk, i, "open", "expired")

    def _is_over(self, desk: Desk, order: Resting) -> bool:
        life = desk.settings.time_in_force
        if life == "day":
            return order.first_day is not None and order.first_day != self.today
        return life != "gtc" and order.bars_worked >= life

    def _apply(self, desk: Desk, kind: str, value: float) -> None:
        held, order = desk.position, desk.resting
        if kind == "dividend":
            if held:
                paid = held.side * held.quantity * value * desk.rules.point
                self.book.cash += paid
                held.income += paid
            return
        desk.pending_ratio *= value
        desk.mark /= value
        if held:
            held.quantity *= value
            held.sold *= value
            held.shares_of_one *= value
            held.stop = None if held.stop is None else held.stop / value
            held.target = None if held.target is None else held.target / value
            if held.trail is not None and desk.level("trailing_stop", 0)[1]:
                held.trail /= value
        if order:
            order.ratio *= value
            order.limit = None if order.limit is None else order.limit / value
            order.stop = None if order.stop is None else order.stop / value
            if order.remaining is not None:
                order.remaining *= value

    # 1. The open

    def _open(self, i: int) -> None:
        for desk, bar in self._trading(i):
            if desk.exit_in_work and desk.position:
                reason, decided = desk.exit_in_work
                self.book.leave(desk, decided, i, "open", bar, bar.open, reason)
        if self.next_open:
            due_orders(self.book, self.desks, i, "open", halted=self.halted is not None)
            return
        self.book.size_up(self.desks)
        for desk, bar in self._trading(i):
            if desk.resting:
                try_resting(self.book, desk, i, "open", bar)

    # 2. Inside the bar

    def _inside(self, i: int) -> None:
        self.book.size_up(self.desks)
        taken = self.book.taken
        acted = set()
        for desk, bar in self._trading(i):
            if desk.position and self._levels(desk, i, bar):
                acted.add(desk.number)
        self.book.taken = taken  # nobody knows what came first: exits free nothing for entries here
        for desk, bar in self._trading(i):
            order = desk.resting
            if order:
                order.first_day = self.today if order.first_day is None else order.first_day
                order.bars_worked += 1
                if desk.number not in acted and order.kind != "market":
                    try_resting(self.book, desk, i, "intrabar", bar)
        for desk, bar in self._trading(i):
            desk.mark = bar.close
            if desk.position:
                desk.position.bars_lived += 1

    def _levels(self, desk: Desk, i: int, bar: Bar) -> bool:
        """Stop, target and trail of what is held; True where one of the first two acted."""
        held = desk.position
        event = self._event(desk, bar)
        if event is None:
            if held.trail is not None:
                best = bar.high if held.side > 0 else bar.low
                moved = trail_level(desk, best, held.side, held.trail)
                if held.stop is None or held.side * (moved - held.stop) > 0.0:
                    held.stop, held.stop_reason = moved, "trailing_stop"
            return False
        why, price = event
        at = "open" if price == bar.open else "intrabar"
        self.book.leave(desk, held.decided, i, at, bar, price, why)
        return True

    def _event(self, desk: Desk, bar: Bar) -> tuple[str, float] | None:
        held, touch = desk.position, desk.settings.limit_fill == "touch"
        up = held.side > 0
        worst, best = (bar.low, bar.high) if up else (bar.high, bar.low)

        def at_or_worse(price: float, level: float) -> bool:
            return price <= level if up else price >= level

        def at_or_better(price: float, level: float) -> bool:
            return price >= level if up else price <= level

        stop, target = held.stop, held.target
        stopped = stop is not None and at_or_worse(worst, stop)
        jumped_target = target is not None and at_or_better(bar.open, target)
        reached = jumped_target or (
            target is not None and at_or_better(best, target) and (touch or best != target)
        )
        if stopped and at_or_worse(bar.open, stop):
            return held.stop_reason, bar.open
        if jumped_target:
            return "take_profit", bar.open
        if stopped and reached:
            high_first = bar.high - bar.open < bar.open - bar.low
            stop_first = {
                "pessimistic": True,
                "optimistic": False,
                "ohlc_path": high_first != up,
            }[desk.settings.intrabar]
            return (held.stop_reason, stop) if stop_first else ("take_profit", target)
        if stopped:
            return held.stop_reason, stop
        return ("take_profit", target) if reached else None

    # 3. Forced exits at the close

    def _forced_exits(self, i: int) -> None:
        s = self.rules
        if s.daily_profit_target is not None or s.daily_loss_limit is not None:
            self.book.size_up(self.desks)
            gained = self.book.equity - self.day_start
            if s.daily_profit_target is not None and gained >= s.daily_profit_target:
                self.halted = "daily_target"
            elif s.daily_loss_limit is not None and gained <= -s.daily_loss_limit:
                self.halted = "daily_loss"
        for desk in self.desks:
            bar, why = desk.bars[i], self.halted
            if self.halted and desk.resting:
                self.book.withdraw(desk, i, "close", "daily_halt")
            if bar is not None and desk.position:
                longest = desk.settings.max_holding_bars
                if why is None and i in desk.session_ends:
                    why = "session_close"
                if why is None and longest is not None and desk.position.bars_lived >= longest:
                    why = "max_holding"
                if why is not None:
                    self.book.leave(desk, i, i, "close", bar, bar.close, why)

    # 4. Decision, mark, margin

    def _decide(self, i: int) -> None:
        for desk, _ in self._trading(i):
            decision = desk.decision(i)
            if decision:
                desk.pending, desk.pending_ratio = (decision, i), 1.0
        if self.weights is not None:
            self._restore_weights(i)
        if not self.next_open:
            due_orders(self.book, self.desks, i, "close", halted=self.halted is not None)

    def _restore_weights(self, i: int) -> None:
        self.book.size_up(self.desks)
        due = self.rebalance[i]
        for desk, weight in zip(self.desks, self.weights[i], strict=True):
            if not math.isnan(weight):
                desk.weight = weight
            checked = desk.weight is not None and desk.bars[i] is not None
            if checked and self.threshold > 0.0 and self.book.equity != 0.0:
                off = abs(desk.marked_value / self.book.equity - desk.weight)
                due = due or off > self.threshold
        if due and self.book.equity > 0.0:
            for desk in self.desks:
                desk.goal = None if desk.weight is None else (desk.weight, i)
                desk.pending_ratio = 1.0

    def _mark(self, i: int) -> None:
        equity, notional = self.book.cash, 0.0
        held = [desk for desk in self.desks if desk.position]
        for desk in held:
            equity += desk.marked_value
            notional += abs(desk.marked_value)
        self.bars_held += bool(held)
        least = self.rules.maintenance_margin
        if held and least is not None and equity < least * notional:
            for desk in held:
                desk.exit_in_work = ("margin_call", i)
        if equity <= 0.0 and self.ruined_at < 0:
            self.ruined_at = i
        self.equity.append(equity)
        self.cash.append(self.book.cash)
        self.quantities.append([desk.signed for desk in self.desks])

    # The end

    def _end(self, last: int) -> None:
        for desk in self.desks:
            if desk.position:
                finish(desk, last, "close", desk.mark, "open")
            if desk.pending:
                self._log_pending(desk, *desk.pending)
            elif desk.goal:
                self._log_goal(desk, *desk.goal)
            if desk.resting:
                self.book.withdraw(desk, last, "close", "still_working")

    def _log_pending(self, desk: Desk, decision: object, t: int) -> None:
        def never(side: int, role: str, asked: float) -> Logged:
            return Logged(
                desk.number, t, -1, "open", side, role, "market", asked, 0.0, NAN, 0.0, 0.0,
                "no_next_bar",
            )  # fmt: skip

        side = desk.position.side if desk.position else 0
        leaves = (side > 0 and (decision.leave_long or decision.enter < 0)) or (
            side < 0 and (decision.leave_short or decision.enter > 0)
        )
        if leaves:
            self.book.log.append(never(-side, "exit", desk.held))
        if decision.enter and (side == 0 or leaves):
            self.book.log.append(never(decision.enter, "entry", NAN))

    def _log_goal(self, desk: Desk, weight: float, t: int) -> None:
        """The order of a weight that had no bar to fill in, counted at the last mark."""
        if desk.mark > 0.0:
            change = weight * self.equity[-1] / (desk.mark * desk.rules.point) - desk.signed
            if abs(change) <= 1e-9 * desk.held:
                return
        elif weight == 0.0:
            return
        else:
            change = NAN
        side = -1 if (weight if math.isnan(change) else change) < 0.0 else 1
        role = "entry" if desk.signed * side >= 0.0 else "exit"
        self.book.log.append(
            Logged(
                desk.number, t, -1, "open", side, role, "market", abs(change), 0.0, NAN, 0.0, 0.0,
                "no_next_bar",
            )
        )  # fmt: skip

    def drawdown(self) -> float:
        """Deepest fall from the highest equity so far, the starting cash included."""
        peak, deepest = self.rules.initial_cash, 0.0
        for equity in self.equity:
            peak = max(peak, equity)
            deepest = min(deepest, equity / peak - 1.0)
        return deepest
