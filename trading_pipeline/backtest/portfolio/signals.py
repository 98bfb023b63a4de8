"""This file holds when and how a portfolio of plain signals runs by the fastest loop.

The numbers are those of the general loop, bit for bit; only what is asked for decides the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from trading_pipeline.backtest.account_inputs import BEYOND_PLAIN
from trading_pipeline.backtest.account_run import AccountRun
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.events import pack_code
from trading_pipeline.backtest.kernels.fast.portfolio_signals import simulate_signals
from trading_pipeline.backtest.kernels.vectors import lowest
from trading_pipeline.backtest.portfolio.tables import PriceTables
from trading_pipeline.backtest.settings_vector import settings_vector
from trading_pipeline.backtest.table_memory import empty_tables
from trading_pipeline.domain.signals import Signals
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["run_signals"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
Array = Any

_INTENTS = ("entry_long", "exit_long", "entry_short", "exit_short")
_LEVELS = ("stop_loss", "take_profit", "trailing_stop")


def run_signals(
    tables: PriceTables,
    signals: Mapping[str, Signals],
    settings: Mapping[str, BacktestSettings],
    account: BacktestSettings,
) -> AccountRun | None:
    """Run an account without corporate actions, or None where these inputs need another loop.

    `signals`, `settings`: one for each instrument, in the order of their priority.
    """
    chosen = _settings_rows(settings, signals, account)
    if chosen is None or not tables.complete:
        return None
    n = len(tables.open)
    # All flags of a kind one after another, in whole words of eight.
    (words,) = empty_tables((4, (n * len(signals) + 7) // 8))
    flags = words.view(np.bool_)
    flags[:, n * len(signals) :] = False
    for row, name in zip(flags, _INTENTS, strict=True):
        every = [getattr(each, name) for each in signals.values()]
        np.concatenate(every, out=row[: n * len(signals)])
    pointer, asset, code, entries = _events(flags.view(np.uint8), flags.view(np.uint64), n)
    stats = np.zeros(codes.S_COUNT)
    # Every row that is counted is written whole, so that the places need not be zeroed.
    equity, cash, trades, orders = empty_tables(
        (n,), (n,), (entries, codes.T_COUNT), (2 * entries, codes.O_COUNT)
    )
    simulate_signals(
        tables.open, tables.highest_open, tables.close_by_instrument, pointer, asset, code, chosen, stats, equity, cash,
        trades, orders,
    )  # fmt: skip
    run = AccountRun(
        equity=equity,
        cash=cash,
        quantity=None,
        trade_rows=_used(trades, int(stats[codes.S_TRADES])),
        order_rows=_used(orders, int(stats[codes.S_ORDERS])),
        stats=stats,
    )
    run.freeze()
    return run


def _used(table: FloatArray, rows: int) -> FloatArray:
    """The rows that were written; copied where the rest would keep much memory from being freed."""
    return table[:rows] if 10 * rows >= 9 * len(table) else table[:rows].copy()


def _settings_rows(
    settings: Mapping[str, BacktestSettings],
    signals: Mapping[str, Signals],
    account: BacktestSettings,
) -> FloatArray | None:
    """Settings vectors of the instruments, then the account's; that alone where all share it.

    None where they ask for more than this loop does.
    """
    for each in signals.values():
        if not (
            each.size is None
            and each.limit_price is each.stop_price is None
            and each.stop_loss is each.take_profit is each.trailing_stop is None
        ):
            return None
    plain: dict[int, FloatArray] = {}
    any_signals = next(iter(signals.values()))
    for own in (account, *settings.values()):
        if id(own) in plain:
            continue
        if (
            own.sizing.type in ("target_weight", "volatility_target")
            or own.session_close is not None
            or any(getattr(own, name) is not None for name in _LEVELS)
        ):
            return None
        plain[id(own)] = settings_vector(own, any_signals)
    own_rows = [plain[id(each)] for each in settings.values()] if len(plain) > 1 else []
    rows = np.stack([*own_rows, plain[id(account)]])
    if rows[:, BEYOND_PLAIN].any() or (rows[:, codes.P_PYRAMIDING] > 1.0).any():
        return None
    return rows


@njit(cache=True, nogil=True, error_model="numpy")
def _events(flags: Array, words: Array, n: int) -> Any:
    """(first decision of each bar, instruments, codes, number of entries), by bar, then instrument.

    `flags`: a row for each kind, `n` bars of each instrument one after another; `words`: the same,
    eight at a time, the first in the lowest byte.
    """
    pointer = np.zeros(n + 1, dtype=np.int64)
    low_bits, most = np.uint64(0x0101010101010101), 0
    for word in range(words.shape[1]):
        most += 8 * ((words[0, word] | words[1, word] | words[2, word] | words[3, word]) != 0)
    bars, owners = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.int32)
    kinds = np.empty(most, dtype=np.uint8)
    count, k, begin, one = 0, 0, 0, np.uint64(1)
    for word in range(words.shape[1]):
        bits = words[0, word] | words[1, word] | words[2, word] | words[3, word]
        bits &= low_bits  # one bit a flag, whatever its byte holds
        while bits != 0:
            at = 8 * word + (int(lowest(bits)) >> 3)
            bits &= bits - one
            while at >= begin + n:
                k += 1
                begin += n
            bars[count], owners[count] = at - begin, k
            kinds[count] = (
                (flags[0, at] & 1)
                | (flags[1, at] & 1) << 1
                | (flags[2, at] & 1) << 2
                | (flags[3, at] & 1) << 3
            )
            pointer[at - begin + 1] += 1
            count += 1
    for i in range(n):
        pointer[i + 1] += pointer[i]
    code_of, enters = np.empty(16, dtype=np.uint8), np.empty(16, dtype=np.int64)
    for each in range(16):
        code_of[each] = pack_code(each & 1 != 0, each & 2 != 0, each & 4 != 0, each & 8 != 0)
        enters[each] = (code_of[each] & codes.ANY_ENTRY) != 0
    free = pointer[:n].copy()
    asset, code = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.uint8)
    entries = 0
    for row in range(count):
        bar = bars[row]
        place = free[bar]
        free[bar] = place + 1
        asset[place], code[place] = owners[row], code_of[kinds[row]]
        entries += enters[kinds[row]]
    return pointer, asset, code, entries
