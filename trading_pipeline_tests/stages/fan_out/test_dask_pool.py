"""Tests of work on a Dask scheduler of this machine, and of one that is not there."""

import importlib
import socket
import time

import pytest

from trading_pipeline.errors import WorkerError
from trading_pipeline.stages.fan_out import open_pool
from trading_pipeline_tests.stages.fan_out.small_market import (
    CHAIN,
    INSTRUMENTS,
    WINDOWS,
    copied,
    files_of,
    first_close,
    rows_of,
    spread,
)

pytestmark = [
    # of distributed's own event loop and sockets when it closes
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_scheduler_that_is_not_there_is_told_of_within_ten_seconds(market):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    importlib.import_module("distributed")  # takes a while on a busy machine
    began = time.monotonic()
    with pytest.raises(WorkerError, match="No Dask scheduler answers") as told:
        open_pool(market.settings.model_copy(update={"scheduler": address}))
    assert time.monotonic() - began < 10
    assert address in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.slow
def test_a_scheduler_gives_the_same_files_and_rows(market, bars_runtime, tmp_path, serial):
    settings = market.settings.model_copy(update={"scheduler": "local", "workers": 2})
    with open_pool(settings) as pool:
        assert (pool.size, pool.travels) == (2, False)
        flag = market.settings.runtime / "flag"
        flag.write_text(f"{first_close(market, 'BBB_1d')} 1")  # a worker is killed on the way
        for call, names in CHAIN:
            assert [done.error for done in spread(market, call, names, pool)] == [None] * 3
            if flag.exists():
                assert flag.read_text().endswith(" 0")
                flag.unlink()  # a file that a feature reads is named in warnings
        made = files_of(market)
        assert [name for name in made if made[name] != serial[2].get(name)] == []
        assert (made, rows_of(market)) == serial[2:]
        elsewhere = copied(bars_runtime, tmp_path / "not-shared")
        pool._shared, pool.travels = None, True  # as where workers do not see the folder
        for call, names in CHAIN[:4]:
            assert [done.error for done in spread(elsewhere, call, names, pool)] == [None] * 3
        made = files_of(elsewhere)
        assert made == {name: serial[2][name] for name in made}
        own = elsewhere.settings.config / "features" / "mine.py"
        own.write_text(own.read_text().replace("pct_change(5)", "pct_change(4)"))
        changed = spread(elsewhere, CHAIN[0][0], WINDOWS, pool)
        assert len(changed) == len(INSTRUMENTS)
        told = [(each.partition, each.changed) for done in changed for each in done.outcomes]
        assert [partition for partition, is_new in told if not is_new] == []
