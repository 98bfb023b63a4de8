"""The comparison of the compiled engine with the oracle, number by number, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from trading_pipeline.backtest import run_backtest
from trading_pipeline.backtest.account_inputs import AccountInputs, level_rows
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.events import pack_intents
from trading_pipeline.backtest.result_frames import ORDER_REASONS
from trading_pipeline.backtest.settings_vector import settings_vector
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.signals import Signals
from trading_pipeline.settings.backtest_settings import BacktestSettings, VolatilityTarget
from trading_pipeline_tests.backtest.oracle.account import AccountOracle
from trading_pipeline_tests.backtest.oracle.objects import Bar, Desk, as_row

_AT = {c.AT_OPEN: "open", c.AT_INTRABAR: "intrabar", c.AT_CLOSE: "close"}
_KINDS = {
    c.K_MARKET: "market",
    c.K_LIMIT: "limit",
    c.K_STOP: "stop",
    c.K_TRAILING: "trailing_stop",
    c.K_STOP_LIMIT: "stop_limit",
}
Action = tuple[int, str, float]  # (days after the first bar's date, kind, value)


def desk_of(
    number: int, bars: pd.DataFrame, signals: Signals, settings: BacktestSettings,
    actions: Sequence[Action] = (), present: np.ndarray | None = None,
) -> Desk:  # fmt: skip
    """The oracle's instrument; `present`: bars that it has, None for all."""
    columns = [bars[name].tolist() for name in Bar._fields]
    rows: list[Bar | None] = [Bar(*row) for row in zip(*columns, strict=True)]
    if present is not None:
        rows = [bar if there else None for bar, there in zip(rows, present, strict=True)]
    dated = bars_of_actions(bars.index, actions)
    desk = Desk(number, rows, signals, settings, _sizes(bars, signals, settings, dated))
    desk.actions = dated
    if settings.session_close is not None:
        desk.session_ends = _session_ends(bars.index, settings)
    return desk


def days_of(index: pd.DatetimeIndex, settings: BacktestSettings) -> list[int]:
    """Number of the date of each bar: of the session's zone where there is one, else of UTC."""
    rule = settings.session_close
    zone = ZoneInfo(rule.zone) if rule else UTC
    return [stamp.astimezone(zone).toordinal() for stamp in index.to_pydatetime()]


def bars_of_actions(index: pd.DatetimeIndex, actions: Sequence[Action]) -> list[Action]:
    """Actions at the first bar on or after their date; none before the first or after the last."""
    dates = [stamp.date() for stamp in index.to_pydatetime()]
    found = []
    for after, kind, value in sorted(actions, key=lambda each: (each[0], each[1] != "split")):
        ex_date = dates[0] + timedelta(days=after)
        bar = next((i for i, day in enumerate(dates) if day >= ex_date), None)
        if bar:
            found.append((bar, kind, value))
    return found


def dated_actions(index: pd.DatetimeIndex, actions: Sequence[Action]) -> list[CorporateAction]:
    """The same actions as the engine takes them."""
    first = index[0].date()
    return [
        CorporateAction(
            instrument="TEST_1d", ex_date=first + timedelta(days=after), kind=kind, value=value,
            source="test", seen_at=datetime(2024, 1, 1, tzinfo=UTC),
        )
        for after, kind, value in actions
    ]  # fmt: skip


def _session_ends(index: pd.DatetimeIndex, settings: BacktestSettings) -> set[int]:
    rule = settings.session_close
    stamps = [s.astimezone(ZoneInfo(rule.zone)).replace(tzinfo=None) for s in index.to_pydatetime()]
    bell = timedelta(hours=int(rule.time[:2]), minutes=int(rule.time[3:]))

    def before_bell(stamp: datetime, day: datetime) -> bool:
        return stamp < datetime(day.year, day.month, day.day) + bell

    ends = {
        i
        for i, (stamp, after) in enumerate(pairwise(stamps))
        if before_bell(stamp, stamp)
        and not (after.date() == stamp.date() and before_bell(after, stamp))
    }
    last = len(stamps) - 1
    if last > 0 and stamps[last - 1].date() == stamps[last].date():
        expected = stamps[last] + (stamps[last] - stamps[last - 1])
        if before_bell(stamps[last], stamps[last]) and not before_bell(expected, stamps[last]):
            ends.add(last)
    return ends


