"""Study summaries, tear sheets and the leaderboard."""

import json
import math
import statistics

import pytest

from trading_pipeline import code_identity
from trading_pipeline.code_identity import SourceTree, read_text
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.performance.sharpe_statistics import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
)
from trading_pipeline.performance.student_t import student_probability
from trading_pipeline.reporting.page.plain_warnings import verdict
from trading_pipeline.stages.backtests.study import TrialStage, study_summary
from trading_pipeline.stages.reports.leaderboard import (
    equity_curves,
    judged_rows,
    leaderboard_rows,
)
from trading_pipeline.storage.parquet_files import read_frame
from trading_pipeline_tests.pipeline_world import FILES
from trading_pipeline_tests.stage_calls import (
    leaderboard_is_pending,
    materialize_leaderboard,
    materialize_summary,
    materialize_tearsheet,
    materialize_trials,
    study_is_pending,
    tearsheet_is_pending,
)

STUDY = FILES["studies/sma_grid.yaml"]


def test_the_summary_tells_best_median_and_worst_of_all_trials(world):
    trials = world.rows(
        "SELECT value, parameters, trial_no FROM trials WHERE study = 'sma_grid' ORDER BY value"
    )
    values = [value for value, _, _ in trials]
    summary = study_summary(world.workspace, "AAPL_1d", "sma_grid")
    assert summary["trials"] == 7
    assert summary["best_value"] == values[-1]
    assert summary["worst_value"] == values[0]
    assert summary["median_value"] == statistics.median(values)
    assert json.loads(summary["best_parameters"]) == json.loads(trials[-1][1])
    assert summary["best_trial_no"] == trials[-1][2]


def test_the_median_of_an_even_number_of_trials_lies_between_the_middle_two(world):
    world.write("studies/sma_grid.yaml", STUDY.replace("[10, 40, 10]", "[20, 30, 10]"))
    materialize_trials(world.workspace, "AAPL_1d", "sma_grid")
    materialize_summary(world.workspace, "AAPL_1d", "sma_grid")
    fold = world.value("SELECT fold FROM trials ORDER BY trial_no DESC LIMIT 1")
    values = [v for (v,) in world.rows("SELECT value FROM trials WHERE fold = ?", fold)]
    assert len(values) == 4
    summary = study_summary(world.workspace, "AAPL_1d", "sma_grid")
    assert summary["median_value"] == statistics.median(values)


def test_trials_in_which_nothing_was_traded_have_no_value_and_are_counted(world):
    text = STUDY.replace("{values: [5, 10]}", "{values: [970, 971]}").replace(
        "[10, 40, 10]", "[980, 990, 10]"
    )
    world.write("studies/sma_grid.yaml", text)
    assert study_is_pending(world.workspace, "AAPL_1d", "sma_grid")
    assert materialize_trials(world.workspace, "AAPL_1d", "sma_grid").rows == 4
    outcome = materialize_summary(world.workspace, "AAPL_1d", "sma_grid")
    assert outcome.metadata["trials"] == 4
    rows = world.rows("SELECT status, value FROM trials ORDER BY trial_no DESC LIMIT 4")
    assert {status for status, _ in rows} == {"undefined"}
    nothing = study_summary(world.workspace, "AAPL_1d", "sma_grid")
    assert nothing["best"] is None
    assert "pbo" not in nothing


def test_a_study_is_pending_after_a_change_of_its_scenario(world):
    assert not study_is_pending(world.workspace, "AAPL_1d", "sma_grid")
    text = FILES["scenarios/sma_crossover.yaml"].replace("commission_bps: 10", "commission_bps: 0")
    world.write("scenarios/sma_crossover.yaml", text)
    assert study_is_pending(world.workspace, "AAPL_1d", "sma_grid")
    before = world.workspace.trials.count()
    materialize_trials(world.workspace, "AAPL_1d", "sma_grid")
    assert world.workspace.trials.count() == before + 7  # other costs: other trials
    assert world.value("SELECT count(*) FROM trials WHERE study = 'sma_grid'") == 14


