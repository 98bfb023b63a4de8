"""Tests of the variance of trials, and of trials that are called invalid."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.storage.stores.kept_rows import KeptRows
from trading_pipeline.storage.stores.row_tables import fetch_rows
from trading_pipeline.storage.stores.sharpe_variance import ENOUGH_TRIALS
from trading_pipeline.storage.stores.trial_ledger import TrialLedger
from trading_pipeline_tests.storage.stores.test_trial_ledger import variant


@pytest.fixture
def ledger(warehouse) -> TrialLedger:
    return TrialLedger(warehouse)


def trials_of(instrument: str, ratios) -> list[dict]:
    return [
        variant(f"p{number}", instrument=instrument, sharpe=float(ratio))
        for number, ratio in enumerate(ratios)
    ]


def test_an_empty_ledger_has_no_variance_and_says_why(ledger):
    found = ledger.sharpe_variance("AAPL_1d")
    assert (found.value, found.trials) == (None, 0)
    assert found.basis == ("no instrument has two trials to compare (AAPL_1d has 0, fewer than 20)")
    ledger.append([variant("p1"), variant("p1", instrument="IBM_1d", sharpe=2.0)])
    assert ledger.sharpe_variance("AAPL_1d").value is None  # one each: nothing to compare


def test_an_instrument_with_enough_trials_is_judged_by_its_own(ledger):
    ratios = np.random.default_rng(5).normal(0.5, 0.3, ENOUGH_TRIALS)
    ledger.append(trials_of("AAPL_1d", ratios) + trials_of("IBM_1d", [-3.0, 3.0]))
    found = ledger.sharpe_variance("AAPL_1d")
    assert found.value == pytest.approx(statistics.variance(ratios))
    assert (found.trials, found.basis) == (20, "the 20 trials of AAPL_1d itself")
    other = ledger.sharpe_variances(["AAPL_1d", "IBM_1d"])["IBM_1d"]
    assert other.trials == 22
    assert other.basis == (
        "22 trials within 2 instruments of the timeframe 1d, each measured from its "
        "instrument's mean (IBM_1d has 2, fewer than 20)"
    )


def test_differences_between_instruments_are_no_luck_of_the_search(ledger):
    ledger.append(trials_of("AAPL_1d", [0.9, 1.1]) + trials_of("IBM_1d", [-0.1, 0.1]))
    found = ledger.sharpe_variance("AAPL_1d")
    assert found.value == pytest.approx(0.02)  # squares 4 * 0.01, two degrees of freedom
    assert statistics.variance([0.9, 1.1, -0.1, 0.1]) > 0.3  # what pooling over all would say


def test_instruments_of_other_timeframes_are_asked_only_where_the_own_has_none(ledger):
    ledger.append(trials_of("AAPL_1d", [0.9, 1.1]) + trials_of("BTC-USDT_1h", [-4.0, 4.0]))
    assert ledger.sharpe_variance("IBM_1d").value == pytest.approx(0.02)
    assert ledger.sharpe_variance("ETH-USDT_1h").value == pytest.approx(32.0)
    found = ledger.sharpe_variance("ETH-USDT_5m")
    assert found.value == pytest.approx((32.0 + 0.02) / 2)
    assert "of every timeframe" in found.basis


def test_each_trial_counts_with_its_newest_evaluation_and_only_if_it_is_defined(ledger):
    ledger.append([*trials_of("AAPL_1d", [9.0, 1.0]), variant("p7", sharpe=float("nan"))])
    ledger.append([variant("p0", sharpe=0.0, bars_hash="b2")])
    found = ledger.sharpe_variance("AAPL_1d")
    assert (found.value, found.trials) == (pytest.approx(0.5), 2)


def test_a_study_has_a_variance_of_its_own(ledger):
    ledger.append(trials_of("AAPL_1d", [1.0, 3.0]))
    ledger.append([variant("p9", study="", fold="scenario", sharpe=50.0)])
    own = ledger.own_variance("sma_grid", "AAPL_1d")
    assert (own.value, own.trials) == (pytest.approx(2.0), 2)
    assert own.basis == "the 2 trials of the study 'sma_grid' on AAPL_1d"
    assert ledger.own_variance("none", "AAPL_1d").value is None


def test_an_invalid_trial_counts_and_no_longer_feeds_the_variance(ledger, warehouse):
    ledger.append(trials_of("AAPL_1d", [7.21, 0.4, 0.6]))
    before = ledger.count()
    assert ledger.invalidate([1], reason=" reads the next bar ") == 1
    assert ledger.count() == before == 3
    found = ledger.sharpe_variance("AAPL_1d")
    assert (found.value, found.trials) == (pytest.approx(0.02), 2)
    with warehouse.read() as connection:
        rows = fetch_rows(connection, "SELECT * FROM trials ORDER BY seq")
    assert [row["trial_no"] for row in rows] == [1, 2, 3, 4]
    assert (rows[0]["status"], rows[0]["reason"]) == ("ok", None)  # the record stands
    last = rows[3]
    assert (last["status"], last["reason"], last["refers_to"]) == (
        "invalid",
        "reads the next bar",
        1,
    )
    assert last["parameters_hash"] == "p0"
    assert ledger.verify().faults == ()


def test_a_trial_is_called_invalid_once_and_by_any_of_its_rows(ledger):
    ledger.append([variant("p1"), variant("p1", bars_hash="b2"), variant("p2")])
    assert ledger.invalidate([1, 2, 2], reason="wrong data") == 1
    assert ledger.invalidate([1], reason="again") == 0
    assert ledger.invalidate([4], reason="its own row") == 0
    assert ledger.invalidate([], reason="none") == 0
    assert [row["trial_no"] for row in ledger.listed(status="invalid")] == [4]


def test_the_same_evaluation_stays_invalid_and_one_by_other_code_is_valid_again(ledger):
    ledger.append(trials_of("AAPL_1d", [5.0, 1.0, 2.0]))
    ledger.invalidate([1], reason="reads the next bar")
    assert ledger.append([variant("p0", sharpe=5.0)]) == 0
    assert ledger.sharpe_variance("AAPL_1d").trials == 2
    ledger.append([variant("p0", sharpe=1.5, code_hash="repaired")])
    assert ledger.sharpe_variance("AAPL_1d").trials == 3
    assert ledger.count() == 3


def test_the_trials_of_a_study_say_which_were_called_invalid(ledger):
    ledger.append([variant("p1", fold="e1"), variant("p2", fold="e1")])
    ledger.invalidate([2], reason="wrong data")
    found = ledger.of_study("sma_grid", "AAPL_1d", fold="e1")
    assert [(r["trial_no"], r["status"], r["reason"]) for r in found] == [
        (1, "ok", None),
        (2, "invalid", "wrong data"),
    ]


def test_results_of_invalid_trials_are_known_by_id(ledger):
    ledger.append([variant("p1", result_id="abc"), variant("p2", result_id="def"), variant("p3")])
    assert ledger.invalid_results() == {}
    ledger.invalidate([1, 3], reason="wrong data")
    assert ledger.invalid_results() == {"abc": "wrong data"}


def test_a_reason_and_a_known_number_are_needed(ledger):
    with pytest.raises(UnknownNameError, match="no trial 1; it has none yet"):
        ledger.invalidate([1], reason="wrong data")
    ledger.append([variant("p1"), variant("p2")])
    with pytest.raises(ConfigurationError, match="for a reason, but none was given"):
        ledger.invalidate([1], reason="  ")
    with pytest.raises(UnknownNameError, match="no trial 7, 8; it has trials 1 to 2"):
        ledger.invalidate([1, 8, 7], reason="wrong data")
    assert ledger.listed(status="invalid") == []


@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_for_a_batch_is_what_the_ledger_says_after_each_row(warehouse, seed):
    random = np.random.default_rng(seed)
    names = ["AAPL_1d", "IBM_1d", "ETH-USDT_1h"]
    kept = TrialLedger(warehouse, KeptRows(names[:2]))
    assert kept.count() == 0
    for step in range(30):
        if step and random.random() < 0.2:
            kept.invalidate([int(random.integers(1, kept.count() + 1))], reason="a wrong price")
        else:
            settings = random.choice(["s1", "s2"]) if random.random() < 0.6 else None
            kept.append(
                [
                    variant(
                        f"p{random.integers(4)}",
                        instrument=str(random.choice(names)),
                        sharpe=float(random.choice([np.nan, *random.normal(size=3)])),
                        settings_hash=settings,
                        study=str(random.choice(["", "grid"])),
                        bars_hash=f"b{step}",
                    )
                    for _ in range(random.integers(1, 4))
                ]
            )
        if random.random() < 0.5:
            continue  # several writes before the next question
        anew = TrialLedger(warehouse)
        assert kept.count() == anew.count() == sum(anew.count(instrument=name) for name in names)
        assert kept.count(study="grid") == anew.count(study="grid")
        assert kept.sharpe_variances(names) == anew.sharpe_variances(names)


def test_a_new_trial_does_not_make_a_batch_read_the_whole_ledger_again(warehouse):
    ledger = TrialLedger(warehouse, KeptRows(["AAPL_1d"]))
    ledger.append(trials_of("AAPL_1d", range(3)) + trials_of("IBM_1d", range(5)))
    assert ledger.count() == 8
    with warehouse.write() as connection:  # behind its back: what is not read again stays
        connection.execute("DELETE FROM trials WHERE instrument = 'IBM_1d'")
    ledger.append(trials_of("AAPL_1d", range(4)))
    assert ledger.count() == 9
