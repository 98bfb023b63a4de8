"""Tests of Parquet files: whole or not there, equal frames in equal bytes."""

from __future__ import annotations

import os
import stat

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.hashing import file_hash
from trading_pipeline.errors import DatasetFormatError, WarehouseError
from trading_pipeline.storage.parquet_files import read_frame, write_atomically, write_frame


def test_frame_comes_back_equal_with_stamps_in_utc_microseconds(tmp_path, make_bars):
    frame = make_bars(30, seed=3).assign(
        known_at=lambda f: f.index + pd.Timedelta(hours=21),
        model_id=[None, *["m"] * 29],
        label=[np.nan, *range(29)],
    )
    sha256 = write_frame(tmp_path / "deep" / "er" / "f.parquet", frame)
    found = read_frame(tmp_path / "deep" / "er" / "f.parquet")
    pd.testing.assert_frame_equal(
        found, frame, check_exact=True, check_freq=False, check_dtype=False
    )
    assert str(found.index.dtype) == TS_DTYPE
    assert str(found["known_at"].dtype) == TS_DTYPE
    assert sha256 == file_hash(tmp_path / "deep" / "er" / "f.parquet")


def test_missing_stamps_come_back_missing(tmp_path, make_bars):
    frame = make_bars(3).assign(t1=lambda f: [f.index[1], pd.NaT, f.index[2]])
    frame["t1"] = frame["t1"].astype(TS_DTYPE)
    write_frame(tmp_path / "f.parquet", frame)
    assert read_frame(tmp_path / "f.parquet")["t1"].isna().tolist() == [False, True, False]


def test_empty_frame_keeps_its_columns_and_types(tmp_path, make_bars):
    write_frame(tmp_path / "f.parquet", make_bars(5).iloc[:0])
    found = read_frame(tmp_path / "f.parquet")
    assert found.shape == (0, 5)
    assert str(found.index.dtype) == TS_DTYPE
    assert {str(dtype) for dtype in found.dtypes} == {"float64"}


def test_equal_frames_give_equal_bytes_and_unequal_ones_do_not(tmp_path, make_bars):
    first = write_frame(tmp_path / "a.parquet", make_bars(500, seed=1))
    again = write_frame(tmp_path / "b.parquet", make_bars(500, seed=1).copy())
    other = make_bars(500, seed=1)
    other.iloc[250, 3] = np.nextafter(other.iloc[250, 3], np.inf)
    assert first == again
    assert first != write_frame(tmp_path / "c.parquet", other)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_attributes_and_frequency_of_the_frame_change_no_byte(tmp_path, make_bars):
    plain = make_bars(20)
    dressed = make_bars(20)
    dressed.attrs["made_at"] = "today"
    dressed.index = pd.DatetimeIndex(dressed.index, freq="D")
    assert write_frame(tmp_path / "a.parquet", plain) == write_frame(
        tmp_path / "b.parquet", dressed
    )


@pytest.mark.parametrize("name", ["date", None, "TS"])
def test_a_frame_whose_index_is_not_ts_is_refused_when_written(tmp_path, make_bars, name):
    with pytest.raises(DatasetFormatError, match="index 'ts'"):
        write_frame(tmp_path / "f.parquet", make_bars(3).rename_axis(name))
    assert list(tmp_path.iterdir()) == []


def test_rows_out_of_order_are_refused(tmp_path, make_bars):
    with pytest.raises(DatasetFormatError, match="order of time"):
        write_frame(tmp_path / "f.parquet", make_bars(3).iloc[::-1])


def test_a_failure_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "f.txt"
    path.write_text("old")

    def half(temporary) -> None:
        temporary.write_text("ha")
        assert temporary.parent == path.parent
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, half)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f.txt"]


def test_the_new_content_is_seen_only_when_it_is_whole(tmp_path):
    path = tmp_path / "f.txt"
    path.write_text("old")

    written: list[int] = []

    def write(temporary) -> None:
        temporary.write_text("new")
        written.append(temporary.stat().st_ino)
        assert path.read_text() == "old"

    write_atomically(path, write)
    assert path.read_text() == "new"
    assert [path.stat().st_ino] == written  # renamed, not copied over the old one
    assert [p.name for p in tmp_path.iterdir()] == ["f.txt"]


def test_a_writer_that_writes_nothing_is_an_error_and_not_an_empty_file(tmp_path):
    with pytest.raises(WarehouseError):
        write_atomically(tmp_path / "f.txt", lambda temporary: None)
    assert list(tmp_path.iterdir()) == []


def test_other_users_can_read_the_file_as_far_as_the_umask_says(tmp_path, make_bars):
    old = os.umask(0o022)
    try:
        write_frame(tmp_path / "f.parquet", make_bars(3))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "f.parquet").stat().st_mode) == 0o644


def test_a_full_disk_is_a_typed_error_and_keeps_the_old_file(tmp_path, make_bars, disk_limit):
    path = tmp_path / "f.parquet"
    before = write_frame(path, make_bars(10))
    with disk_limit(10_000), pytest.raises(WarehouseError, match="disk has room") as caught:
        write_frame(path, make_bars(5_000))
    assert caught.value.path == str(path)
    assert file_hash(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_without_rights_is_a_typed_error(tmp_path, make_bars, without_rights):
    tmp_path.chmod(0o555)
    try:
        with without_rights(), pytest.raises(WarehouseError, match=r"f\.parquet"):
            write_frame(tmp_path / "sub" / "f.parquet", make_bars(3))
    finally:
        tmp_path.chmod(0o755)