def test_the_summary_judges_the_best_by_all_trials_of_the_ledger(world):
    workspace = world.workspace
    summary = study_summary(workspace, "AAPL_1d", "sma_grid")
    best = summary["best_value"]
    assert summary["sharpe"] == best  # measured again, equal to the last bit
    assert summary["trials_in_ledger"] == 8
    assert summary["variance_basis"].startswith("8 trials within 1 instrument of the timeframe 1d")
    ratios = [
        sharpe
        for (sharpe,) in world.rows(
            "SELECT arg_max(sharpe, seq) FROM trials GROUP BY strategy, parameters_hash"
        )
    ]
    assert summary["trial_variance"] == pytest.approx(statistics.variance(ratios))
    assert summary["deflated_sharpe_ratio"] < summary["probabilistic_sharpe_ratio"]
    assert summary["verdict"]
    assert "own_trials" not in summary
    trial = {"study": "s", "strategy": "x", "settings_hash": "h", "instrument": "AAPL_1d"}
    workspace.trials.append(
        [trial | {"parameters_hash": f"p{n}", "sharpe": 0.1 * n} for n in range(30)]
    )
    later = study_summary(workspace, "AAPL_1d", "sma_grid")
    assert later["deflated_sharpe_ratio"] < summary["deflated_sharpe_ratio"]
    assert later["variance_basis"] == "the 38 trials of AAPL_1d itself"


def test_the_summary_says_how_robust_the_best_is_and_ends_in_one_sentence(world):
    summary = study_summary(world.workspace, "AAPL_1d", "sma_grid")
    assert summary["returns_of"] == {"trials": 7, "left_out": 0}
    assert 0.0 <= summary["pbo"]["probability"] <= 1.0
    assert 0.0 <= summary["spa"]["against_holding"]["p_value"] <= 1.0
    assert 1.0 <= summary["effective_trials"] <= 7.0
    costs = {row["cost_multiple"]: row["sharpe"] for row in summary["stress"]["costs"]}
    assert costs[1.0] == pytest.approx(summary["sharpe"], abs=1e-9)
    assert costs[0.0] > costs[1.0] > costs[2.0] > costs[3.0]
    assert set(summary["importance"]) == {"fast", "slow"}
    assert summary["needed_sharpe"] > summary["expected_best_sharpe"] > 0.0
    told = summary["verdict_in_words"]
    assert told.startswith("After 8 trials the best must show a Sharpe ratio")
    assert f"of {summary['needed_sharpe']:.2f} to stand out" in told
    assert f"it has {summary['sharpe']:.2f}" in told


def test_a_study_may_be_judged_by_its_own_trials_beside_the_ledger(world):
    world.write("studies/sma_grid.yaml", STUDY + "ledger: own\n")
    assert not TrialStage(world.workspace, "AAPL_1d").pending(["sma_grid"])  # the trials stand
    assert study_is_pending(world.workspace, "AAPL_1d", "sma_grid")
    metadata = materialize_summary(world.workspace, "AAPL_1d", "sma_grid").metadata
    assert metadata["own_trials"] == 7
    assert metadata["trials_in_ledger"] == 8
    summary = study_summary(world.workspace, "AAPL_1d", "sma_grid")
    assert summary["own_expected_best_sharpe"] == pytest.approx(
        expected_maximum_sharpe(trials=7, variance=summary["own_trial_variance"])
    )
    assert 0.0 < summary["own_deflated_sharpe_ratio"] < summary["probabilistic_sharpe_ratio"]


def test_the_verdict_of_a_study_never_rests_on_its_own_trials_alone(world, monkeypatch):
    told = []
    monkeypatch.setattr(
        "trading_pipeline.stages.backtests.study_summary.verdict",
        lambda row: told.append(row) or "said",
    )
    world.write("studies/sma_grid.yaml", STUDY + "ledger: own\n")
    materialize_summary(world.workspace, "AAPL_1d", "sma_grid")
    summary = study_summary(world.workspace, "AAPL_1d", "sma_grid")
    assert {row["trials"] for row in told} == {8}
    assert told[-1]["deflated_sharpe_ratio"] == summary["deflated_sharpe_ratio"]