def _sizes(
    bars: pd.DataFrame, signals: Signals, settings: BacktestSettings, actions: list[Action]
) -> list[float | None]:
    """The number that the sizing works with, bar by bar; None where there is none yet."""
    sizing = settings.sizing
    own = [math.nan] * len(bars) if signals.size is None else signals.size.tolist()
    if not isinstance(sizing, VolatilityTarget):
        names = ("percent", "quantity", "cash", "weight")
        number = next(getattr(sizing, name) for name in names if hasattr(sizing, name))
        return [number if math.isnan(value) else value for value in own]
    found: list[float | None] = []
    close, count = bars["close"].tolist(), sizing.lookback_bars
    grown = []
    for i in range(1, len(close)):
        ratio = math.prod(value for bar, kind, value in actions if bar == i and kind == "split")
        grown.append(float(np.log(close[i] * ratio / close[i - 1])))
    for i in range(len(close)):
        goal = sizing.annual_volatility if math.isnan(own[i]) else own[i]
        if i < count:
            found.append(None)
            continue
        window = grown[i - count : i]
        mean = sum(window) / count
        deviation = math.sqrt(sum((x - mean) * (x - mean) for x in window) / (count - 1))
        yearly = deviation * math.sqrt(settings.periods_per_year)
        share = goal / yearly if yearly > 0.0 else (math.inf if goal > 0.0 else 0.0)
        found.append(min(share, sizing.maximum_weight))
    return found


def years_of(index: pd.DatetimeIndex) -> list[float]:
    """Years of 365.25 days since the stamp before; 0 for the first."""
    stamps = index.to_pydatetime().tolist()
    return [0.0] + [(now - then) / timedelta(days=365.25) for then, now in pairwise(stamps)]


def compare_single(
    bars: pd.DataFrame, signals: Signals, settings: BacktestSettings, actions: Sequence[Action] = ()
) -> AccountOracle:
    """Run both on one instrument and demand equal bits."""
    dated = dated_actions(bars.index, actions)
    result = run_backtest(bars, signals, settings, actions=dated)
    desk = desk_of(0, bars, signals, settings, actions)
    oracle = AccountOracle([desk], days_of(bars.index, settings), years_of(bars.index)).run()
    _same_rows("order", _orders(result.order_rows), [as_row(row) for row in oracle.book.log])
    _same_rows("trade", _trades(result.trade_rows), [as_row(row) for row in oracle.book.trades])
    _same_numbers(oracle, result.stats, result.equity, result.cash, result.quantity.reshape(-1, 1))
    return oracle


def compare_account(
    desks: list[Desk], days: list[int], years: list[float], weights: np.ndarray | None = None,
    rebalance: np.ndarray | None = None, threshold: float = 0.0,
) -> AccountOracle:  # fmt: skip
    """Run both on several instruments that share the cash and demand equal bits."""
    n, m = len(days), len(desks)
    none = weights is None
    inputs = AccountInputs(
        prices=_tables(desks, n),
        events=_events(desks, n),
        levels=_levels(desks, n),
        day=np.array(days, dtype=np.int64),
        session_end=_ends(desks, n),
        elapsed=np.array(years),
        settings=np.array(
            [settings_vector(desk.settings, desk.signals) for desk in [*desks, desks[0]]]
        ),
        weights=np.empty((0, 0)) if none else weights,
        rebalance=np.empty(0, np.uint8) if none else rebalance.astype(np.uint8),
        threshold=threshold,
    )
    stats = np.zeros(c.S_COUNT)
    equity, cash, quantity = np.empty(n), np.empty(n), np.empty((n, m))
    trades, orders = np.zeros((4 * n * m + 4, c.T_COUNT)), np.zeros((9 * n * m + 9, c.O_COUNT))
    inputs.run(_actions(desks), stats, equity, cash, quantity, trades, orders)
    lists = None if none else weights.tolist()
    flags = [] if none else rebalance.tolist()
    oracle = AccountOracle(desks, days, years, lists, flags, threshold).run()
    used_trades, used_orders = int(stats[c.S_TRADES]), int(stats[c.S_ORDERS])
    assert used_trades <= len(trades)
    assert used_orders <= len(orders)
    _same_rows("order", _orders(orders[:used_orders]), [as_row(row) for row in oracle.book.log])
    _same_rows("trade", _trades(trades[:used_trades]), [as_row(r) for r in oracle.book.trades])
    _same_numbers(oracle, stats, equity, cash, quantity)
    return oracle


def _tables(desks: list[Desk], n: int) -> Any:
    def column(name: str) -> np.ndarray:
        rows = [[getattr(bar, name) if bar else math.nan for bar in desk.bars] for desk in desks]
        return np.array(rows, dtype=float).reshape(len(desks), n).T.copy()

    return tuple(column(name) for name in Bar._fields)


