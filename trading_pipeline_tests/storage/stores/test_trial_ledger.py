"""Tests of the ledger of trials: append-only, numbered, each evaluation once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import UnknownNameError, WarehouseError
from trading_pipeline.storage.stores.row_tables import fetch_rows
from trading_pipeline.storage.stores.trial_ledger import TrialLedger
from trading_pipeline.storage.warehouse import Warehouse


@pytest.fixture
def ledger(warehouse) -> TrialLedger:
    return TrialLedger(warehouse)


def trial(parameters_hash: str = "p1", **changes) -> dict:
    return {
        "study": "sma_grid",
        "instrument": "AAPL_1d",
        "strategy": "sma_crossover",
        "parameters_hash": parameters_hash,
        "parameters": {"fast": 5, "slow": 20},
        "bars_hash": "b1",
        "code_hash": "c1",
        "fold": None,
        "sharpe": 0.5,
        "bars": 250,
        "metric": "sharpe",
        "value": 0.5,
        "status": "ok",
        "run_id": "run",
        **changes,
    }


def variant(parameters_hash: str = "p1", **changes) -> dict:
    """A trial that says under which settings, dates and model specs it was made."""
    known = {"settings_hash": "s1", "dates": "2004-01-01/..", "model_hash": "m1"}
    return trial(parameters_hash, **{**known, **changes})


def rows(warehouse: Warehouse) -> list[dict]:
    with warehouse.read() as connection:
        return fetch_rows(connection, "SELECT * FROM trials ORDER BY trial_no")


def test_trials_are_numbered_on_from_the_last(ledger, warehouse):
    assert ledger.append([trial("p1"), trial("p2")]) == 2
    assert ledger.append([trial("p3", trial_no=77)]) == 1
    assert [(r["trial_no"], r["parameters_hash"]) for r in rows(warehouse)] == [
        (1, "p1"),
        (2, "p2"),
        (3, "p3"),
    ]
    assert all(r["created_at"] is not None for r in rows(warehouse))


def test_the_same_evaluation_is_one_row_within_a_batch_and_later(ledger, warehouse):
    assert ledger.append([trial(), trial(run_id="other", value=9.0)]) == 1
    assert ledger.append([trial(run_id="later")]) == 0
    (row,) = rows(warehouse)
    assert (row["run_id"], row["value"]) == ("run", 0.5)  # what was recorded first stands


@pytest.mark.parametrize(
    "name",
    [
        *("study", "instrument", "strategy", "parameters_hash", "bars_hash", "code_hash", "fold"),
        *("settings_hash", "dates", "model_hash", "predictions_hash"),
    ],
)
def test_another_identity_is_another_row(ledger, warehouse, name):
    ledger.append([trial()])
    assert ledger.append([trial(**{name: "other"})]) == 1
    assert len(rows(warehouse)) == 2


@pytest.mark.parametrize("fold", [0, 1, "0", "2012-01-01", None, ""])
def test_every_kind_of_fold_is_recognized_again(ledger, fold):
    assert ledger.append([trial(fold=fold)]) == 1
    assert ledger.append([trial(fold=fold)]) == 0


def test_fold_zero_is_not_the_evaluation_without_folds(ledger):
    assert ledger.append([trial(fold=0), trial(fold=None)]) == 2


def test_count_is_of_distinct_strategies_parameters_and_instruments(ledger):
    assert ledger.count() == 0
    ledger.append([trial("p1"), trial("p2"), trial("p1", instrument="IBM_1d")])
    assert ledger.count() == 3
    again = [
        trial("p1", bars_hash="b2"),
        trial("p1", code_hash="c2"),
        trial("p1", fold="2012-01-01"),
        trial("p1", study="other"),
    ]
    assert ledger.append(again) == 4  # more rows, not more trials
    assert ledger.count() == 3
    ledger.append([trial("p1", strategy="rsi")])
    assert ledger.count() == 4


@pytest.mark.parametrize("name", ["settings_hash", "dates", "model_hash"])
def test_other_settings_dates_and_model_specs_are_other_trials(ledger, name):
    ledger.append([variant(**{name: f"v{number}"}) for number in range(40)])
    assert ledger.count() == 40


@pytest.mark.parametrize(
    "name", ["bars_hash", "code_hash", "predictions_hash", "fold", "study", "run_id", "result_id"]
)
def test_new_bars_code_refits_and_names_are_no_other_trials(ledger, name):
    ledger.append([variant(**{name: f"v{number}"}) for number in range(5)])
    assert ledger.count() == 1


def test_rows_without_settings_count_as_before_until_they_are_evaluated_again(ledger):
    ledger.append([trial("p1"), trial("p2"), trial("p1", fold="other scenario")])
    assert ledger.count() == 2
    ledger.append([variant("p1")])  # the same variant, now with its settings
    assert ledger.count() == 2
    ledger.append([variant("p1", settings_hash="a tighter stop")])
    assert ledger.count() == 3
    ledger.append([variant("p2"), variant("p3")])
    assert ledger.count() == 4


def test_trials_of_a_study_can_be_counted_alone(ledger):
    ledger.append([variant("p1"), variant("p2"), variant("p1", study="", fold="scenario")])
    ledger.append([variant("p1", instrument="IBM_1d"), variant("p9", study="other")])
    assert ledger.count() == 4
    assert ledger.count(study="sma_grid") == 3
    assert ledger.count(study="sma_grid", instrument="AAPL_1d") == 2
    assert ledger.count(instrument="IBM_1d") == 1
    assert ledger.count(study="none") == 0


def test_trials_of_a_study_are_those_of_one_evaluation_in_order(ledger):
    ledger.append(
        [
            trial("p2", fold="e1"),
            trial("p1", fold="e1"),
            trial("p3", fold="e2"),
            trial("p3", fold=None),
            trial("p1", fold="e1", instrument="IBM_1d"),
            trial("p1", fold="e1", study="other"),
        ]
    )
    found = ledger.of_study("sma_grid", "AAPL_1d", fold="e1")
    assert [r["parameters_hash"] for r in found] == ["p2", "p1"]
    assert found[0]["parameters"] == '{"fast": 5, "slow": 20}'
    assert ledger.of_study("none", "AAPL_1d", fold="e1") == []
    assert ledger.of_study("sma_grid", "AAPL_1d", fold="e") == []


def test_a_batch_is_appended_whole_or_not_at_all(ledger, warehouse):
    with pytest.raises(WarehouseError, match="no column colour"):
        ledger.append([trial("p1"), trial("p2", colour="red")])
    assert rows(warehouse) == []
    ledger.append([trial("p1")])
    assert rows(warehouse)[0]["trial_no"] == 1


def test_nothing_to_append_opens_nothing(ledger, warehouse):
    assert ledger.append([]) == 0
    assert not warehouse.path.exists()


def test_hostile_values_are_values(ledger):
    name = "x']); DROP TABLE trials; --"
    assert ledger.append([trial(name, study=name)]) == 1
    assert ledger.append([trial(name, study=name)]) == 0


batches = st.lists(
    st.lists(
        st.builds(
            lambda parameters, fold, study: trial(parameters, fold=fold, study=study),
            st.sampled_from(["p1", "p2", "p3"]),
            st.sampled_from([None, 0, 1]),
            st.sampled_from(["s", "t"]),
        ),
        max_size=6,
    ),
    max_size=4,
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches)
def test_any_batches_leave_each_evaluation_once_with_unbroken_numbers(tmp_path, found):
    warehouse = Warehouse(tmp_path / "any.duckdb")
    warehouse.path.unlink(missing_ok=True)
    ledger = TrialLedger(warehouse)
    added = sum(ledger.append(batch) for batch in found)
    keys = {(t["study"], t["parameters_hash"], t["fold"]) for batch in found for t in batch}
    assert added == len(keys) == len(rows(warehouse))
    assert [r["trial_no"] for r in rows(warehouse)] == list(range(1, added + 1))
    assert ledger.count() == len({key[1] for key in keys})


def test_two_appends_at_once_leave_one_chain(tmp_path):
    path = tmp_path / "shared.duckdb"

    def add(study: str) -> int:
        ledger = TrialLedger(Warehouse(path))
        return sum(ledger.append([variant(f"p{number}", study=study)]) for number in range(4))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(add, ["a", "b"])) == [4, 4]
    ledger = TrialLedger(Warehouse(path))
    assert [row["seq"] for row in rows(Warehouse(path))] == list(range(1, 9))
    assert ledger.verify().faults == ()
    assert ledger.count() == 4


def test_rows_can_be_listed_by_what_they_are_about(ledger):
    ledger.append([variant("p1"), variant("p2", instrument="IBM_1d"), variant("p3", study="t")])
    assert [r["trial_no"] for r in ledger.listed()] == [1, 2, 3]
    assert [r["trial_no"] for r in ledger.listed(last=2)] == [2, 3]
    assert [r["trial_no"] for r in ledger.listed(instrument="IBM_1d")] == [2]
    assert [r["trial_no"] for r in ledger.listed(study="t", strategy="sma_crossover")] == [3]
    assert ledger.listed(status="invalid") == []


def test_a_trial_is_shown_with_all_of_its_evaluations(ledger):
    ledger.append([variant("p1"), variant("p2"), variant("p1", bars_hash="b2")])
    ledger.invalidate([1], reason="wrong data")
    assert [r["trial_no"] for r in ledger.rows_about(3)] == [1, 3, 4]
    with pytest.raises(UnknownNameError, match="no trial 9; it has trials 1 to 4"):
        ledger.rows_about(9)
