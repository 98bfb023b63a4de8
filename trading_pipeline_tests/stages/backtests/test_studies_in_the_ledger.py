"""Evaluations of studies in the ledger: parts of the bars, stops, failures, walk-forward folds."""

import json
import statistics

import pandas as pd
import pytest

from trading_pipeline.errors import OptimizationError
from trading_pipeline.optimization import trial_run
from trading_pipeline.optimization.evaluation import Evaluator
from trading_pipeline.optimization.study_run import run_study
from trading_pipeline.stages.backtests import study, study_record
from trading_pipeline.stages.backtests.study import SummaryStage, TrialStage, study_summary
from trading_pipeline_tests.pipeline_world import FILES
from trading_pipeline_tests.stage_calls import materialize_summary, materialize_trials

STUDY = FILES["studies/sma_grid.yaml"]
HALVED = STUDY.replace("sma_grid", "halved", 1).replace("[10, 40, 10]", "[10, 40, 5]") + (
    "method: successive_halving\nbudget: 12\n"
)
WALKED = STUDY.replace("sma_grid", "walked", 1) + (
    "walk_forward: {train_windows: 3, test_windows: 2, window: quarter}\n"
)


def test_steps_of_halving_are_rows_of_the_ledger_and_no_trials_of_their_own(world):
    world.write("studies/halved.yaml", HALVED)
    assert materialize_trials(world.workspace, "AAPL_1d", "halved").rows == 4
    rows = world.rows(
        "SELECT fold, span, bars, count(*) FROM trials WHERE study = 'halved' GROUP BY ALL "
        "ORDER BY bars"
    )
    assert [(span is None, count) for _, span, _, count in rows] == [(False, 12), (True, 4)]
    assert rows[0][0] == f"{rows[1][0]}/rung1"
    assert rows[0][2] == -(-rows[1][2] // 3)
    sets = world.rows("SELECT DISTINCT strategy, parameters_hash FROM trials")
    assert world.workspace.trials.count() == len(sets)
    # an evaluation of all bars counts for the variance, however new those of parts are
    ratios = world.rows(
        "SELECT coalesce(arg_max(sharpe, seq) FILTER (span IS NULL), arg_max(sharpe, seq)) "
        "FROM trials GROUP BY strategy, parameters_hash"
    )
    defined = [ratio for (ratio,) in ratios if ratio is not None]
    variance = world.workspace.trials.sharpe_variance("AAPL_1d").value
    assert variance == pytest.approx(statistics.variance(defined))
    assert world.workspace.trials.verify().faults == ()
    materialize_summary(world.workspace, "AAPL_1d", "halved")
    summary = study_summary(world.workspace, "AAPL_1d", "halved")
    assert (summary["trials"], summary["evaluations"]) == (12, 16)
    # those that were given up after a part count where all trials are looked at side by side
    assert summary["returns_of"] == {"trials": 12, "left_out": 0}


def test_a_stopped_study_goes_on_from_the_ledger_and_evaluates_nothing_twice(world, monkeypatch):
    world.write("studies/walked.yaml", WALKED)
    monkeypatch.setattr(study_record, "_FLUSH_SECONDS", 0.0)
    evaluated, whole_trials = [], Evaluator.trials
    monkeypatch.setattr(trial_run, "_MOST_SETS", 3)

    def trials(self, many, part, hashes=None):
        if len(evaluated) == 4:
            evaluated.append(None)
            raise KeyboardInterrupt
        found = whole_trials(self, many, part, hashes)
        bars = (part.rows.start, part.rows.stop)
        evaluated.append([(each, bars) for each in found.parameters_hash])
        return found

    monkeypatch.setattr(Evaluator, "trials", trials)
    with pytest.raises(KeyboardInterrupt):
        materialize_trials(world.workspace, "AAPL_1d", "walked")
    kept = world.value("SELECT count(*) FROM trials WHERE study = 'walked'")
    assert kept == sum(len(each) for each in evaluated[:4])
    materialize_trials(world.workspace, "AAPL_1d", "walked")
    made = [one for each in evaluated if each for one in each]
    assert len(made) == len(set(made))
    folds = world.rows(
        "SELECT split_part(fold, '/', 2) AS part, count(*) FROM trials WHERE study = 'walked' "
        "AND fold NOT LIKE '%/test' GROUP BY ALL ORDER BY ALL"
    )
    assert folds == [("", 7), *((f"wf{n}", 7) for n in range(1, len(folds)))]
    assert not TrialStage(world.workspace, "AAPL_1d").pending(["walked"])

    outcome = materialize_summary(world.workspace, "AAPL_1d", "walked")
    walked = study_summary(world.workspace, "AAPL_1d", "walked")["walk_forward"]
    assert len(walked["folds"]) == len(folds) - 1
    equity = pd.read_parquet(world.runtime / walked["equity"])
    assert len(equity) == walked["out_of_sample"]["bars"]
    tested = world.rows(
        "SELECT parameters, sharpe FROM trials WHERE study = 'walked' AND fold LIKE '%/test' "
        "ORDER BY seq"
    )
    told = [
        (json.loads(p)["fast"], sharpe if sharpe is None else pytest.approx(sharpe))
        for p, sharpe in tested
    ]
    chosen = [fold for fold in walked["folds"] if fold["parameters"]]
    assert [(f["parameters"]["fast"], f["out_of_sample_sharpe"]) for f in chosen] == told
    assert "out of sample" in outcome.metadata["walk_forward"].text


def test_an_invalid_trial_is_chosen_in_no_fold_by_search_and_summary_alike(world, monkeypatch):
    def summed_up():
        materialize_summary(world.workspace, "AAPL_1d", "walked")
        told = study_summary(world.workspace, "AAPL_1d", "walked")["walk_forward"]
        return [fold["parameters"] for fold in told["folds"]], told["equity"]

    def recorded(ending):
        rows = world.rows(
            "SELECT trial_no, fold, parameters FROM trials WHERE study = 'walked' "
            "AND refers_to IS NULL AND fold LIKE ? ORDER BY seq", f"%{ending}",
        )  # fmt: skip
        return [(*row, {n: json.loads(p)[n] for n in ("fast", "slow")}) for *row, p in rows]

    world.write("studies/walked.yaml", WALKED)
    materialize_trials(world.workspace, "AAPL_1d", "walked")
    before, _ = summed_up()
    (number,) = [no for no, _, parameters in recorded("/wf1") if parameters == before[0]]
    world.workspace.trials.invalidate([number], reason="reads the next bar")
    after, equity = summed_up()
    assert before[0] not in after
    windows = {(fold.split("/")[1], *each.values()) for _, fold, each in recorded("/test")}
    assert windows == {
        (f"wf{at}", *each.values())
        for told in (before, after) for at, each in enumerate(told, start=1) if each
    }  # fmt: skip
    # a search that goes on from these trials, as after a stop, chooses as the summary did
    found = []
    monkeypatch.setattr(TrialStage, "newest", lambda self: {})
    monkeypatch.setattr(
        study,
        "run_study",
        lambda *given, **more: found.append(run_study(*given, **more)) or found[0],
    )
    stage = TrialStage(world.workspace, "AAPL_1d")
    rows = world.value("SELECT count(*) FROM trials")
    stage.produce("walked", stage.identity("walked"))
    walked = found[0].walk_forward
    assert [each and {n: each[0][n] for n in ("fast", "slow")} for each in walked.chosen] == after
    stored = pd.read_parquet(world.runtime / equity)["equity"]
    assert stored.tolist() == walked.equity.tolist()
    assert world.value("SELECT count(*) FROM trials") == rows


def test_the_asset_page_shows_verdict_picture_and_table_and_no_raw_keys(world):
    metadata = SummaryStage(world.workspace, "AAPL_1d").materialize(["sma_grid"])[0].metadata
    summary = study_summary(world.workspace, "AAPL_1d", "sma_grid")
    assert metadata["verdict"] == summary["verdict_in_words"]
    assert metadata["space"].text.startswith("![Best sharpe by parameters](data:image/svg+xml;")
    assert len(metadata["space"].text) < 20_000
    lines = metadata["best_trials"].text.splitlines()
    assert lines[0] == "| fast | slow | sharpe | trial |"
    assert len(lines) == 2 + 5
    assert f"{summary['best_value']:.3f}" in lines[2]
    assert not {"variance_basis", "best_parameters", "audit_note"} & set(metadata)


def test_an_instrument_that_the_study_does_not_list_is_refused_by_name(world):
    world.write("studies/sma_grid.yaml", STUDY + "instruments: [AAPL_1d]\n")
    world.write(
        "scenarios/sma_crossover.yaml",
        FILES["scenarios/sma_crossover.yaml"].replace("[AAPL_1d]", "[AAPL_1d, IBM_1d]"),
    )
    with pytest.raises(OptimizationError, match="does not list IBM_1d; it lists AAPL_1d"):
        TrialStage(world.workspace, "IBM_1d").pending(["sma_grid"])
