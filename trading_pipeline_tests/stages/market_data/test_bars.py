"""Fetching: which windows are asked for again, and what is stored."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from trading_pipeline.errors import RetryableFetchError
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline_tests.pipeline_world import SOURCE
from trading_pipeline_tests.stage_calls import (
    pending_bars,
    refresh_actions,
    refresh_bars,
    refresh_universe,
)

KEY = "AAPL_1d|2003-01-01"
OPEN_ENDED = "start: 2003-01-01\nend: null\n"


def at(world, *moment):
    """A workspace whose clock stands at a moment, with the source that can be tampered with."""
    opened = world.workspace
    return Workspace(
        opened.settings,
        opened.catalog,
        opened.warehouse,
        open_source=lambda _: SOURCE,
        clock=lambda: datetime(*moment, tzinfo=UTC),
    )


def refresh(workspace):
    return refresh_bars(workspace, "AAPL_1d", workspace.windows())


@pytest.fixture
def open_world(fresh_world):
    fresh_world.write("universe.yaml", OPEN_ENDED)
    return fresh_world


def test_only_bars_that_are_closed_are_stored(open_world):
    refresh_universe(at(open_world, 2003, 6, 12, 15))
    (outcome,) = refresh(at(open_world, 2003, 6, 12, 15))
    assert outcome.metadata["state"] == "OPEN"
    assert outcome.metadata["last_bar"].startswith("2003-06-11")
    (outcome,) = refresh(at(open_world, 2003, 6, 12, 20, 1))  # New York closes at 20:00 in summer
    assert outcome.metadata["last_bar"].startswith("2003-06-12")
    assert outcome.changed


def test_an_open_window_is_asked_again_and_equal_bars_are_not_written_again(open_world):
    workspace = at(open_world, 2003, 6, 14)
    first, second = refresh(workspace)[0], refresh(workspace)[0]
    assert (first.changed, second.changed) == (True, False)
    assert first.content_hash == second.content_hash
    assert SOURCE.asked == [KEY, KEY]
    assert open_world.value("SELECT count(*) FROM fetch_log") == 2
    assert open_world.value("SELECT count(*) FROM bars") == first.rows


def test_a_window_settles_for_a_week_and_is_then_final(open_world):
    for day, state, left in ((2, "SETTLING", True), (9, "FINAL", False)):
        workspace = at(open_world, 2004, 1, day)
        outcomes = refresh(workspace)
        assert outcomes[0].metadata["state"] == state
        assert not pending_bars(workspace, "AAPL_1d", workspace.windows())  # nothing is due
        later = at(open_world, 2004, 1, day + 4)
        pending = [w.key for w in pending_bars(later, "AAPL_1d", later.windows())]
        assert ("2003-01-01" in pending) is left
        assert "2004-01-01" in pending


def test_a_corrected_price_replaces_the_old_one(open_world):
    workspace = at(open_world, 2003, 6, 14)
    before = refresh(workspace)[0]

    def corrected(_, frame):
        changed = frame.copy()
        changed.loc[changed.index[4], "volume"] += 100.0
        return changed

    SOURCE.answers[KEY] = corrected
    after = refresh(workspace)[0]
    assert after.changed
    assert (after.rows, after.content_hash != before.content_hash) == (before.rows, True)
    bars = workspace.bars.read_span("AAPL_1d", None, None)
    assert bars.index.is_unique
    assert len(bars) == after.rows


def test_final_windows_are_not_asked_again(world):
    outcomes = refresh(world.tampered)
    assert SOURCE.asked == []
    assert [outcome.rows for outcome in outcomes] == [212, 248, 252, 252]
    assert not any(outcome.changed for outcome in outcomes)


def test_rejected_and_failed_windows_are_asked_again(fresh_world):
    workspace = fresh_world.tampered
    refresh_universe(workspace)

    def fail(_, frame):
        raise RetryableFetchError("busy")

    SOURCE.answers[KEY] = lambda _, frame: frame.assign(high=frame["low"] / 2)
    assert refresh(workspace)[-1].status == "rejected"
    SOURCE.answers[KEY] = fail
    with pytest.raises(RetryableFetchError, match=r"window\(s\) 2003-01-01\. busy"):
        refresh(workspace)
    assert workspace.bars.newest_attempts("AAPL_1d")["2003-01-01"].status == "rejected"
    SOURCE.reset()
    assert [w.key for w in pending_bars(workspace, "AAPL_1d", workspace.windows())] == [
        "2003-01-01"
    ]
    assert refresh(workspace)[-1].status == "ok"
    assert SOURCE.asked == [KEY]


@pytest.mark.parametrize(
    "broken",
    [
        lambda _, frame: frame.drop(columns="close"),
        lambda _, frame: frame.assign(close="not a number"),
        lambda _, frame: frame.assign(open=float("nan")),
        lambda _, frame: frame.iloc[::-1],
    ],
    ids=["no close", "text", "NaN", "backwards"],
)
def test_an_answer_of_a_wrong_form_is_rejected_and_never_stored(fresh_world, broken):
    workspace = fresh_world.tampered
    refresh_universe(workspace)
    SOURCE.answers[KEY] = broken
    outcome = refresh(workspace)[-1]
    if outcome.status == "ok":  # a frame that is only in another order may be sorted
        stored = workspace.bars.read_span("AAPL_1d", pd.Timestamp("2003-01-01", tz="UTC"), None)
        assert stored.index.is_monotonic_increasing
        assert len(stored) == 252
    else:
        assert outcome.status == "rejected"
        assert outcome.findings
        assert fresh_world.value("SELECT count(*) FROM bars WHERE ts >= '2003-01-01'") == 0


@pytest.mark.parametrize("cut", [slice(130, None), slice(None, -5)], ids=["start", "end"])
def test_bars_that_are_missing_at_a_closed_windows_edge_block_it(fresh_world, cut):
    workspace = fresh_world.tampered
    refresh_universe(workspace)
    SOURCE.answers[KEY] = lambda _, frame: frame.iloc[cut]
    outcome = refresh(workspace)[-1]
    gaps = [f for f in outcome.findings if f.check_name == "gap"]
    assert (outcome.status, gaps[0].severity) == ("rejected", "ERROR")
    stored = "SELECT sum(value) FROM quality_findings WHERE check_name = 'gap' AND \"window\" = ?"
    assert fresh_world.value(stored, "2003-01-01") == (130 if cut.start else 5)


def test_a_full_universe_of_shipped_bars_has_no_finding_and_full_scores(fresh_world):
    workspace = fresh_world.tampered
    refresh_universe(workspace)
    refresh_actions(workspace, "AAPL_1d")  # the true crash of 2000-09-29 is among these bars
    outcomes = refresh(workspace)
    assert [outcome.metadata["quality_score"] for outcome in outcomes] == [1.0] * 4
    assert [outcome.metadata["coverage"] for outcome in outcomes] == [1.0] * 4
    assert fresh_world.rows("SELECT * FROM quality_findings") == []


def test_what_a_settled_window_was_found_to_have_is_told_again_without_a_fetch(fresh_world):
    workspace = fresh_world.tampered
    refresh_universe(workspace)
    SOURCE.answers[KEY] = lambda _, frame: frame.drop(frame.index[50])
    first = refresh(workspace)[-1]
    SOURCE.reset()
    again = refresh(workspace)[-1]
    assert SOURCE.asked == []
    assert [(f.check_name, f.severity) for f in first.findings] == [("gap", "WARN")]
    assert again.findings == first.findings
    assert (again.changed, again.metadata["quality_score"]) == (False, pytest.approx(251 / 252))
    assert again.content_hash == first.content_hash