def _events(desks: list[Desk], n: int) -> Any:
    found = []
    for desk in desks:
        s = desk.signals
        bars, codes, _ = pack_intents(s.entry_long, s.exit_long, s.entry_short, s.exit_short)
        found += [
            (bar, desk.number, code)
            for bar, code in zip(bars.tolist(), codes.tolist(), strict=True)
            if desk.bars[bar] is not None
        ]
    found.sort()
    at = np.array([row[0] for row in found], dtype=np.int64)
    pointer = np.searchsorted(at, np.arange(n + 1)).astype(np.int64)
    assets = np.array([row[1] for row in found], dtype=np.int64)
    return pointer, assets, np.array([row[2] for row in found], dtype=np.uint8)


def _levels(desks: list[Desk], n: int) -> Any:
    rows = []
    for desk in desks:
        sizes = np.array([math.nan if x is None else x for x in desk.sizes])
        levels = level_rows(desk.settings, desk.signals, sizes)
        rows.append([np.broadcast_to(values, n) for values in levels])
    return tuple(np.array(table) for table in zip(*rows, strict=True))


def _ends(desks: list[Desk], n: int) -> np.ndarray:
    if all(desk.settings.session_close is None for desk in desks):
        return np.empty((0, len(desks)), dtype=np.bool_)
    ends = np.zeros((n, len(desks)), dtype=np.bool_)
    for desk in desks:
        ends[sorted(desk.session_ends), desk.number] = True
    return ends


def _actions(desks: list[Desk]) -> Any:
    rows = sorted(
        (
            bar,
            desk.number,
            place,
            value if kind == "split" else 1.0,
            0.0 if kind == "split" else value,
        )
        for desk in desks
        for place, (bar, kind, value) in enumerate(desk.actions)
    )
    effects = np.array([row[3:] for row in rows], dtype=float).reshape(-1, 2)
    bars = np.array([row[0] for row in rows], dtype=np.int64)
    return bars, np.array([row[1] for row in rows], dtype=np.int64), effects


def _orders(rows: np.ndarray) -> list[tuple[object, ...]]:
    return [
        _plain(
            int(row[c.O_ASSET]), int(row[c.O_DECIDED_BAR]), int(row[c.O_BAR]),
            _AT[int(row[c.O_AT])], int(row[c.O_SIDE]), "entry" if row[c.O_IS_ENTRY] else "exit",
            _KINDS[int(row[c.O_KIND])],
            *(row[k] for k in (c.O_REQUESTED, c.O_FILLED, c.O_PRICE, c.O_FEE, c.O_SLIPPAGE)),
            ORDER_REASONS[int(row[c.O_REASON])],
        )
        for row in rows
    ]  # fmt: skip


def _trades(rows: np.ndarray) -> list[tuple[object, ...]]:
    return [
        _plain(
            int(row[c.T_ASSET]), int(row[c.T_SIDE]), row[c.T_QUANTITY], int(row[c.T_ENTRY_BAR]),
            _AT[int(row[c.T_ENTRY_AT])], row[c.T_ENTRY_PRICE], row[c.T_FEES], row[c.T_SLIPPAGE],
            int(row[c.T_EXIT_BAR]), _AT[int(row[c.T_EXIT_AT])], row[c.T_EXIT_PRICE],
            row[c.T_EXIT_QUANTITY], row[c.T_INCOME], row[c.T_PNL],
            ORDER_REASONS[int(row[c.T_REASON])],
        )
        for row in rows
    ]  # fmt: skip


def _plain(*values: Any) -> tuple[object, ...]:
    plain = [value if isinstance(value, (int, str)) else float(value) for value in values]
    return tuple("nan" if value != value else value for value in plain)


def _same_rows(word: str, ours: list[Any], theirs: list[Any]) -> None:
    for number, (mine, expected) in enumerate(zip(ours, theirs, strict=False)):
        assert mine == expected, f"{word} {number}:\nengine {mine}\noracle {expected}"
    longer = (ours if len(ours) > len(theirs) else theirs)[min(len(ours), len(theirs)) :]
    assert len(ours) == len(theirs), (
        f"{len(ours)} and {len(theirs)} {word}s; the next: {longer[:1]}"
    )


def _same_numbers(
    oracle: AccountOracle, stats: np.ndarray, equity: np.ndarray, cash: np.ndarray,
    quantity: np.ndarray,
) -> None:  # fmt: skip
    assert cash.tolist() == oracle.cash
    assert equity.tolist() == oracle.equity
    assert quantity.tolist() == oracle.quantities
    assert stats[c.S_FEES] == oracle.book.fees
    assert stats[c.S_INTEREST] == oracle.book.interest
    assert stats[c.S_BARS_IN_POSITION] == oracle.bars_held
    assert stats[c.S_FIRST_RUIN] == oracle.ruined_at
    assert stats[c.S_MAX_DRAWDOWN] == oracle.drawdown()
