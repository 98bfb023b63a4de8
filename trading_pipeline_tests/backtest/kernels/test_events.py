"""How flags become events: by hand, and against one bar after another."""

import numpy as np
import pytest

from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.events import pack_code, pack_intents
from trading_pipeline_tests.backtest.random_markets import orders_at


def test_intents_resolve_contradictions():
    signals = orders_at(6, buy=[0, 1, 2, 5], sell=[1, 3], short=[2, 4, 5], cover=[4, 3])
    bars, intent, entries = pack_intents(
        signals.entry_long, signals.exit_long, signals.entry_short, signals.exit_short
    )
    both = codes.CANCELLED_LONG | codes.CANCELLED_SHORT
    assert bars.tolist() == [0, 1, 2, 3, 4, 5]
    assert intent.tolist() == [
        codes.ENTER_LONG,
        codes.CANCELLED_LONG | codes.EXIT_LONG,
        both,
        codes.EXIT_LONG | codes.EXIT_SHORT,
        codes.CANCELLED_SHORT | codes.EXIT_SHORT,
        both,
    ]
    assert entries == 7  # an upper bound of trades: cancelled entries count too


def test_bars_without_a_decision_are_left_out():
    signals = orders_at(40, buy=[7, 39], sell=[8, 31])
    bars, intent, entries = pack_intents(
        signals.entry_long, signals.exit_long, signals.entry_short, signals.exit_short
    )
    assert bars.tolist() == [7, 8, 31, 39]
    assert intent.tolist() == [
        codes.ENTER_LONG, codes.EXIT_LONG, codes.EXIT_LONG, codes.ENTER_LONG,
    ]  # fmt: skip
    assert entries == 2


def one_after_another(flags):
    bars, found, entries = [], [], 0
    for t in range(flags.shape[1]):
        if flags[:, t].any():
            bars.append(t)
            found.append(pack_code(*map(bool, flags[:, t])))
            entries += int(flags[0, t]) + int(flags[2, t])
    return bars, found, entries


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 63, 64, 65, 200, 1023])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_events_are_those_of_one_bar_after_another(length, share):
    flags = np.random.default_rng(length).random((4, length)) < share
    bars, found, entries = pack_intents(*flags)
    assert (bars.tolist(), found.tolist(), entries) == one_after_another(flags)


def test_flags_that_begin_inside_another_array_are_read_where_they_begin():
    flags = np.random.default_rng(5).random((4, 331)) < 0.1
    cut = flags[:, 3:].copy()
    bars, found, entries = pack_intents(*flags[:, 3:])
    assert (bars.tolist(), found.tolist(), entries) == one_after_another(cut)
