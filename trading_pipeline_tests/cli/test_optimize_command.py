"""`optimize FILE|NAME`: registering, searching, printing, stopping, refusing."""

import json
import signal

import pytest

from trading_pipeline.defs.instance import open_instance
from trading_pipeline.optimization import trial_run
from trading_pipeline.optimization.evaluation import Evaluator
from trading_pipeline.settings.environment import load_settings

DRAWN = (
    "name: drawn\nstrategy: sma_crossover\nscenario: sma_crossover\n"
    "space: {fast: {range: [2, 20]}, slow: {log: [21, 90]}}\nmethod: random\nbudget: 6\n"
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine" / "drawn.yaml"
    path.parent.mkdir()
    path.write_text(DRAWN, encoding="utf-8")
    return path


def registered(world):
    return world.runtime / "config/studies/drawn.yaml"


def test_a_file_from_anywhere_becomes_a_study_with_trials_and_a_verdict(call, world, file):
    ended = call("optimize", file, "--json")
    assert ended.code == 0, ended.err
    (summary,) = json.loads(ended.out)["studies"]
    assert (summary["study"], summary["instrument"], summary["trials"]) == ("drawn", "AAPL_1d", 6)
    assert world.value("SELECT count(*) FROM trials WHERE study = 'drawn'") == 6
    assert registered(world).read_text("utf-8").endswith(DRAWN)
    assert "6 of 6 trials" in ended.err or "optimization_trials AAPL_1d|drawn" in ended.err
    again = call("optimize", "drawn", "--instrument", "AAPL_1d")
    assert again.code == 0
    assert " ".join(again.out.split()).count(f"{summary['verdict_in_words']}") == 1
    assert world.value("SELECT count(*) FROM trials WHERE study = 'drawn'") == 6


def test_a_search_that_is_stopped_says_how_it_goes_on_and_keeps_what_is_done(
    call, world, file, monkeypatch
):
    evaluated, whole_trials = [], Evaluator.trials
    monkeypatch.setattr(trial_run, "_MOST_SETS", 2)
    monkeypatch.setattr(trial_run, "_BLOCK_SECONDS", 600.0)  # on a slow machine too

    def trials(self, many, part, hashes=None):
        if len(evaluated) == 2:
            evaluated.append(0)
            signal.raise_signal(signal.SIGINT)
        evaluated.append(len(many))
        return whole_trials(self, many, part, hashes)

    monkeypatch.setattr(Evaluator, "trials", trials)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    ended = call("optimize", file)
    signal.signal(signal.SIGINT, before)
    assert ended.code == 130
    assert ended.err.endswith(
        f"\nStopped (Ctrl-C). What was done is kept; go on with: trading-pipeline optimize {file}\n"
    )
    assert world.value("SELECT count(*) FROM trials WHERE study = 'drawn'") == 4
    assert registered(world).exists()
    assert call("optimize", file).code == 0
    assert evaluated == [2, 2, 0, 2]


def test_wrong_files_that_a_study_does_not_use_are_left_out_in_a_line_each(call, world, file):
    world.write("scenarios/torn.yaml", "name: torn\nstrategy: {type: sma_crossover\n")
    world.write("scenarios/unknown.yaml", "name: unknown\nstrategy: {type: sma_crosover}\n")
    world.write(
        "studies/late.yaml",
        "name: late\nstrategy: sma_crossover\nscenario: torn\nspace: {fast: {values: [2]}}\n",
    )
    ended = call("optimize", file)
    assert ended.code == 0
    lines = [line for line in ended.err.splitlines() if line.startswith("Left out: ")]
    for name, line in zip(("torn.yaml", "unknown.yaml", "late.yaml"), lines, strict=True):
        assert name in line
    used = call("optimize", "late")
    assert used.code == 1
    assert "is not valid YAML" in used.error
    assert "is not valid YAML" in call("run").error


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        (DRAWN.replace("sma_crossover\nscen", "sma_crosover\nscen"), [], "trades 'sma_crossover'"),
        (DRAWN.replace("fast", "fats"), [], "'fats'.*Did you mean 'fast'"),
        (DRAWN + "metric: sharp\n", [], "'sharp'.*Did you mean 'sharpe'"),
        (DRAWN.replace("[2, 20]", "[0, 0.5]"), [], "refuses: .*'fast'"),
        (DRAWN.replace("[21, 90]", "[0, 90]"), [], "starts at 0; equal ratios"),
        (DRAWN.replace("budget: 6", "budget: 0"), [], "'budget': .*greater than or equal to 1"),
        (DRAWN + 'constraints: ["slow < fast"]\n', [], "no combination that meets"),
        (DRAWN, ["--instrument", "APPL_1d"], "no instrument 'APPL_1d'.*'AAPL_1d'"),
        (DRAWN, ["--measure-test"], "'drawn' is not frozen"),
        (DRAWN + "walk_forward: {train_windows: 9}\n", [], r"9 \+ 1 windows of a year.*lie in 2"),
        (DRAWN.replace("[2, 20]", "[600, 700]").replace("[21, 90]", "[800, 900]"), [],
         "no trial with a value of 'sharpe' on AAPL_1d"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_paragraph_and_leaves_no_study_behind(
    call, world, file, text, arguments, words
):
    import re

    file.write_text(text, encoding="utf-8")
    ended = call("optimize", file, *arguments)
    assert ended.code == 1
    assert re.search(words, ended.error), ended.error
    assert ended.error.count("Error:") == 1
    if "no trial with a value" not in words:
        assert not registered(world).exists()
        with open_instance(load_settings()) as instance:
            pairs = instance.get_dynamic_partitions("instrument_studies")
            assert not [pair for pair in pairs if pair.endswith("|drawn")]


def test_an_unknown_name_is_answered_with_the_closest(call, world):
    ended = call("optimize", "sma_gird")
    assert ended.code == 1
    assert "no study 'sma_gird'" in ended.error
    assert "'sma_grid'" in ended.error
