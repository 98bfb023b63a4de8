"""The tutorial's files and blocks run as they stand, in its order."""

import json
import re
from pathlib import Path

import yaml

from trading_pipeline.stages.coverage import chain_stages
from trading_pipeline.stages.features.audit import audit_stored
from trading_pipeline.stages.market_data.check_catalog import check_catalog
from trading_pipeline_tests.stage_calls import materialize_backtest

AAPL = "AAPL_1d"
DOCS = Path(__file__).resolve().parents[3] / "docs"


def fenced(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def written_files(page):
    """By path below the config folder, the block that follows a line with that path."""
    text = (DOCS / page).read_text("utf-8")
    found = re.findall(r"`runtime/config/(\S+)`:\n\n```\w+\n(.*?)```", text, re.DOTALL)
    return dict(found)


def test_the_tutorial_goes_from_a_feature_to_scores_and_a_backtest(world, capsys):
    files = written_files("tutorial-own-model.md")
    assert len(files) == 4
    for name, text in files.items():
        world.write(name, text)
    assert check_catalog(world.workspace.catalog) == {}
    audited = audit_stored(world.workspace, AAPL, "pullback")
    assert (audited.kind, audited.findings) == ("feature set", [])
    workspace = world.workspace
    for stage in chain_stages(workspace, AAPL, ["pullback"])[1:]:
        stage.materialize(workspace.windows())

    scores, chosen = fenced("tutorial-own-model.md", "python")[1:3]
    names = {"__name__": "pasted"}
    for code in (scores, chosen):
        exec(compile(code, "tutorial-own-model.md", "exec"), names)
    said = capsys.readouterr().out.splitlines()
    fits = len(names["rows"])
    assert fits >= 2
    assert len(said) == 2 * fits
    assert all("rank IC" in line for line in said[:fits])
    assert all("{'alpha': " in line for line in said[fits:])
    assert json.loads(names["rows"][0][3])["tail_rows"] > 50

    scenario = files["scenarios/pullback_days.yaml"]
    outcome = materialize_backtest(world.workspace, AAPL, "pullback_days")
    assert outcome.metadata["audit"] == "passed"
    assert outcome.metadata["trade_count"] == 0  # these years were learned to be falling ones
    lower = "{type: pullback_days, params: {least_return: -0.005}}"
    world.write("scenarios/pullback_days.yaml", scenario.replace("{type: pullback_days}", lower))
    again = materialize_backtest(world.workspace, AAPL, "pullback_days")
    assert again.metadata["time_in_market"] > 0.0


def test_the_files_of_a_meta_model_in_the_docs_fit_each_other(world):
    model, scenario = (block for block in fenced("models.md", "yaml") if "fast: 5" in block)
    for kind, block in (("models", model), ("scenarios", scenario)):
        world.write(f"{kind}/{yaml.safe_load(block)['name']}.yaml", block)
    assert check_catalog(world.workspace.catalog) == {}
