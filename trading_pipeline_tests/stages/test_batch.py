"""Tests of a batch: its stores give what they give alone, and its writes are gathered."""

from datetime import UTC, datetime

import pytest

from trading_pipeline.storage.stores.artifacts import Artifact


def test_stores_of_a_batch_give_what_they_give_alone(world):
    workspace = world.workspace
    names = list(workspace.catalog.instruments)
    with workspace.for_batch(names) as batch:
        for name in names:
            assert batch.bars.newest_attempts(name) == workspace.bars.newest_attempts(name)
            assert batch.bars.content_attempts(name) == workspace.bars.content_attempts(name)
            assert batch.bars.read_span(name, None, None).equals(
                workspace.bars.read_span(name, None, None)
            )
            assert batch.reference.actions(name) == workspace.reference.actions(name)
            assets = ["bars", "features/core", "predictions/direction"]
            assert batch.artifacts.newest(assets, name) == workspace.artifacts.newest(assets, name)
        assert batch.reference.listings() == workspace.reference.listings()
        for row in workspace.results.newest():
            batch.results.keep_newest_of(row["instruments"])
            assert batch.results.examined(row["result_id"])[1] == ""
            assert batch.results.get(row["result_id"]) == workspace.results.get(row["result_id"])
        fold = workspace.artifacts.newest(["optimization_trials"], "AAPL_1d")
        (trials,) = fold.values()
        given = ("sma_grid", "AAPL_1d")
        key = {"fold": trials.input_hash[:12]}
        assert batch.trials.of_study(*given, **key) == workspace.trials.of_study(*given, **key)


def test_what_a_batch_writes_it_reads_again(world):
    workspace = world.workspace
    row = Artifact(
        asset="features/core", partition="AAPL_1d|2003-01-01", status="ok", input_hash="new",
        code_hash="c", run_id="r", created_at=datetime(2004, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    key = (row.asset, row.partition)
    with workspace.for_batch(["AAPL_1d"]) as batch:
        assert batch.artifacts.newest([row.asset], "AAPL_1d")[key].input_hash != "new"
        batch.artifacts.record([row])
        assert batch.artifacts.newest([row.asset], "AAPL_1d")[key] == row
    assert workspace.artifacts.newest([row.asset], "AAPL_1d")[key] == row


def test_gathered_writes_are_stored_together_or_not_at_all(world):
    workspace = world.workspace
    before = world.counts()

    def fail():
        raise RuntimeError("planted")

    attempt = next(iter(workspace.bars.newest_attempts("AAPL_1d").values()))

    def write_and_fail():
        with workspace.for_batch(["AAPL_1d"]) as batch:
            batch.write(lambda: batch.bars.log_attempt(attempt))
            assert world.counts() == before  # nothing is written yet
            batch.write(fail)

    with pytest.raises(RuntimeError, match="planted"):
        write_and_fail()
    assert world.counts() == before
    with workspace.for_batch(["AAPL_1d"]) as batch:
        batch.write(lambda: batch.bars.log_attempt(attempt))
    assert world.counts()["fetch_log"] == before["fetch_log"] + 1