def test_an_invalid_trial_is_never_the_best_of_its_study_and_stays_counted(world):
    before = study_summary(world.workspace, "AAPL_1d", "sma_grid")
    number = before["best_trial_no"]
    assert world.workspace.trials.invalidate([number], reason="reads the next bar") == 1
    assert study_is_pending(world.workspace, "AAPL_1d", "sma_grid")
    materialize_summary(world.workspace, "AAPL_1d", "sma_grid")
    after = study_summary(world.workspace, "AAPL_1d", "sma_grid")
    assert after["invalid_trials"] == f"[{number}]"
    assert after["trials"] == before["trials"] == 7
    assert after["trials_in_ledger"] == before["trials_in_ledger"]
    assert after["best_value"] < before["best_value"]
    assert after["best_trial_no"] != number


def test_the_result_of_an_invalid_trial_is_worthless_on_the_leaderboard(world):
    (number,) = world.rows("SELECT trial_no FROM trials WHERE fold = 'ml_direction'")[0]
    world.workspace.trials.invalidate([number], reason="wrong data")
    assert leaderboard_is_pending(world.workspace)
    (row,) = [r for r in leaderboard_rows(world.workspace) if r["scenario"] == "ml_direction"]
    assert row["warnings"].startswith("Invalid trial: wrong data")
    assert verdict(row) == "Worthless: its trial was called invalid"


def test_a_summary_before_its_trials_says_so(fresh_world):
    with pytest.raises(InsufficientDataError, match="no trials on AAPL_1d yet"):
        materialize_summary(fresh_world.workspace, "AAPL_1d", "sma_grid")
    with pytest.raises(InsufficientDataError, match="no summary on AAPL_1d yet"):
        study_summary(fresh_world.workspace, "AAPL_1d", "sma_grid")


def test_a_tear_sheet_is_made_once_and_again_where_it_is_lost(world):
    workspace = world.workspace
    assert not tearsheet_is_pending(workspace, "AAPL_1d", "ml_direction")
    outcome = materialize_tearsheet(workspace, "AAPL_1d", "ml_direction")
    assert not outcome.changed
    path = world.runtime / f"output/reports/{outcome.metadata['result_id']}.html"
    first = path.read_text("utf-8")
    path.unlink()
    assert tearsheet_is_pending(workspace, "AAPL_1d", "ml_direction")
    assert materialize_tearsheet(workspace, "AAPL_1d", "ml_direction").changed
    assert path.read_text("utf-8") == first


def test_a_tear_sheet_names_the_result_and_what_it_stands_on(world):
    (row,) = [r for r in world.workspace.results.newest() if r["scenario"] == "ml_direction"]
    page = (world.runtime / f"output/reports/{row['result_id']}.html").read_text("utf-8")
    for text in (row["result_id"], "AAPL_1d", "ml_direction", row["predictions_hash"][:12]):
        assert text in page
    assert str(world.runtime) not in page


def test_a_leaderboard_shows_the_scenarios_that_there_still_are(world):
    assert not leaderboard_is_pending(world.workspace)
    assert materialize_leaderboard(world.workspace).rows == 2
    for name in ("scenarios/ml_direction.yaml", "studies/sma_grid.yaml"):
        (world.runtime / "config" / name).unlink()
    world.write("universe.yaml", "start: 2000-01-01\nend: 2004-01-01\n")
    catalog = world.workspace.catalog
    assert "ml_direction" in catalog.scenarios  # the shipped one of that name is back
    assert materialize_leaderboard(world.workspace).rows == 2


