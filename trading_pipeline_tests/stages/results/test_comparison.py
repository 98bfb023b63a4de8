"""What keeps two results from being compared is said beside their numbers."""

from datetime import UTC, datetime

import pytest

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.stages.results.comparison import compared_results
from trading_pipeline.storage.stores.result_queries import ResultQueries
from trading_pipeline.storage.stores.results import ResultStore
from trading_pipeline.storage.stores.row_tables import insert_rows

CURRENCIES = {"AAPL_1d": "USD", "SAP_1d": "EUR"}


@pytest.fixture
def queries(warehouse):
    for number, (result_id, instruments) in enumerate(
        {"a1": "AAPL_1d", "b1": "SAP_1d", "c1": "AAPL_1d", "d1": "GONE_1d"}.items()
    ):
        row = {
            "result_id": result_id,
            "scenario": "cross",
            "instruments": instruments,
            "from_ts": datetime(2012, 1, 2, tzinfo=UTC),
            "to_ts": datetime(2013, 1, 2, tzinfo=UTC),
        }
        metrics = {"sharpe": 1.0 + number, "periods_per_year": 252.0}
        assert ResultStore(warehouse).save(row, metrics, [], [])
    rows = [{"instrument": name, "currency": each} for name, each in CURRENCIES.items()]
    with warehouse.write() as connection:
        insert_rows(connection, "instruments", rows)
    return ResultQueries(warehouse)


def test_other_currencies_and_instruments_are_named(queries, tmp_path):
    told = compared_results(queries, tmp_path, ["a1", "b1"])
    assert told.metrics["sharpe"] == [1.0, 2.0]
    assert told.differences["sharpe"] == [0.0, 1.0]
    assert told.differences["cagr"] == [None, None]
    assert told.notes == [
        "The currencies differ, so amounts of money cannot be compared: a1: USD; b1: EUR.",
        "The instruments differ, so a difference may be that of the markets: a1: AAPL_1d; "
        "b1: SAP_1d.",
    ]
    assert told.settings == {}  # these are from before scenarios were stored


def test_results_of_the_same_market_and_span_need_no_note(queries, tmp_path):
    assert compared_results(queries, tmp_path, ["a1", "c1"]).notes == []
    assert "d1: unknown" in compared_results(queries, tmp_path, ["a1", "d1"]).notes[0]


@pytest.mark.parametrize("given", [[], ["a1"], ["a1", "a"]])
def test_fewer_than_two_results_are_refused(queries, tmp_path, given):
    with pytest.raises(ConfigurationError, match="Give two or more, each once"):
        compared_results(queries, tmp_path, given)
