"""The stage of chart patterns, without Dagster."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.features.audits.patterns import known_by
from trading_pipeline.features.patterns.search import PATTERN_COLUMNS, find_patterns
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.features.patterns import (
    ChartPatternStage,
    newest_rows,
    pattern_lookback_windows,
)
from trading_pipeline_tests.stage_calls import materialize_windows, pending_windows

KEYS = ["kind", "known_ts"]


@pytest.fixture
def stored(world):
    """The outcomes and the frames by window, of a world that has bars."""
    workspace = world.workspace
    outcomes = materialize_windows(ChartPatternStage(workspace, "AAPL_1d"), workspace.windows())
    newest = workspace.artifacts.newest(["chart_patterns"])
    frames = {key[1][-10:]: workspace.artifacts.load(row) for key, row in newest.items()}
    return workspace, outcomes, frames


def test_a_window_holds_what_was_known_in_it_as_it_stood_at_its_end(stored):
    workspace, outcomes, frames = stored
    bars = InstrumentSeries(workspace, "AAPL_1d").adjusted
    whole = find_patterns(bars)
    assert [outcome.status for outcome in outcomes] == ["ok"] * 4
    for key, frame in frames.items():
        last = bars.loc[key[:4]].index[-1]
        expected = known_by(whole, last)
        expected = expected.loc[expected["known_ts"].dt.year == int(key[:4])]
        formed = frame.loc[frame["event"] == "formed"]
        assert len(formed) >= 1
        plain = [c for c in PATTERN_COLUMNS if not c.startswith("pivot")]
        pd.testing.assert_frame_equal(
            formed[plain].reset_index(drop=True), expected[plain].reset_index(drop=True)
        )
        for mine, other in zip(formed["pivot_prices"], expected["pivot_prices"], strict=True):
            np.testing.assert_allclose(mine, other)
        assert (frame.index >= pd.Timestamp(key, tz="UTC")).all()
        assert (frame.index.year == int(key[:4])).all()


def test_a_breakout_in_a_later_window_is_a_row_of_that_window(stored):
    workspace, _, frames = stored
    whole = find_patterns(InstrumentSeries(workspace, "AAPL_1d").adjusted)
    late = whole.loc[whole["breakout_ts"].dt.year > whole["known_ts"].dt.year]
    assert len(late)
    for _, row in late.iterrows():
        frame = frames[f"{row['breakout_ts'].year}-01-01"]
        again = frame.loc[(frame["event"] == "breakout") & (frame["kind"] == row["kind"])]
        assert row["breakout_ts"] in again.index.tolist()
        own = frames[f"{row['known_ts'].year}-01-01"]
        own = own.loc[(own["kind"] == row["kind"]) & (own["known_ts"] == row["known_ts"])]
        assert own["breakout_ts"].isna().all()
    joined = newest_rows(pd.concat(frames.values()))
    assert not joined.duplicated(KEYS).any()
    assert len(joined) == len(whole)
    assert joined["breakout_direction"].sum() == whole["breakout_direction"].sum()


def test_rows_can_be_used_from_the_close_of_their_bar(stored):
    workspace, _, frames = stored
    series = InstrumentSeries(workspace, "AAPL_1d")
    closes = pd.Series(series.known_at, index=series.raw.index)
    for frame in frames.values():
        assert (frame["known_at"].to_numpy() == closes.loc[frame.index].to_numpy()).all()
        assert str(frame["known_at"].dtype) == "datetime64[us, UTC]"


def test_the_page_says_how_many_there_are_and_what_became_of_them(stored):
    _, outcomes, frames = stored
    for outcome in outcomes:
        frame = frames[outcome.partition[-10:]]
        assert outcome.metadata["patterns"] == (frame["event"] == "formed").sum()
        assert 0.0 < outcome.metadata["mean_quality"] < 1.0
        assert 0.0 <= outcome.metadata["breakouts_as_expected"] <= 1.0


def test_a_second_pass_writes_nothing_and_the_audit_is_quiet(stored):
    workspace, _, _ = stored
    stage = ChartPatternStage(workspace, "AAPL_1d")
    assert pending_windows(stage, workspace.windows()) == []
    assert stage.audit(workspace.windows()) == []
    assert stage.audit([]) == []


def test_windows_before_a_listing_are_empty_and_say_so(world):
    workspace = world.workspace
    from trading_pipeline_tests.stage_calls import refresh_bars

    refresh_bars(workspace, "FB_1d", workspace.windows())
    stage = ChartPatternStage(workspace, "FB_1d")
    outcomes = materialize_windows(stage, workspace.windows())
    assert [(o.status, o.rows) for o in outcomes] == [("not_listed", 0)] * 4
    assert stage.audit(workspace.windows()) == []


def test_enough_windows_are_read_for_the_warm_up(world):
    catalog = world.workspace.catalog
    assert pattern_lookback_windows(catalog) == 3  # 500 bars and a tenth, of 252 a year
