"""The oracle's orders: what is due at an open or close, and orders that rest.

Part of the slow and obvious backtest that the compiled one is compared with.
"""

from __future__ import annotations

from trading_pipeline_tests.backtest.oracle.fills import Book, keep_remainder
from trading_pipeline_tests.backtest.oracle.objects import Bar, Decision, Desk, Resting

TINY = 1e-9


def due_orders(book: Book, desks: list[Desk], i: int, at: str, *, halted: bool) -> None:
    """All orders of one moment: exits of all instruments, then reductions, then entries."""
    trading = [(desk, desk.bars[i]) for desk in desks if desk.bars[i] is not None]

    def price(bar: Bar) -> float:
        return bar.open if at == "open" else bar.close

    for desk, bar in trading:
        _exits(book, desk, i, at, bar, price(bar))
    book.size_up(desks)
    for desk, bar in trading:
        _reduction(book, desk, i, at, bar, price(bar))
    for desk, bar in trading:
        _entry(book, desk, i, at, bar, price(bar), halted)


def _exits(book: Book, desk: Desk, i: int, at: str, bar: Bar, price: float) -> None:
    if desk.pending:
        decision, t = desk.pending
        side = desk.position.side if desk.position else 0
        against = side * decision.enter < 0
        leaves = decision.leave_long if side > 0 else decision.leave_short
        if side and (leaves or against) and not desk.exit_in_work:
            reverses = against and (side < 0 or desk.settings.allow_short)
            why = "reversal" if reverses else "signal"
            book.leave(desk, t, i, at, bar, price, why)
        _take_back(book, desk, decision, i, at)
        if desk.settings.sizing.type == "target_weight" and decision.enter:
            desk.goal = (decision.enter * desk.sizes[t], t)
    if desk.goal:
        weight, t = desk.goal
        if desk.resting:
            book.withdraw(desk, i, at, "replaced")
        if desk.position and (desk.position.side * weight < 0.0 or weight == 0.0):
            book.leave(desk, t, i, at, bar, price, "rebalance")


def _take_back(book: Book, desk: Desk, decision: Decision, i: int, at: str) -> None:
    """A new entry replaces the resting order, an exit of its side withdraws it."""
    if not desk.resting:
        return
    if decision.enter:
        book.withdraw(desk, i, at, "replaced")
    elif decision.leave_long if desk.resting.side > 0 else decision.leave_short:
        book.withdraw(desk, i, at, "withdrawn")


def _aim(book: Book, desk: Desk, price: float) -> float:
    """Quantity that the goal's share of the equity buys."""
    weight, _ = desk.goal
    filled = desk.rules.market_price(price, 1 if weight > 0.0 else -1)
    return desk.rules.affordable(book.equity * abs(weight), filled)


def _reduction(book: Book, desk: Desk, i: int, at: str, bar: Bar, price: float) -> None:
    if not (desk.goal and desk.position and desk.position.side * desk.goal[0] > 0.0):
        return
    surplus = desk.held - _aim(book, desk, price)
    if surplus <= TINY * desk.held:
        return
    whole, side, t = desk.rules.whole_lots(surplus), desk.position.side, desk.goal[1]
    if whole <= 0.0:
        book.refuse(desk, t, i, at, -side, "below_one_lot", asked=surplus, role="exit")
    elif desk.rules.value(whole, price) < desk.settings.min_notional:
        book.refuse(desk, t, i, at, -side, "below_min_notional", asked=surplus, role="exit")
    else:
        book.leave(desk, t, i, at, bar, price, "rebalance", whole)
    desk.goal = desk.pending = None


def _entry(book: Book, desk: Desk, i: int, at: str, bar: Bar, price: float, halted: bool) -> None:
    pending, goal = desk.pending, desk.goal
    side_held = desk.position.side if desk.position else 0
    if goal and goal[0] != 0.0:
        more = _aim(book, desk, price) - desk.held
        desk.pending = desk.goal = None
        _towards(book, desk, goal, more, i, at, bar, price, halted)
        return
    desk.pending = desk.goal = None
    if pending:
        decision, t = pending
        side = decision.enter
        adds = side_held == side and desk.settings.pyramiding > 1
        if decision.cancelled:
            if not side_held:
                book.refuse(desk, t, i, at, decision.cancelled, "contradiction")
        elif not side or (side_held == side and not adds):
            pass
        elif side < 0 and not desk.settings.allow_short:
            book.refuse(desk, t, i, at, side, "short_not_allowed")
        elif side_held == -side:
            book.refuse(desk, t, i, at, side, "exit_unfilled")
        elif adds and desk.position.entries >= desk.settings.pyramiding:
            book.refuse(desk, t, i, at, side, "pyramiding_limit")
        elif halted:
            book.refuse(desk, t, i, at, side, "daily_halt")
        else:
            _place(book, desk, t, i, at, bar, price, side)
    if desk.resting and at == "open":
        try_resting(book, desk, i, at, bar)


