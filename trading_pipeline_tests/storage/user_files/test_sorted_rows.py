"""Rows come back by series and time with equal keys in the order they came, whatever is on disk."""

import errno
import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.storage.user_files import sorted_rows
from trading_pipeline.storage.user_files.sorted_rows import KeySample, RowSorter

SECOND = 1_000_000
NONE = np.empty(0, dtype=np.int64)


def random_rows(rng, n, series=4, span=500):
    ranks = rng.integers(0, series, n)
    moments = rng.integers(-span, span, n) * SECOND // 2
    values = np.column_stack([np.arange(n, dtype=float), rng.normal(size=(n, 4))])
    values[rng.random((n, 5)) < 0.05] = np.nan
    return ranks, moments, values


def joined(sorter):
    parts = list(sorter.series_parts())
    ranks = np.concatenate([np.full(len(m), r) for r, m, _ in parts])
    return ranks, np.concatenate([m for _, m, _ in parts]), np.vstack([v for _, _, v in parts])


def sorted_by(bounds, rows, cuts):
    with RowSorter(bounds) as sorter:
        for part in np.split(np.arange(len(rows[0])), sorted(cuts)):
            sorter.add(*(each[part] for each in rows))
        return joined(sorter)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 400), on_disk=st.booleans())
def test_rows_come_by_series_moment_and_place(seed, n, on_disk):
    rng = np.random.default_rng(seed)
    rows = random_rows(rng, n)
    bounds = sorted_rows._keys(*(each[rng.integers(0, n, 9)] for each in rows[:2]))
    found = sorted_by(np.unique(bounds) if on_disk else NONE, rows, rng.integers(0, n + 1, 5))
    order = np.lexsort((rows[1], rows[0]))
    for each, expected in zip(found, rows, strict=True):
        np.testing.assert_array_equal(each, expected[order])


def test_a_part_holds_one_series_and_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr(sorted_rows, "_SLICE_ROWS", 100)
    rows = random_rows(np.random.default_rng(1), 5000, series=3)
    with RowSorter(NONE) as sorter:
        sorter.add(*rows)
        parts = [(rank, len(moments)) for rank, moments, _ in sorter.series_parts()]
    assert max(n for _, n in parts) == 100
    assert [rank for rank, _ in parts] == sorted(rank for rank, _ in parts)
    assert sum(n for _, n in parts) == 5000


def test_the_sample_divides_the_rows_into_parts_of_like_size(monkeypatch):
    monkeypatch.setattr(sorted_rows, "_DIVISION_ROWS", 10_000)
    rng = np.random.default_rng(2)
    codes, moments, _ = random_rows(rng, 200_000, series=3, span=10**8)
    ranks, sample = np.array([2, 0, 1]), KeySample()
    for begin in range(0, 200_000, 7_000):
        part = slice(begin, begin + 7_000)
        usable = np.ones(len(codes[part]), dtype=bool)
        sample.add(codes[part], moments[part], usable)
    bounds = sample.bounds(ranks)
    keys = sorted_rows._keys(ranks[codes], moments)
    sizes = np.bincount(np.searchsorted(bounds, keys, side="right"))
    assert 15 <= len(sizes) <= 25
    assert sizes.max() < 20_000


def test_rows_that_will_not_be_sorted_are_not_in_the_sample():
    sample = KeySample()
    sample.add(np.zeros(1000, dtype=np.int64), np.arange(1000) * SECOND, np.zeros(1000, dtype=bool))
    sample.add(NONE, NONE, np.empty(0, dtype=bool))
    assert not len(sample.bounds(np.zeros(1, dtype=np.int64)))
    assert not len(KeySample().bounds(NONE))


def test_no_rows_give_no_parts():
    with RowSorter(NONE) as sorter:
        assert list(sorter.series_parts()) == []
    with RowSorter(np.array([5])) as sorter:
        sorter.add(NONE, NONE, np.empty((0, 5)))
        assert list(sorter.series_parts()) == []


def test_nothing_is_left_behind_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = random_rows(np.random.default_rng(3), 1000)
    with RowSorter(np.array([5])) as sorter:
        sorter.add(*rows)
        assert sorter._written == 1000
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_a_typed_error(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    rows = random_rows(np.random.default_rng(3), 1000)
    with RowSorter(np.array([5])) as sorter, pytest.raises(DatasetFormatError, match="TMPDIR"):
        sorter.add(*rows)


class FullDisk:
    """A file of a disk without room for more than a few bytes."""

    def __init__(self, room):
        self.room, self.closed = room, False

    def write(self, view):
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written, self.room = min(len(view), self.room), self.room - min(len(view), self.room)
        return written

    def seek(self, _):
        return 0

    def readinto(self, _):
        return 0

    def close(self):
        self.closed = True


def test_a_full_disk_is_a_typed_error_and_the_file_is_closed(monkeypatch):
    disk = FullDisk(room=1000)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: disk)
    rows = random_rows(np.random.default_rng(3), 1000)
    with (
        pytest.raises(DatasetFormatError, match=r"No space left on device.*Make room"),
        RowSorter(np.array([5])) as sorter,
    ):
        sorter.add(*rows)
    assert disk.closed


def test_a_file_that_lost_its_end_is_a_typed_error(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: FullDisk(room=10**9))
    rows = random_rows(np.random.default_rng(3), 1000)
    with RowSorter(np.array([5])) as sorter:
        sorter.add(*rows)
        with pytest.raises(DatasetFormatError, match="ended early"):
            list(sorter.series_parts())
