"""Tests of the sweep: what dead processes left goes, what live ones work on stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trading_pipeline.settings.written_files import replace_file, temporary_beside
from trading_pipeline.storage.file_lock import hold_lock, queue_of
from trading_pipeline.storage.leftovers import sweep
from trading_pipeline.storage.warehouse import Warehouse

ROOT = Path(__file__).parents[2]
DYING = """
import os, signal, sys
from pathlib import Path
from trading_pipeline.settings.written_files import replace_file, temporary_beside
def half(path):
    path.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
target = Path(sys.argv[1])
if sys.argv[2] == "file":
    replace_file(target, half)
else:
    with temporary_beside(target) as folder:
        folder.mkdir()
        half(folder / "model.skops")
"""


def die(target: Path, kind: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", DYING, str(target), kind],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_was_writing_is_removed_with_its_claim(tmp_path, kind):
    target = tmp_path / "cache" / "deep" / "thing.parquet"
    die(target, kind)
    assert len(list(target.parent.iterdir())) == 2  # the unfinished thing and its claim
    gone = sweep([tmp_path / "cache"], tmp_path / "w.duckdb")
    assert gone
    assert list(target.parent.iterdir()) == []


def test_what_a_live_process_is_writing_stays_and_is_finished(tmp_path):
    def write(path: Path) -> None:
        path.write_bytes(b"all of it")
        os.utime(path, (0, 0))  # no age makes it dead
        assert sweep([tmp_path], tmp_path / "w.duckdb") == []
        assert path.exists()

    replace_file(tmp_path / "a.csv", write)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    with temporary_beside(tmp_path / "model") as folder:
        folder.mkdir()
        assert sweep([tmp_path], tmp_path / "w.duckdb") == []
        folder.rename(tmp_path / "model")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "model"]


def test_files_of_earlier_versions_without_a_claim_are_removed_after_a_day(tmp_path):
    key = "0" * 32
    old = [tmp_path / f".a.parquet.{key}.tmp", tmp_path / ".prices.csv.before"]
    for path in old:
        path.write_bytes(b"half")
    folder = tmp_path / ".0123456789abcdef-ab_c12xy"
    folder.mkdir()
    (tmp_path / ".hidden").write_bytes(b"the user's own")
    assert sweep([tmp_path], tmp_path / "w.duckdb") == []
    long_ago = time.time() - 100_000
    for path in (*old, folder, tmp_path / ".hidden"):
        os.utime(path, (long_ago, long_ago))
    assert sorted(sweep([tmp_path], tmp_path / "w.duckdb")) == sorted([*old, folder])
    assert [path.name for path in tmp_path.iterdir()] == [".hidden"]


def test_a_warehouse_that_was_being_made_goes_unless_someone_has_the_lock(tmp_path):
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.write():
        pass
    half = tmp_path / "w.duckdb.new"
    half.write_bytes(b"half")
    (tmp_path / "w.duckdb.tmp").mkdir()
    with hold_lock(warehouse.lock_path, exclusive=False, wait_seconds=0):
        assert sweep([], warehouse.path) == []
        assert half.exists()
    assert sweep([], warehouse.path) == [half, tmp_path / "w.duckdb.tmp"]
    assert not half.exists()


def test_dead_places_in_the_queue_go_and_live_ones_stay(tmp_path):
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.read():
        queue = queue_of(warehouse.lock_path)
        (queue / "000000000001-write-1-0").write_text("waits ")
        sweep([], warehouse.path)
        assert len(list(queue.iterdir())) == 1
    assert list(queue.iterdir()) == []


def test_two_sweeps_at_once_do_not_disturb_each_other(tmp_path):
    for number in range(3):
        die(tmp_path / f"{number}.parquet", "file")
    children = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from pathlib import Path\n"
                "from trading_pipeline.storage.leftovers import sweep\n"
                "sweep([Path(sys.argv[1])], Path(sys.argv[1]) / 'w.duckdb')",
                str(tmp_path),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]
    assert [child.wait() for child in children] == [0, 0]
    assert list(tmp_path.iterdir()) == []
