"""The resources: the warehouse's transactions, sources by name."""

import duckdb
import pytest

from trading_pipeline.defs import resources
from trading_pipeline.defs.resources import MarketDataResource, WarehouseResource
from trading_pipeline.errors import UnknownNameError, WarehouseBusy
from trading_pipeline_tests.pipeline_world import FILES, run_job


@pytest.fixture
def resource(fresh_world):
    return WarehouseResource(database="warehouse.duckdb", wait_seconds=0.2)


def rows(resource):
    with resource.open().read() as connection:
        return connection.execute("SELECT instrument FROM bars").fetchall()


def test_a_connection_commits_at_the_end_of_the_block(resource):
    with resource.get_connection() as connection:
        connection.execute("INSERT INTO bars (instrument) VALUES ('A_1d')")
    assert rows(resource) == [("A_1d",)]


def write_a_bar_and_fail(resource):
    with resource.get_connection() as connection:
        connection.execute("INSERT INTO bars (instrument) VALUES ('A_1d')")
        connection.execute("INSERT INTO bars (open) VALUES ('no number')")


def test_a_connection_keeps_nothing_of_a_block_that_fails(resource):
    with pytest.raises(duckdb.ConversionException):
        write_a_bar_and_fail(resource)
    assert rows(resource) == []


def test_a_connection_holds_the_lock_of_the_package(resource):
    other = WarehouseResource(database="warehouse.duckdb", wait_seconds=0.1)
    with (
        resource.get_connection(),
        pytest.raises(WarehouseBusy, match=r"within 0\.1 s"),
        other.get_connection(),
    ):
        pass


def test_the_file_lies_in_the_runtime_folder(resource, fresh_world):
    assert resource.open().path == fresh_world.runtime.resolve() / "warehouse.duckdb"


def test_sources_are_found_by_name():
    assert MarketDataResource().client("bundled").name == "bundled"
    with pytest.raises(UnknownNameError, match="'bundled'"):
        MarketDataResource().client("bundeld")


def test_a_run_reads_the_files_of_the_catalog_once(world, instance, monkeypatch):
    read = []
    real = resources.load_catalog
    monkeypatch.setattr(
        resources, "load_catalog", lambda *given, **named: read.append(1) or real(*given, **named)
    )
    result = run_job(world, instance, "bars_to_predictions", "AAPL_1d|2003-01-01")
    assert result.success
    assert len(read) == 1


def test_the_runs_of_a_pass_use_its_workspace(world, monkeypatch):
    monkeypatch.setattr(resources, "load_catalog", None)
    text = FILES["scenarios/sma_crossover.yaml"].replace("commission_bps: 10", "commission_bps: 2")
    world.write("scenarios/sma_crossover.yaml", text)
    full_pass = world.full_pass()
    assert full_pass.backtest("AAPL_1d", "sma_crossover")
    (row,) = world.rows("SELECT run_id FROM backtest_results ORDER BY created_at DESC LIMIT 1")
    assert row == (full_pass.runner.runs[0].run_id,)
