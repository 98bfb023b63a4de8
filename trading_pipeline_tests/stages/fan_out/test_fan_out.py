"""Tests of stages in worker processes: equal to serial work, whatever happens to a worker."""

import itertools
import os
import re
import signal
import time

import pytest

from trading_pipeline.errors import DataQualityError, LookaheadError, WorkerError
from trading_pipeline.stages.fan_out import SerialPool, StageCall, fan_out, open_pool
from trading_pipeline.stages.fan_out.local_pool import LocalPool
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.turns import free_turn, sweep_workspace
from trading_pipeline_tests.stages.fan_out.small_market import (
    INSTRUMENTS,
    WINDOWS,
    files_of,
    first_close,
    rows_of,
    spread,
    whole_chain,
)

MINE = StageCall(FeatureStage, ("mine",))
PEEKS = StageCall(FeatureStage, ("peeks",))


def told(answers):
    """Answers as text, where two undefined numbers are equal, without how much audits tried."""
    return [
        [re.sub(r"[0-9,]+ slices", "slices", repr(done[:4])) for done in each] for each in answers
    ]


def test_two_processes_give_the_bytes_and_rows_of_none(market, serial, two):
    _, alone, files, rows = serial
    together = list(whole_chain(market, two))
    assert all(done.error is None for each in alone for done in each)
    assert told(together) == told(alone)
    assert files_of(market) == files
    assert len(files) > 60
    assert rows_of(market) == rows
    assert market.trials.verify().faults == ()


def test_a_second_pass_changes_nothing(market, two):
    first = spread(market, MINE, WINDOWS, two)
    before = rows_of(market)
    second = spread(market, MINE, WINDOWS, two)
    assert [o.changed for done in first for o in done.outcomes] == [True] * 12
    assert [o.changed for done in second for o in done.outcomes] == [False] * 12
    assert rows_of(market) == before


def test_the_work_of_a_killed_worker_is_done_by_another(market, serial, two):
    flag = market.settings.runtime / "flag"
    flag.write_text(f"{first_close(market, 'BBB_1d')} 1")
    answers = list(fan_out(market, MINE, dict.fromkeys(INSTRUMENTS, WINDOWS), two))
    assert flag.read_text().endswith(" 0")
    assert [done.error for done in answers] == [None] * 3
    made = files_of(market)
    assert made == {name: serial[2][name] for name in made}
    assert len(made) == 12


def test_what_kills_two_workers_stops_its_instrument_alone(market, two):
    flag = market.settings.runtime / "flag"
    flag.write_text(f"{first_close(market, 'BBB_1d')} 2")
    answers = list(fan_out(market, MINE, dict.fromkeys(INSTRUMENTS, WINDOWS), two))
    errors = {done.instrument_id: done.error for done in answers}
    assert isinstance(errors.pop("BBB_1d"), WorkerError)
    assert errors == {"AAA_1d": None, "CCC_1d": None}
    assert "SIGKILL" in str(answers[1].error)
    again = spread(market, MINE, WINDOWS, two)  # the same command goes on
    assert [len(done.outcomes) for done in again] == [4, 4, 4]


def test_a_rejected_window_stops_its_instrument_alone(market, two):
    with market.warehouse.write() as connection:
        connection.execute(
            "INSERT INTO fetch_log BY NAME SELECT * REPLACE ('rejected' AS status, seq + 1000 AS "
            "seq) FROM fetch_log WHERE instrument = 'BBB_1d' AND \"window\" = '2001-01-01'"
        )
    answers = spread(market, MINE, WINDOWS, two)
    assert [type(done.error) for done in answers] == [type(None), DataQualityError, type(None)]
    assert [len(done.outcomes) for done in answers] == [4, 0, 4]


def test_a_set_that_looks_ahead_is_refused_as_without_workers(market, bars_runtime, tmp_path, two):
    from trading_pipeline_tests.stages.fan_out.small_market import copied

    other = copied(bars_runtime, tmp_path / "alone")
    alone, together = (
        spread(workspace, PEEKS, WINDOWS, pool)
        for workspace, pool in ((other, SerialPool()), (market, two))
    )
    assert together[0].findings
    assert "Found on AAA_1d" in together[1].findings[0].mend
    assert told([together]) == told([alone])
    assert rows_of(market) == rows_of(other)
    (refused, *_) = fan_out(market, PEEKS, dict.fromkeys(INSTRUMENTS, WINDOWS), two)
    assert isinstance(refused.error, LookaheadError)


def test_an_interrupt_ends_the_workers_and_gives_the_turns_back(market, serial):
    def interrupted():
        with LocalPool(2) as pool:
            answers = fan_out(market, MINE, dict.fromkeys(INSTRUMENTS, WINDOWS), pool)
            next(answers)
            processes.extend(worker.process for worker in pool._workers)
            answers.throw(KeyboardInterrupt)

    processes = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert processes
    assert all(process.poll() is not None for process in processes)
    for name in INSTRUMENTS:
        turn = free_turn(market.settings, "features/mine", name)
        assert turn is not None
        turn.close()
    sweep_workspace(market.settings)  # as each pass begins: a worker ended in the midst of a file
    spread(market, MINE, WINDOWS, SerialPool())
    made = files_of(market)
    assert made == {name: serial[2][name] for name in made}


def test_workers_end_with_a_sender_that_is_killed(two, market):
    spread(market, MINE, WINDOWS, two)
    pool = LocalPool(1)
    (task, *_) = _tasks(market)
    pool.submit(0, pool.context(market), task)
    (worker,) = pool._workers
    worker.pipe.close()  # as the kernel does
    deadline = time.monotonic() + 30
    while worker.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert worker.process.poll() is not None


def test_an_interrupt_from_the_keyboard_does_not_reach_workers(market):
    with LocalPool(1) as pool:
        tasks = _tasks(market)
        for number, task in enumerate(tasks):
            pool.submit(number, pool.context(market), task)
        came = dict(pool.wait())
        os.kill(pool._workers[0].process.pid, signal.SIGINT)
        while len(came) < len(tasks):
            came |= dict(pool.wait())
    assert [came[number].done.error for number in range(3)] == [None] * 3


def test_settings_choose_the_pool(market):
    one = market.settings.model_copy(update={"workers": 1})
    four = market.settings.model_copy(update={"workers": 4})
    assert isinstance(open_pool(one), SerialPool)
    with open_pool(four) as pool:
        assert isinstance(pool, LocalPool)
        assert (pool.size, pool.travels) == (4, False)


def test_an_unknown_instrument_is_an_error_of_its_own(market, two):
    work = {"ZZZ_1d": WINDOWS, **dict.fromkeys(INSTRUMENTS, WINDOWS)}
    answers = list(fan_out(market, MINE, work, two))
    assert [type(done.error).__name__ for done in answers] == [
        "UnknownNameError",
        *itertools.repeat("NoneType", 3),
    ]


def _tasks(market):
    from trading_pipeline.stages.fan_out.dispatch import tasks_of

    return tasks_of(market, MINE, dict.fromkeys(INSTRUMENTS, WINDOWS))
