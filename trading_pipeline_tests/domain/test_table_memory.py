"""The memory of large tables: taken over from tables that are gone, never from living ones."""

import gc
import threading

import numpy as np
import pytest

from trading_pipeline.domain import table_memory
from trading_pipeline.domain.table_memory import empty_tables

LARGE = 40_000


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(table_memory, "_kept", [])


def address(table):
    return table.__array_interface__["data"][0]


def test_tables_have_the_shapes_asked_for_and_do_not_overlap():
    tables = empty_tables((LARGE,), (3, 15), (0, 13), (LARGE, 2))
    assert [table.shape for table in tables] == [(LARGE,), (3, 15), (0, 13), (LARGE, 2)]
    assert all(table.dtype == np.float64 and table.flags.c_contiguous for table in tables)
    for number, table in enumerate(tables):
        table[:] = number
    assert [set(table.reshape(-1)) for table in tables] == [{0.0}, {1.0}, set(), {3.0}]


def test_small_tables_are_each_a_piece_of_their_own():
    first, second = empty_tables((10,), (10,))
    assert first.base is None
    assert second.base is None


def test_memory_of_tables_that_are_gone_serves_the_next_run():
    (table,) = empty_tables((LARGE,))
    place = address(table)
    del table
    (again,) = empty_tables((LARGE - 5,))
    assert address(again) == place


@pytest.mark.parametrize("keep", ["a slice", "a view of another type", "the other table"])
def test_memory_is_not_given_away_while_any_part_of_it_is_in_use(keep):
    table, other = empty_tables((LARGE,), (LARGE,))
    table[:], other[:] = 1.0, 2.0
    kept = {
        "a slice": table[10:20],
        "a view of another type": table[10:20].view(np.int64),
        "the other table": other,
    }[keep]
    before = kept.copy()
    del table, other
    gc.collect()
    for new in empty_tables((LARGE,), (LARGE,)):
        new[:] = -1.0
    assert np.array_equal(kept, before)


def test_memory_far_too_large_is_left_for_a_larger_run():
    (table,) = empty_tables((10 * LARGE,))
    place = address(table)
    del table
    (small,) = empty_tables((LARGE,))
    (large,) = empty_tables((10 * LARGE,))
    assert address(small) != place
    assert address(large) == place


def test_what_is_kept_has_a_limit_and_the_oldest_makes_room(monkeypatch):
    monkeypatch.setattr(table_memory, "_MOST_KEPT", 8 * LARGE * 5 // 2)
    tables = [empty_tables((LARGE + number,))[0] for number in range(4)]
    while tables:
        tables.pop(0)
    assert [kept.size - LARGE for kept in table_memory._kept] == [8, 8]
    assert sum(kept.nbytes for kept in table_memory._kept) <= table_memory._MOST_KEPT


def test_threads_never_share_memory():
    wrong = []

    def work(number):
        for _ in range(200):
            (table,) = empty_tables((LARGE,))
            table[:] = number
            if table.min() != number or table.max() != number:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