def _towards(
    book: Book, desk: Desk, goal: tuple[float, int], more: float, i: int, at: str, bar: Bar,
    price: float, halted: bool,
) -> None:  # fmt: skip
    """Buy (or sell short) what is missing to a target weight."""
    weight, t = goal
    side = 1 if weight > 0.0 else -1
    if desk.position and desk.position.side != side:
        book.refuse(desk, t, i, at, side, "exit_unfilled")
    elif more <= TINY * desk.held:
        pass
    elif halted:
        book.refuse(desk, t, i, at, side, "daily_halt", asked=more)
    elif side < 0 and not desk.settings.allow_short:
        book.refuse(desk, t, i, at, side, "short_not_allowed")
    else:
        ratio = desk.pending_ratio
        left = book.enter(desk, t, i, at, bar, price, side, wanted=more, ratio=ratio)
        keep_remainder(desk, t, side, left, ratio=ratio)


def _place(
    book: Book, desk: Desk, t: int, i: int, at: str, bar: Bar, price: float, side: int
) -> None:
    """A market entry is filled; one with a limit or stop price starts to rest."""
    limit, limit_is_price = desk.level("limit_price", t)
    stop, stop_is_price = desk.level("stop_price", t)
    ratio = desk.pending_ratio
    if limit is None and stop is None:
        size_before = desk.held
        left = book.enter(desk, t, i, at, bar, price, side, ratio=ratio)
        if size_before and desk.held > size_before:
            desk.position.entries += 1
        keep_remainder(desk, t, side, left, ratio=ratio)
        return
    close = desk.bars[t].close
    if limit is not None:
        limit = limit if limit_is_price else close * (1.0 - side * limit)
        limit = desk.rules.on_tick(limit, -side) / ratio
    if stop is not None:
        stop = stop if stop_is_price else close * (1.0 + side * stop)
        stop = desk.rules.on_tick(stop, side) / ratio
    desk.resting = Resting(side, limit, stop, t, ratio)


def try_resting(book: Book, desk: Desk, i: int, at: str, bar: Bar) -> None:
    """Fill the resting order if its price is there; then the stop of what it opened in the bar."""
    order = desk.resting
    assert order is not None
    side, held = order.side, desk.position
    if held and held.side != side:
        return  # waits until the other side is closed
    is_remainder = order.remaining is not None
    if is_remainder and (desk.traded > 0.0 or desk.volume_left(bar) <= 0.0):
        return  # a remainder waits for a bar of its own
    adds = held is not None and not is_remainder
    if adds and held.entries >= desk.settings.pyramiding:
        book.withdraw(desk, i, at, "pyramiding_limit")
        return
    found = _reached(desk, order, at, bar)
    if found is None:
        return
    reference, kind = found
    limit = order.limit if kind in ("limit", "stop_limit") else None
    size_before = desk.held
    left = book.enter(
        desk, order.decided, i, at, bar, reference, side, kind=kind, limit=limit,
        wanted=order.remaining, ratio=order.ratio,
    )  # fmt: skip
    if adds and desk.held > size_before:
        held.entries += 1
    order.limit, order.stop = limit, None  # what is left of a stop order works on at the market
    keep_remainder(desk, order.decided, side, left)
    if at == "intrabar" and held is None and desk.position:
        _stop_in_the_same_bar(book, desk, i, bar, reference, kind)


def _reached(desk: Desk, order: Resting, at: str, bar: Bar) -> tuple[float, str] | None:
    """(price before slippage, kind of the fill), or None where the order goes on waiting."""
    side, kind = order.side, order.kind
    low_enough = (bar.low if side > 0 else bar.high) if at == "intrabar" else bar.open
    far = (bar.high if side > 0 else bar.low) if at == "intrabar" else bar.open
    if kind == "market":
        return (bar.open, kind) if at == "open" else None
    if kind == "limit":
        distance = side * (low_enough - order.limit)
        if at == "open":
            return (bar.open, kind) if distance <= 0.0 else None
        through = distance < 0.0 or (distance == 0.0 and desk.settings.limit_fill == "touch")
        return (order.limit, kind) if through else None
    if side * (far - order.stop) < 0.0:
        return None
    reference = bar.open if at == "open" else order.stop
    if kind == "stop":
        return reference, kind
    order.stop = None  # the stop is reached: a limit order from now on
    return (reference, kind) if side * (reference - order.limit) <= 0.0 else None


def _stop_in_the_same_bar(
    book: Book, desk: Desk, i: int, bar: Bar, reference: float, kind: str
) -> None:
    """A limit entry sees the bar's worst price; after a stop entry the path decides."""
    held = desk.position
    side = held.side
    worst = bar.low if side > 0 else bar.high
    if kind != "limit":
        high_first = bar.high - bar.open < bar.open - bar.low
        worst_came_before = {
            "pessimistic": False,
            "optimistic": True,
            "ohlc_path": high_first != (side > 0),
        }[desk.settings.intrabar]
        worst = bar.close if worst_came_before else worst
    if held.stop is None or side * (worst - held.stop) > 0.0:
        return
    price = held.stop if side * (reference - held.stop) > 0.0 else reference
    why, decided = held.stop_reason, held.decided
    taken = book.taken
    book.leave(desk, decided, i, "intrabar", bar, price, why)
    book.taken = taken  # what this sets free is spent from the next open on
