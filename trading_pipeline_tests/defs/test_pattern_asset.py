"""The asset chart_patterns: it is materialized, and a leak stops it."""

from trading_pipeline.features.patterns import search as pattern_search
from trading_pipeline.stages.features import patterns as pattern_stage
from trading_pipeline_tests.pipeline_world import failed_checks, materialized, run_job

FIRST, LAST = "AAPL_1d|2000-01-01", "AAPL_1d|2003-01-01"


def test_patterns_of_every_window_are_materialized_in_one_run(world, instance):
    result = run_job(world, instance, "bars_to_predictions", FIRST, LAST, ["chart_patterns"])
    assert result.success
    assert materialized(result) == {"chart_patterns"}
    assert failed_checks(result) == set()
    rows = world.rows(
        "SELECT \"partition\", rows, status FROM artifacts WHERE asset = 'chart_patterns' "
        "ORDER BY 1"
    )
    assert [key for key, _, _ in rows] == [f"AAPL_1d|{year}-01-01" for year in range(2000, 2004)]
    assert all(count > 0 and status == "ok" for _, count, status in rows)


def test_patterns_that_know_the_future_are_not_written(world, instance, monkeypatch):
    with world.workspace.warehouse.write() as connection:  # as before the first pass
        connection.execute("DELETE FROM artifacts WHERE asset = 'chart_patterns'")
        connection.execute("DELETE FROM audits WHERE kind = 'chart_patterns'")

    def graded_by_the_end(bars):
        found = pattern_search.find_patterns(bars)
        return found.assign(quality=found["quality"] * bars["close"].iloc[-1] / 1000)

    audit = pattern_stage.audit_patterns
    monkeypatch.setattr(
        pattern_stage, "audit_patterns", lambda bars: audit(bars, find=graded_by_the_end)
    )
    result = run_job(world, instance, "bars_to_predictions", FIRST, LAST, ["chart_patterns"])
    assert not result.success
    assert failed_checks(result) == {"prefix_truncation"}
    check = next(e for e in result.get_asset_check_evaluations() if not e.passed)
    assert ".quality" in check.description
    assert "without them" in check.description
    assert world.value("SELECT count(*) FROM artifacts WHERE asset = 'chart_patterns'") == 0
