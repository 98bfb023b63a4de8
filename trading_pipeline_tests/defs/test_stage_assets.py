"""What runs tell Dagster: partition keys, metadata, data versions."""

import dagster as dg
import pytest

from trading_pipeline.defs.stage_assets import column_schema
from trading_pipeline_tests.pipeline_world import WINDOWS, run_job

FIRST, LAST = "AAPL_1d|2000-01-01", "AAPL_1d|2003-01-01"


def materializations(result, asset):
    """Materializations of an asset by partition key."""
    return {
        event.partition: event.step_materialization_data.materialization
        for event in result.all_events
        if event.is_step_materialization and event.asset_key == dg.AssetKey(asset.split("/"))
    }


def data_version(materialization):
    return materialization.tags["dagster/data_version"]


def test_the_universe_adds_the_keys_of_all_its_files(fresh_world):
    with dg.DagsterInstance.ephemeral() as empty:
        result = run_job(fresh_world, empty, "reference_data")
        assert result.success
        names = ("instruments", "instrument_scenarios", "instrument_studies")
        known = {name: empty.get_dynamic_partitions(name) for name in names}
    assert known == {
        "instruments": ["AAPL_1d", "IBM_1d", "MSFT_1d", "GOOG_1d", "FB_1d"],
        "instrument_scenarios": ["AAPL_1d|ml_direction", "AAPL_1d|sma_crossover"],
        "instrument_studies": ["AAPL_1d|sma_grid"],
    }
    (only,) = materializations(result, "universe").values()
    assert only.metadata["dagster/row_count"].value == 5
    assert fresh_world.value("SELECT count(*) FROM instruments WHERE active") == 5


def test_each_partition_of_a_range_has_its_own_numbers(world, instance):
    result = run_job(world, instance, "bars_to_predictions", FIRST, LAST)
    counts = {
        asset: [found[f"AAPL_1d|{key}"].metadata["dagster/row_count"].value for key in WINDOWS]
        for asset, found in (
            (name, materializations(result, name))
            for name in ("bars", "features/core", "labels/direction", "predictions/direction")
        )
    }
    assert counts["bars"] == [212, 248, 252, 252]
    assert counts["features/core"] == counts["bars"]
    assert counts["predictions/direction"] == [0, 0, 252, 252]
    for have, bars, open_ends in zip(
        counts["labels/direction"], counts["bars"], [0, 0, 0, 5], strict=True
    ):
        # bars whose price was the same five bars later have no direction
        assert bars - open_ends - 5 < have <= bars - open_ends
    fits = materializations(result, "models/direction")
    first, last = (fits[each].metadata["details"].data for each in (FIRST, LAST))
    assert first["status"] == "no_model"
    assert first["reason"] == "No window lies before this one."
    assert last["rows"] == 305.0


def test_a_run_of_one_partition_sets_a_data_version_that_an_unchanged_rerun_keeps(world, instance):
    versions = []
    for _ in range(2):
        result = run_job(world, instance, "bars_to_predictions", LAST)
        assert result.success
        versions.append(
            {
                asset: data_version(materializations(result, asset)[LAST])
                for asset in ("bars", "features/core", "models/direction", "predictions/direction")
            }
        )
    assert versions[0] == versions[1]
    assert len(set(versions[0].values())) == 4
    stored = world.workspace.bars.newest_attempts("AAPL_1d")["2003-01-01"].content_hash
    assert versions[0]["bars"] == stored[:32]


def test_a_backtest_shows_the_numbers_of_its_row(world, instance):
    result = run_job(world, instance, "backtests", "AAPL_1d|sma_crossover")
    (only,) = materializations(result, "backtest").values()
    (row,) = [r for r in world.workspace.results.newest() if r["scenario"] == "sma_crossover"]
    shown, details = only.metadata, only.metadata["details"].data
    for name in ("sharpe", "total_return", "max_drawdown", "trade_count"):
        assert shown[name].value == row[name]
    assert details["final_equity"] == row["final_equity"]
    assert details["bars_hash"] == row["bars_hash"][:12]
    assert details["changed"] is False
    assert f"| Trades | {row['trade_count']} |" in shown["metrics"].value
    assert shown["equity"].value.startswith("![Equity and drawdown](data:image/svg+xml;base64,")
    assert len(shown["equity"].value) < 20_000


def test_pages_are_linked_and_are_there(world, instance):
    result = run_job(world, instance, "reports")
    (only,) = materializations(result, "leaderboard").values()
    assert only.metadata["page"] == dg.MetadataValue.url("http://127.0.0.1:8321/index.html")
    assert only.metadata["details"].value["page_served_by"] == "trading-pipeline reports serve"
    text = (world.runtime / "output/reports/index.html").read_text("utf-8")
    for row in world.workspace.results.newest():
        assert f"{row['result_id']}.html" in text
        assert (world.runtime / f"output/reports/{row['result_id']}.html").exists()


def test_links_of_pages_start_with_the_address_of_the_environment(world, instance, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_REPORTS_URL", "https://research.example/pages/")
    result = run_job(world, instance, "reports")
    (only,) = materializations(result, "leaderboard").values()
    assert only.metadata["page"].value == "https://research.example/pages/index.html"


def test_events_stay_small(world, instance):
    run = run_job(world, instance, "bars_to_predictions", FIRST, LAST).run_id
    events = instance.all_logs(run, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    sizes = [len(dg.serialize_value(event)) for event in events]
    assert sum(sizes) / len(sizes) < 3_000
    assert max(sizes) < 4_500


def test_a_schema_names_type_and_meaning_of_each_column():
    schema = column_schema({"close": ("DOUBLE", "as traded")})["dagster/column_schema"]
    assert schema == dg.TableSchema([dg.TableColumn("close", "DOUBLE", "as traded")])


@pytest.mark.parametrize("asset", ["bars", "features/core", "models/direction", "backtest"])
def test_the_columns_that_are_promised_are_those_that_are_stored(world, asset):
    node = world.definitions().resolve_asset_graph().get(dg.AssetKey(asset.split("/")))
    promised = [column.name for column in node.metadata["dagster/column_schema"].columns]
    if asset == "bars":
        stored = [n for n, *_ in world.rows("DESCRIBE bars")]
    else:
        key = "AAPL_1d|sma_crossover" if asset == "backtest" else LAST
        row = world.workspace.artifacts.newest([asset])[asset, key]
        stored = ["ts", *row.columns.split(",")]
    assert promised == stored
