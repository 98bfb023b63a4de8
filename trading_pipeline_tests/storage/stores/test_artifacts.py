"""Tests of artifacts: the newest row of a partition is valid, its file is checked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.storage.stores.artifacts import Artifact, ArtifactStore

PARTITION = "AAPL_1d|2012-01-01"
MADE = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(warehouse, runtime) -> ArtifactStore:
    return ArtifactStore(warehouse, runtime)


def write(store: ArtifactStore, frame: pd.DataFrame, **changes) -> Artifact:
    given = {
        "asset": "features/core",
        "partition": PARTITION,
        "status": "ok",
        "input_hash": "1234567890abcdef",
        "code_hash": "c0de",
        "run_id": "run",
    }
    return store.write(frame, **{**given, **changes})


def row(partition: str = PARTITION, **changes) -> Artifact:
    given = {
        "asset": "features/core",
        "partition": partition,
        "status": "ok",
        "input_hash": "in",
        "code_hash": "c0de",
        "run_id": "run",
        "created_at": MADE,
    }
    return Artifact(**{**given, **changes})


class TestFiles:
    def test_path_holds_asset_instrument_window_and_input_hash(self, store, runtime, make_bars):
        artifact = write(store, make_bars(3))
        assert artifact.path == "cache/features/core/AAPL_1d/2012-01-01/1234567890ab.parquet"
        assert (runtime / artifact.path).is_file()
        assert (artifact.rows, artifact.columns) == (3, "open,high,low,close,volume")
        live = write(store, make_bars(3), asset="live/direction", partition="AAPL_1d")
        assert live.path == "cache/live/direction/AAPL_1d/1234567890ab.parquet"

    def test_what_was_written_is_loaded(self, store, make_bars):
        artifact = write(store, make_bars(30, seed=4))
        pd.testing.assert_frame_equal(
            store.load(artifact), make_bars(30, seed=4), check_exact=True, check_freq=False
        )

    def test_equal_frames_are_one_file_with_one_hash(self, store, runtime, make_bars):
        first, second = write(store, make_bars(9)), write(store, make_bars(9), run_id="later")
        assert (first.path, first.sha256) == (second.path, second.sha256)
        assert len(list((runtime / "cache").rglob("*.*"))) == 1

    def test_a_changed_file_is_refused_by_name(self, store, runtime, make_bars):
        artifact = write(store, make_bars(9))
        path = runtime / artifact.path
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(DataQualityError, match="not the one that was written") as caught:
            store.load(artifact)
        assert caught.value.path == str(path)
        assert caught.value.partition == PARTITION

    def test_a_missing_file_is_refused_by_name(self, store, runtime, make_bars):
        artifact = write(store, make_bars(9))
        (runtime / artifact.path).unlink()
        with pytest.raises(DataQualityError, match="is missing"):
            store.load(artifact)

    def test_a_partition_without_a_file_has_nothing_to_load_and_says_its_status(self, store):
        with pytest.raises(InsufficientDataError, match="status 'not_listed'"):
            store.load(row(status="not_listed"))

    def test_runtime_can_be_moved(self, store, warehouse, runtime, make_bars):
        artifact = write(store, make_bars(9))
        moved = runtime.rename(runtime.with_name("elsewhere"))
        assert len(ArtifactStore(warehouse, moved).load(artifact)) == 9


class TestCurrent:
    def test_equal_inputs_and_a_file_are_current(self, store, runtime, make_bars):
        artifact = write(store, make_bars(3))
        assert store.is_current(artifact, artifact.input_hash)
        assert not store.is_current(artifact, "other")
        assert not store.is_current(None, artifact.input_hash)
        (runtime / artifact.path).unlink()
        assert not store.is_current(artifact, artifact.input_hash)

    def test_a_partition_without_a_file_is_current_by_its_inputs(self, store):
        assert store.is_current(row(status="no_model"), "in")
        assert not store.is_current(row(status="no_model"), "other")


class TestRows:
    def test_an_artifact_comes_back_as_it_was_recorded(self, store, make_bars):
        artifact = write(store, make_bars(3))
        store.record([artifact])
        assert store.newest(["features/core"]) == {("features/core", PARTITION): artifact}

    def test_without_a_record_a_written_file_is_not_valid(self, store, make_bars):
        write(store, make_bars(3))
        assert store.newest(["features/core"]) == {}

    def test_the_row_written_last_wins_whatever_the_clock_said(self, store):
        old, new = row(run_id="old", created_at=MADE.replace(year=2021)), row(run_id="new")
        store.record([old, new])
        assert store.newest(["features/core"])["features/core", PARTITION].run_id == "new"

    def test_of_rows_of_the_same_moment_the_last_one_wins(self, store):
        for number in range(6):
            store.record([row(run_id=str(number))])
        assert store.newest(["features/core"])["features/core", PARTITION].run_id == "5"
        store.record([row(run_id=f"batch-{number}") for number in range(6)])
        assert store.newest(["features/core"])["features/core", PARTITION].run_id == "batch-5"

    def test_a_row_without_a_moment_gets_one(self, store):
        before = datetime.now(UTC)
        store.record([row(created_at=None)])
        found = store.newest(["features/core"])["features/core", PARTITION]
        assert found.created_at is not None
        assert before <= found.created_at <= datetime.now(UTC)

    def test_prefix_ends_where_the_instrument_ends(self, store):
        for name in ("A_1d", "AA_1d", "A_1dx", "a_1d", "%_1d"):
            store.record([row(f"{name}|2012-01-01"), row(f"{name}|2013-01-01")])
        found = store.newest(["features/core"], "A_1d|")
        assert [key[1] for key in found] == ["A_1d|2012-01-01", "A_1d|2013-01-01"]
        assert len(store.newest(["features/core"], "%")) == 2  # no wildcard
        assert len(store.newest(["features/core"])) == 10

    def test_assets_are_kept_apart(self, store):
        store.record([row(), row(asset="labels/direction"), row(asset="features/cor")])
        assert [key[0] for key in store.newest(iter(["features/core"]))] == ["features/core"]
        found = store.newest(["labels/direction", "features/core"])
        assert {key[0] for key in found} == {"labels/direction", "features/core"}
        assert store.newest([]) == {}

    def test_hostile_names_are_values(self, store):
        name = "x'); DROP TABLE artifacts; --"
        store.record([row(name, asset=name)])
        assert list(store.newest([name], name)) == [(name, name)]

    def test_nothing_to_record_opens_nothing(self, store, warehouse):
        store.record([])
        assert not warehouse.path.exists()

    def test_statuses_without_a_file_are_kept(self, store):
        artifact = row(status="no_model", columns="")
        store.record([artifact])
        found = store.newest(["features/core"])["features/core", PARTITION]
        assert found == replace(artifact, created_at=MADE)
        assert found.path is None
