"""How a portfolio of plain signals runs by its fast loop.

The numbers are those of the exact loop, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit

from trading_pipeline.backtest.account_inputs import sizes_of
from trading_pipeline.backtest.account_run import AccountRun, UnitSpans, used_rows
from trading_pipeline.backtest.arrays import CodeArray, FloatArray, IntArray, WordArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.eligibility import may_run
from trading_pipeline.backtest.kernels.events import pack_code
from trading_pipeline.backtest.kernels.fast.portfolio_signals import simulate_signals
from trading_pipeline.backtest.kernels.state import (
    SPAN,
    Actions,
    Decisions,
    Logs,
    new_holdings,
    new_results,
)
from trading_pipeline.backtest.kernels.vectors import lowest
from trading_pipeline.backtest.portfolio.inputs import PortfolioActions
from trading_pipeline.backtest.portfolio.tables import PriceTables
from trading_pipeline.backtest.run_control import Cancelled, Progress, run_watched
from trading_pipeline.backtest.settings_vector import rules_of
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.signals import Signals
from trading_pipeline.domain.table_memory import empty_tables
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["run_signals"]


_INTENTS = ("entry_long", "exit_long", "entry_short", "exit_short")


def run_signals(
    bars: Mapping[str, ValidatedBars],
    tables: PriceTables,
    signals: Mapping[str, Signals],
    settings: Mapping[str, BacktestSettings],
    account: BacktestSettings,
    actions: PortfolioActions,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> AccountRun | None:
    """Run an account, or None where these inputs need the exact loop.

    `bars`, `signals`, `settings`: one for each instrument, in the order of their priority. Raises
    `RunCancelledError` when stopped.
    """
    distinct = {id(each): each for each in (account, *settings.values())}
    rules = {key: rules_of(each) for key, each in distinct.items()}
    demands = [each.demands for each in rules.values()]
    if not may_run("signals", demands, signals.values(), complete=tables.complete):
        return None
    own_rows = [rules[id(each)].vector for each in settings.values()] if len(rules) > 1 else []
    vectors = np.stack([*own_rows, rules[id(account)].vector])
    n, m = tables.open.shape
    # All flags of a kind one after another, in whole words of eight.
    (words,) = empty_tables((4, (n * m + 7) // 8))
    flags = words.view(np.bool_)
    flags[:, n * m :] = False
    for row, name in zip(flags, _INTENTS, strict=True):
        np.concatenate([getattr(each, name) for each in signals.values()], out=row[: n * m])
    pointer, asset, code, entries = _events(flags.view(np.uint8), flags.view(np.uint64), n)
    sizes: list[FloatArray | None] = [each.size for each in signals.values()]
    if any(each.by_volatility for each in rules.values()):
        sizes = [
            sizes_of(each, signals[name], settings[name], *actions.own[name])
            for name, each in bars.items()
        ]
    amounts = np.empty((0, 0))
    if any(each is not None for each in sizes):
        none = np.full(n, np.nan)
        amounts = np.stack([none if each is None else np.broadcast_to(each, n) for each in sizes])
    stats = np.zeros(codes.S_COUNT)
    # Every row that is counted is written whole, so that the places need not be zeroed.
    room = entries + len(actions.applied[0])
    equity, cash, trades, orders, units = empty_tables(
        (n,),
        (n,),
        (entries, codes.T_COUNT),
        (2 * entries, codes.O_COUNT),
        (room, SPAN.itemsize // 8),
    )
    spans = units.view(SPAN)[:, 0]
    points = np.broadcast_to(vectors[: max(len(vectors) - 1, 1), codes.P_POINT], m)
    inputs = (
        tables.open, tables.highest_open, tables.close_by_instrument,
        Decisions(pointer, asset, code), amounts, Actions(*actions.applied), vectors,
        new_holdings(points), new_results(stats, equity, cash, np.empty((0, 0))), spans,
        np.zeros((m + 63) // 64, dtype=np.uint64),
        Logs(trades, orders),
    )  # fmt: skip
    used = 0

    def work(control: IntArray) -> None:
        nonlocal used
        used = simulate_signals(*inputs, control)

    run_watched(work, n, progress, cancelled)
    return AccountRun(
        equity=equity,
        cash=cash,
        quantity=UnitSpans(used_rows(spans, used), m),
        trade_rows=used_rows(trades, int(stats[codes.S_TRADES])),
        order_rows=used_rows(orders, int(stats[codes.S_ORDERS])),
        stats=stats,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _events(
    flags: CodeArray, words: WordArray, n: int
) -> tuple[IntArray, IntArray, CodeArray, int]:
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