def test_the_leaderboard_judges_by_the_trials_of_the_ledger_whatever_the_order_of_runs(world):
    workspace = world.workspace
    (row,) = [r for r in leaderboard_rows(workspace) if r["scenario"] == "sma_crossover"]
    assert row["trials"] == workspace.trials.count() == 8
    assert row["trials_at_creation"] < 8  # the study came after the result
    (judged,) = judged_rows(workspace, [row])
    one = judged_rows(workspace, [row | {"trials": 1}])[0]["deflated_sharpe_ratio"]
    assert one == pytest.approx(row["probabilistic_sharpe_ratio"], rel=1e-9)
    assert judged["deflated_sharpe_ratio"] < one
    spread = statistics.variance(
        sharpe
        for (sharpe,) in world.rows(
            "SELECT arg_max(sharpe, trial_no) FROM trials "
            "GROUP BY strategy, parameters_hash, instrument"
        )
        if sharpe is not None
    )
    expected = deflated_sharpe_ratio(
        sharpe=row["sharpe"] / math.sqrt(252.0),
        bars=row["bars"],
        skew=row["skewness"],
        kurtosis=row["kurtosis"],
        trials=8,
        variance=spread / 252.0,
    )
    assert judged["plain_deflated_sharpe_ratio"] == pytest.approx(expected, rel=1e-3)
    best = expected_maximum_sharpe(trials=8, variance=spread)
    known = student_probability(
        (row["sharpe"] - best) / row["sharpe_standard_error"],
        degrees=int(row["sharpe_degrees_of_freedom"]),
    )
    assert judged["deflated_sharpe_ratio"] == pytest.approx(known, rel=1e-6)
    assert judged["minimum_backtest_years"] == pytest.approx(2.1287, abs=1e-4)


def test_a_result_that_cannot_be_deflated_says_nothing_false(world):
    (row, *_) = leaderboard_rows(world.workspace)
    unknown = ({"sharpe_standard_error": None}, {"sharpe_degrees_of_freedom": None})
    for change in ({"sharpe": None}, {"trials": 0}, *unknown):
        assert judged_rows(world.workspace, [row | change])[0]["deflated_sharpe_ratio"] is None
    for change in ({"sharpe": None}, {"kurtosis": None}, {"bars": 1}, {"trials": 0}):
        judged = judged_rows(world.workspace, [row | change])[0]
        assert judged["plain_deflated_sharpe_ratio"] is None


def test_more_trials_make_the_leaderboard_pending(world):
    trial = {"study": "s", "strategy": "x", "parameters_hash": "p", "sharpe": 3.0}
    before = materialize_leaderboard(world.workspace)
    assert world.workspace.trials.append([trial | {"instrument": "AAPL_1d"}]) == 1
    assert leaderboard_is_pending(world.workspace)
    after = materialize_leaderboard(world.workspace)
    assert after.metadata["trials"] == before.metadata["trials"] + 1
    page = (world.runtime / "output/reports/index.html").read_text("utf-8")
    assert "9 trials have been made so far" in page


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("page/static/page.css", "{", "{ color: red; ", {"tearsheet", "leaderboard"}),
        ("tearsheet/static/tearsheet.js", "\n", "\n//\n", {"tearsheet"}),
        ("page/static/page.css", "\n", "\r\n", set()),
        ("page/layout.py", "\n", "\r\n", set()),
    ],
)
def test_pages_are_made_again_where_a_script_or_a_style_changed(
    world, monkeypatch, file, old, new, stale
):
    materialize_tearsheet(world.workspace, "AAPL_1d", "sma_crossover")
    materialize_leaderboard(world.workspace)

    def read(path):
        text = read_text(path)
        return text.replace(old, new) if path.as_posix().endswith(f"reporting/{file}") else text

    monkeypatch.setattr(code_identity, "_tree", SourceTree(read))
    pending = {
        "tearsheet": tearsheet_is_pending(world.workspace, "AAPL_1d", "sma_crossover"),
        "leaderboard": leaderboard_is_pending(world.workspace),
    }
    assert {name for name, is_pending in pending.items() if is_pending} == stale


def test_the_leaderboard_carries_the_curves_of_files_that_are_as_they_were_written(world):
    rows = leaderboard_rows(world.workspace)
    curves = equity_curves(world.workspace, rows)
    assert set(curves) == {row["result_id"] for row in rows}
    for row in rows:
        stored = read_frame(world.runtime / f"output/backtests/{row['result_id']}/equity.parquet")
        curve, equity = curves[row["result_id"]], stored["equity"]
        assert curve["values"][-1] == round(equity.iloc[-1] / equity.iloc[0] * 100.0, 2)
        assert curve["first"] == equity.index[0].timestamp()
    path = world.runtime / f"output/backtests/{rows[0]['result_id']}/equity.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert set(equity_curves(world.workspace, rows)) == {row["result_id"] for row in rows[1:]}
