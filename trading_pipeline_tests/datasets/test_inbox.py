"""Tests of the inbox: what counts as a data file, and when it counts as new."""

import os

import pytest

from trading_pipeline.datasets.inbox import (
    changed_files,
    inbox_file,
    inbox_files,
    side_car_of,
)
from trading_pipeline.errors import DatasetFormatError, UnknownNameError


def put(folder, name, text="a,b\n", *, changed_at=1_000.0):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    os.utime(path, (changed_at, changed_at))
    return path


def names(files):
    return [each.name for each in files]


def test_data_files_are_those_with_a_known_ending_and_a_plain_name(tmp_path):
    for name in (
        "b.csv",
        "a.parquet",
        "c.TXT",
        ".hidden.csv",
        "b.csv.yaml",
        "with space.csv",
        "x.zip",
    ):
        put(tmp_path, name)
    (tmp_path / "folder.csv").mkdir()
    assert names(inbox_files(tmp_path)) == ["a.parquet", "b.csv", "c.TXT"]
    assert inbox_files(tmp_path / "not there") == []


def test_a_link_out_of_the_inbox_is_not_followed(tmp_path):
    outside = put(tmp_path / "elsewhere", "secret.csv")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "link.csv").symlink_to(outside)
    assert inbox_files(inbox) == []
    with pytest.raises(UnknownNameError):
        inbox_file(inbox, "link.csv")


@pytest.mark.parametrize(
    "name", ["../secret.csv", "/etc/passwd", "a/b.csv", "..csv", "", "a b.csv"]
)
def test_a_path_outside_the_inbox_is_refused(tmp_path, name):
    put(tmp_path, "secret.csv")
    with pytest.raises(DatasetFormatError, match="not the name of a file in the inbox"):
        inbox_file(tmp_path / "inbox", name)


def test_a_name_that_is_not_there_comes_with_the_closest(tmp_path):
    put(tmp_path, "nifty.csv")
    with pytest.raises(UnknownNameError, match=r"Did you mean 'nifty\.csv'"):
        inbox_file(tmp_path, "nify.csv")
    assert inbox_file(tmp_path, "nifty.csv").path == tmp_path / "nifty.csv"


def test_a_file_is_new_until_it_was_seen_and_again_when_it_or_its_side_car_changes(tmp_path):
    path = put(tmp_path, "a.csv")
    (first,) = changed_files(tmp_path, {}, now=2_000)
    seen = {first.name: first.signature}
    assert changed_files(tmp_path, seen, now=2_000) == []

    put(tmp_path, "a.csv.yaml", "tz: Asia/Kolkata\n")
    assert side_car_of(path) == tmp_path / "a.csv.yaml"
    (answered,) = changed_files(tmp_path, seen, now=2_000)
    seen = {answered.name: answered.signature}
    assert changed_files(tmp_path, seen, now=2_000) == []

    put(tmp_path, "a.csv", "a,b\n1,2\n")
    assert names(changed_files(tmp_path, seen, now=2_000)) == ["a.csv"]


def test_a_file_that_is_still_being_copied_waits(tmp_path):
    put(tmp_path, "a.csv", changed_at=1_999.0)
    assert changed_files(tmp_path, {}, now=2_000) == []
    assert names(changed_files(tmp_path, {}, now=2_001.5)) == ["a.csv"]
