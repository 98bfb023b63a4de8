"""The newest row is the one written last, whatever the clock said meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.storage import row_order, schema
from trading_pipeline.storage.stores import artifacts, models, reference, results
from trading_pipeline.storage.stores.bars import BarStore
from trading_pipeline.storage.stores.trial_ledger import TrialLedger
from trading_pipeline.storage.trial_chain import add_chain
from trading_pipeline.storage.warehouse import Warehouse
from trading_pipeline_tests.storage.stores.test_fetch_attempts import YEARS, attempt, finding
from trading_pipeline_tests.storage.stores.test_results import result, trade
from trading_pipeline_tests.storage.stores.test_trial_ledger import variant

NOW = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def set_clock(monkeypatch):
    """Sets the clock of the stores."""

    def set_(moment: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return moment

        for module in (artifacts, results, reference):
            monkeypatch.setattr(module, "datetime", Clock)

    return set_


def artifact(run_id: str) -> artifacts.Artifact:
    return artifacts.Artifact(
        asset="backtest",
        partition="AAPL_1d|mine",
        status="ok",
        input_hash=run_id,
        code_hash="c",
        run_id=run_id,
    )


def test_the_result_of_an_edited_scenario_is_the_newest_after_the_clock_was_set_back(
    warehouse, set_clock
):
    store = results.ResultStore(warehouse)
    for day, name in ((9, "before"), (2, "after")):
        set_clock(NOW + timedelta(days=day))
        store.save(result(name), {"sharpe": 1.0}, [trade(1)], [])
    assert [row["result_id"] for row in store.newest()] == ["after"]


def test_a_scenario_that_is_as_it_was_again_shows_its_first_result_again(warehouse):
    store = results.ResultStore(warehouse)
    for name in ("first", "edited", "first"):
        store.save(result(name), {"sharpe": 1.0}, [trade(1)], [])
    assert [row["result_id"] for row in store.newest()] == ["first"]
    assert len(store.ids()) == 2


def test_an_artifact_written_after_a_step_back_is_the_valid_one(warehouse, tmp_path, set_clock):
    store = artifacts.ArtifactStore(warehouse, tmp_path)
    for day, name in ((9, "before"), (2, "after")):
        set_clock(NOW + timedelta(days=day))
        store.record([artifact(name)])
    assert store.newest(["backtest"])["backtest", "AAPL_1d|mine"].run_id == "after"
    assert [each.run_id for each in store.all_newest()] == ["after"]
    assert store.made_by("backtest") == ["before", "after"]


def test_a_refetch_after_a_step_back_is_the_newest_and_its_findings_count(warehouse):
    store = BarStore(warehouse)
    store.log_attempt(attempt(YEARS[0], minute=60), [finding("spike", "ERROR")])
    store.log_attempt(attempt(YEARS[0], minute=1, score=0.5), [finding("coverage")])
    assert store.newest_attempts("X_1d")["2011-01-01"].run_id == "run-1"
    assert [f["check_name"] for f in store.findings("X_1d")["2011-01-01"]] == ["coverage"]
    with warehouse.read() as connection:
        found = connection.execute("SELECT score, errors, warnings FROM window_quality").fetchall()
    assert found == [(0.5, 0, 1)]


def test_findings_of_two_attempts_at_one_moment_are_kept_apart(warehouse):
    store = BarStore(warehouse)
    store.log_attempt(attempt(YEARS[0]), [finding("spike", "ERROR")])
    store.log_attempt(attempt(YEARS[0]), [finding("coverage")])
    assert [f["check_name"] for f in store.findings("X_1d")["2011-01-01"]] == ["coverage"]


def test_an_answer_without_data_from_after_now_does_not_keep_the_source_from_being_asked(warehouse):
    store = BarStore(warehouse)
    asked = attempt(YEARS[0], "no_data")
    until = asked.fetched_at + timedelta(days=1)
    store.log_attempt(replace(asked, expires_at=until))
    hour = timedelta(hours=1)
    assert store.negative_answers("X_1d", asked.fetched_at + hour)
    assert not store.negative_answers("X_1d", asked.fetched_at - hour)  # the clock was set back
    assert not store.negative_answers("X_1d", until)


def test_every_store_numbers_its_rows(warehouse, make_bars):
    actions = [
        CorporateAction(
            instrument="X_1d",
            ex_date=date(2011, 5, day),
            kind="split",
            value=2.0,
            source="s",
            seen_at=NOW,
        )
        for day in (2, 3)
    ]
    reference.ReferenceStore(warehouse).save_actions("X_1d", actions)
    store = models.ModelStore(warehouse)
    store.save([{"model_id": "m1"}, {"model_id": "m2"}])
    store.save([{"model_id": "m2"}, {"model_id": "m3"}])
    bars = make_bars(3, start="2011-03-01")
    BarStore(warehouse).reject_window(bars, attempt(YEARS[0], "rejected"), ())
    for table, rows in (("corporate_actions", 2), ("models", 3), ("bars_rejected", 3)):
        with warehouse.read() as connection:
            found = connection.execute(f"SELECT seq FROM {table} ORDER BY seq").fetchall()
        assert found == [(place,) for place in range(1, rows + 1)], table


@pytest.fixture
def old_warehouse(tmp_path) -> Warehouse:
    """A file of schema version 4; its clock was set back between two rows of each table."""
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        for version in (1, 2, 3):
            connection.execute(schema._MIGRATIONS[version])
        add_chain(connection)
        connection.execute("INSERT INTO schema_version VALUES (4, now())")
        for day, name in ((5, "late"), (3, "early"), (5, "last")):
            connection.execute(
                'INSERT INTO artifacts (asset, "partition", run_id, input_hash, code_hash, '
                "status, rows, columns, created_at) VALUES ('a', 'p', ?, 'i', 'c', 'ok', 0, '', ?)",
                [name, f"2024-01-0{day}"],
            )
            connection.execute(
                "INSERT INTO backtest_results (result_id, scenario, instruments, created_at) "
                "VALUES (?, 's', 'X_1d', ?)",
                [name, f"2024-01-0{day}"],
            )
            connection.execute(
                'INSERT INTO fetch_log (instrument, "window", source, requested_from, '
                "requested_to, fetched_at, rows, state, status, run_id) VALUES ('X_1d', "
                "'2011-01-01', 't', '2011-01-01', '2012-01-01', ?, 3, 'FINAL', 'ok', ?)",
                [f"2024-01-0{day}", name],
            )
        for _ in range(2):  # equal findings were kept twice
            connection.execute(
                'INSERT INTO quality_findings (instrument, "window", check_name, severity, '
                "found_at) VALUES ('X_1d', '2011-01-01', 'spike', 'WARN', '2024-01-05')"
            )
    return Warehouse(path)


def test_rows_of_an_older_warehouse_keep_the_order_that_they_had(old_warehouse, tmp_path):
    stored = results.ResultStore(old_warehouse)
    assert stored.ids() == ["early", "late", "last"]
    assert artifacts.ArtifactStore(old_warehouse, tmp_path).newest(["a"])["a", "p"].run_id == "last"
    assert BarStore(old_warehouse).newest_attempts("X_1d")["2011-01-01"].run_id == "last"
    assert len(BarStore(old_warehouse).findings("X_1d")["2011-01-01"]) == 1
    assert stored.examined("last")[1] == ""  # nobody hashed its rows


@pytest.mark.parametrize("first", ["result", "trial", "artifact", "attempt"])
def test_the_first_write_after_an_upgrade_may_be_of_any_store(old_warehouse, tmp_path, first):
    with old_warehouse.write():
        if first == "result":
            new = {"sharpe": 1.0, "a_new_metric": 2.0}
            assert results.ResultStore(old_warehouse).save(result("new"), new, [trade(1)], [])
        elif first == "trial":
            assert TrialLedger(old_warehouse).append([variant("p1")]) == 1
        elif first == "artifact":
            artifacts.ArtifactStore(old_warehouse, tmp_path).record([artifact("new")])
        else:
            BarStore(old_warehouse).log_attempt(attempt(YEARS[0]), [finding("spike")])
    with old_warehouse.read() as connection:
        rows = connection.execute("SELECT max(seq) FROM fetch_log").fetchall()[0][0]
    assert rows == 3 + (first == "attempt")


def test_every_table_of_which_rows_are_chosen_by_order_has_seq(warehouse):
    by_content = {"bars", "trades", "daily_results", "schema_version"}
    with warehouse.read() as connection:
        found = connection.execute(
            "SELECT table_name FROM duckdb_columns() WHERE column_name = 'seq'"
        ).fetchall()
    numbered = {name for (name,) in found} & set(schema.TABLES)
    assert numbered == set(schema.TABLES) - by_content
    assert set(row_order.ORDERED_TABLES) < set(schema.TABLES)
