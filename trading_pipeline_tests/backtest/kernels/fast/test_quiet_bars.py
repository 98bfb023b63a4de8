"""The marking of eight bars at once, against the same rules one bar at a time."""

import math

import numpy as np
import pytest
from numba import njit

from trading_pipeline.backtest.kernels.fast.quiet_bars import (
    Q_COUNT,
    Q_DRAWDOWN,
    Q_PEAK,
    Q_PREVIOUS,
    Q_STOP,
    Q_TROUGH,
    mark_quiet_blocks,
)


@njit(nogil=True, error_model="numpy")
def by_eight(bars, first, until, cash, quantity, point, levels, state, equity, keep):
    close, high, low = bars
    target, scale, shift = levels
    return mark_quiet_blocks(
        close, high, low, first, until, cash, quantity, point, target, scale, shift, state, equity,
        levels, keep,
    )  # fmt: skip


@njit(nogil=True, error_model="numpy")
def by_eight_without_levels(bars, first, until, cash, quantity, point, state, equity):
    close, high, low = bars
    return mark_quiet_blocks(
        close, high, low, first, until, cash, quantity, point, np.nan, np.nan, np.nan, state,
        equity, None, True,
    )  # fmt: skip


def one_by_one(bars, first, until, cash, quantity, point, levels, state, equity):
    """The rules in plain Python, for the bars that the blocks say are marked."""
    close, high, low = bars
    target, scale, shift = levels
    lows, peak = math.inf, state[Q_PEAK]
    for i in range(first, until):
        now = cash + quantity * close[i] * point
        change = now / state[Q_PREVIOUS] - 1.0
        for power, value in enumerate(
            (change, change * change, change * change * change, (change * change) ** 2)
        ):
            state[8 * power + i % 8] += value
        state[Q_PREVIOUS] = equity[i] = now
        peak = max(peak, now)
        lows = min(lows, now / peak - 1.0)
        best, worst = (high[i], low[i]) if quantity > 0 else (low[i], high[i])
        assert not (worst - state[Q_STOP]) * quantity <= 0  # a marked bar reached no level
        assert not (best - target) * quantity >= 0
        moved = best - shift if scale == 1.0 else best * scale
        if (moved - state[Q_STOP]) * quantity > 0:
            state[Q_STOP] = moved
    state[Q_PEAK] = peak
    return min(lows, state[Q_DRAWDOWN])


def market(seed, rows=101, step=0.01):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, step, rows)))
    spread = np.abs(rng.normal(0, step / 2, (2, rows)))
    return close, close * (1 + spread[0]), close * (1 - spread[1])


def fresh(equity, stop=np.nan):
    state = np.zeros(Q_COUNT)
    state[Q_PREVIOUS] = state[Q_PEAK] = state[Q_TROUGH] = equity
    state[Q_STOP] = stop
    return state


def deepest(state):
    return min(state[Q_DRAWDOWN], state[Q_TROUGH] / state[Q_PEAK] - 1.0)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("quantity", [7.0, -3.0])
def test_blocks_equal_single_bars_bit_for_bit(seed, quantity):
    bars = market(seed)
    first, until = 3 + seed % 9, 101 - seed % 5
    ours, theirs = fresh(5000.0), fresh(5000.0)
    equity, expected = np.full(101, -1.0), np.full(101, -1.0)
    last = by_eight_without_levels(bars, first, until, 5000.0, quantity, 0.5, ours, equity)
    assert last == min(until, 96)  # the last five bars do not fill a block
    no_levels = (math.nan, math.nan, math.nan)
    fall = one_by_one(bars, first, last, 5000.0, quantity, 0.5, no_levels, theirs, expected)
    assert equity.tobytes() == expected.tobytes()
    assert ours[: Q_PREVIOUS + 2].tobytes() == theirs[: Q_PREVIOUS + 2].tobytes()
    assert deepest(ours) == fall


@pytest.mark.parametrize("quantity", [7.0, -3.0])
@pytest.mark.parametrize("trail", [(0.9, 0.0), (1.0, 12.0), (math.nan, math.nan)])
def test_trail_moves_as_it_does_bar_by_bar_and_no_marked_bar_reached_a_level(quantity, trail):
    side = math.copysign(1, quantity)
    scale, shift = trail if side > 0 else (2 - trail[0], -trail[1])
    stops = 0
    for seed in range(40):
        bars = market(seed, rows=96, step=0.02)
        levels = (100 * (1 + 0.3 * side), scale, shift)
        ours, theirs = (fresh(9000.0, stop=100 * (1 - 0.15 * side)) for _ in range(2))
        equity, expected = np.zeros(96), np.zeros(96)
        last = by_eight(bars, 2, 96, 9000.0, quantity, 1.0, levels, ours, equity, True)
        one_by_one(bars, 2, last, 9000.0, quantity, 1.0, levels, theirs, expected)
        assert equity.tobytes() == expected.tobytes()
        assert ours[Q_STOP] == theirs[Q_STOP]
        stops += last < 96
    assert 0 < stops <= 40


def test_block_in_which_the_equity_falls_to_zero_is_left_to_the_caller():
    close = np.full(40, 10.0)
    close[21] = 1.0
    state, equity = fresh(100.0), np.zeros(40)
    last = by_eight_without_levels((close, close, close), 1, 40, -100.0, 20.0, 1.0, state, equity)
    assert last == 16
    assert equity[16:].tolist() == [0.0] * 24


def test_no_equity_is_written_where_none_is_kept():
    bars = market(1)
    state, equity = fresh(5000.0, 1.0), np.full(101, 4.0)
    by_eight(bars, 0, 96, 1.0, 1.0, 1.0, (1e9, math.nan, math.nan), state, equity, False)
    assert (equity == 4.0).all()
    assert state[Q_PREVIOUS] == 1.0 + bars[0][95]
