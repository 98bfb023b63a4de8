"""The leaderboard as it would be written now."""

import pytest

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.stages.reports.leaderboard import leaderboard_now
from trading_pipeline_tests.pipeline_world import bring_up_to_date


def test_without_a_result_it_says_how_to_make_some_and_then_shows_them(fresh_world):
    with pytest.raises(InsufficientDataError, match=r"Make some: trading-pipeline demo, or run\."):
        leaderboard_now(fresh_world.workspace)
    bring_up_to_date(fresh_world)
    page = leaderboard_now(fresh_world.workspace)
    stored = fresh_world.runtime / "output/reports/index.html"
    assert page == stored.read_text(encoding="utf-8")
    assert "AAPL_1d" in page
