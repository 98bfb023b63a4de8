"""Stopped sweeps: what is done is handed back, kept in a file, and not done again."""

import numpy as np
import pytest

from trading_pipeline.backtest import SWEEP_COLUMNS, BacktestSettings, run_sweep
from trading_pipeline.backtest.sweeps import work
from trading_pipeline.errors import ConfigurationError, RunCancelledError
from trading_pipeline.strategies import Strategy, StrategyParams
from trading_pipeline_tests.backtest.random_markets import action, golden_market

BARS = golden_market("goog").iloc[:300]
SETS = [{"window": window} for window in range(2, 42)]
COSTS = BacktestSettings(initial_cash=1e6, commission_bps=10)


def bits(table):
    return table[list(SWEEP_COLUMNS)].to_numpy(dtype=np.float64).tobytes()


@pytest.fixture
def small_blocks(monkeypatch):
    """Ten combinations a block."""
    monkeypatch.setattr(work, "_MOST_A_BLOCK", 10)


def stopped_after(calls, **others):
    """A sweep that is stopped when asked for the last of so many times."""
    asked = []
    with pytest.raises(RunCancelledError) as stopped:
        run_sweep(
            BARS, "rsi_cross", SETS, COSTS, threads=1, **others,
            cancelled=lambda: asked.append(0) or len(asked) == calls,
        )  # fmt: skip
    return stopped.value


def test_a_stopped_sweep_hands_back_the_rows_that_were_done(small_blocks):
    stopped = stopped_after(2)
    whole = run_sweep(BARS, "rsi_cross", SETS, COSTS).table
    assert 10 <= stopped.done < 40
    assert len(stopped.table) == stopped.done
    assert bits(stopped.table) == bits(whole.loc[stopped.table.index])
    assert "give a checkpoint" in str(stopped)


def test_a_later_call_goes_on_from_the_checkpoint(small_blocks, tmp_path):
    file = tmp_path / "made" / "sweep.npz"
    stopped, told = stopped_after(2, checkpoint=file), []
    assert str(file) in str(stopped)
    swept = run_sweep(
        BARS, "rsi_cross", SETS, COSTS, checkpoint=file,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert told[0] == (stopped.done, 40)
    assert told[-1] == (40, 40)
    assert bits(swept.table) == bits(run_sweep(BARS, "rsi_cross", SETS, COSTS).table)
    told.clear()
    again = run_sweep(BARS, "rsi_cross", SETS, COSTS, checkpoint=file,
                      progress=lambda *each: told.append(each))  # fmt: skip
    assert told == [(40, 40)]  # nothing is left to do
    assert bits(again.table) == bits(swept.table)
    assert [path.name for path in file.parent.iterdir()] == ["sweep.npz"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bars": BARS * 2.0}, "bars"),
        ({"parameters": [*SETS[:-1], {"window": 99}]}, "parameters"),
        ({"settings": BacktestSettings(commission_bps=11)}, "settings"),
        ({"strategy": "rsi_reversion"}, "strategy code"),
        ({"actions": [action(1, "split", 2.0)]}, "corporate actions"),
    ],
)
def test_a_checkpoint_of_another_sweep_is_refused_and_says_what_differs(change, said, tmp_path):
    file = tmp_path / "sweep.npz"
    given = {"bars": BARS, "strategy": "rsi_cross", "parameters": SETS, "settings": COSTS}
    run_sweep(**given, checkpoint=file)
    before = file.read_bytes()
    with pytest.raises(ConfigurationError, match=f"other .*{said}.* start anew"):
        run_sweep(**given | change, checkpoint=file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"no zip", None, "half"])
def test_a_file_that_is_no_checkpoint_is_refused_until_it_is_removed(damage, tmp_path):
    file = tmp_path / "sweep.npz"
    run_sweep(BARS, "rsi_cross", SETS, COSTS, checkpoint=file)
    if damage is None:
        np.savez(file, other=np.ones(3))
    else:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2] if damage == "half" else damage)
    with pytest.raises(ConfigurationError, match="cannot be read as one of a sweep"):
        run_sweep(BARS, "rsi_cross", SETS, COSTS, checkpoint=file)
    file.unlink()
    assert len(run_sweep(BARS, "rsi_cross", SETS, COSTS, checkpoint=file)) == 40


def test_a_folder_in_the_place_of_the_file_is_one_error(tmp_path):
    with pytest.raises(ConfigurationError, match="checkpoint"):
        run_sweep(BARS, "rsi_cross", SETS, COSTS, checkpoint=tmp_path)


class CountedParams(StrategyParams):
    """One number."""

    number: int = 0
    """Which set."""


class Counted(Strategy[CountedParams]):
    """Has no plan; notes which sets were asked for."""

    name = "counted"
    asked: list[int] = []  # noqa: RUF012

    def signals(self, market, params):
        from trading_pipeline.domain.signals import Signals

        self.asked.append(params.number)
        if params.number == 1:
            raise ValueError("not this one")
        rising = np.arange(len(market)) % (params.number + 2) == 0
        return Signals.long_only(rising, ~rising)


def test_errors_are_kept_and_no_set_is_asked_for_twice(tmp_path):
    file, sets = tmp_path / "sweep.npz", [{"number": number} for number in range(6)]
    Counted.asked.clear()
    with pytest.raises(RunCancelledError) as stopped:
        run_sweep(BARS, Counted, sets, checkpoint=file, cancelled=lambda: len(Counted.asked) == 3)
    assert stopped.value.table["error"].tolist() == ["", "not this one", ""]
    swept = run_sweep(BARS, Counted, sets, checkpoint=file)
    assert Counted.asked == [0, 1, 2, 3, 4, 5]
    assert swept.errors == {1: "not this one"}
