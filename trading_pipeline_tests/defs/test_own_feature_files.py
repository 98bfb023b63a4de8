"""The examples of docs/features.md, run as a user would run them."""

import re
from pathlib import Path

import pandas as pd

from trading_pipeline.cli.run_command import work_through
from trading_pipeline_tests.pipeline_world import (
    cause_of_failure,
    failed_checks,
    materialized,
    run_job,
)
from trading_pipeline_tests.stage_calls import refresh_universe

FIRST, LAST = "AAPL_1d|2000-01-01", "AAPL_1d|2003-01-01"
PAGE = (Path(__file__).parents[2] / "docs" / "features.md").read_text("utf-8")


def block(after, language):
    """The first block of a language after a line of the page."""
    tail = PAGE.split(after, 1)[1]
    return re.search(rf"```{language}\n(.*?)```", tail, re.DOTALL).group(1)


def test_the_feature_of_the_page_flows_into_a_model_and_its_predictions(fresh_world, instance):
    fresh_world.write("features/gaps.py", block("## A feature of your own", "python"))
    fresh_world.write("models/gap_direction.yaml", block("models/gap_direction.yaml`", "yaml"))
    refresh_universe(fresh_world.tampered)
    assets = [
        "bars", "features/gaps", "labels/direction", "models/gap_direction",
        "predictions/gap_direction",
    ]  # fmt: skip
    result = run_job(fresh_world, instance, "bars_to_predictions", FIRST, LAST, assets)
    assert result.success, cause_of_failure(result) or failed_checks(result)
    assert materialized(result) == set(assets)

    workspace = fresh_world.workspace
    files = workspace.artifacts.newest(["features/gaps"])
    assert len(files) == 4
    first = files["features/gaps", FIRST]
    frame = pd.read_parquet(fresh_world.runtime / first.path)
    assert {"gap", "gap_share"} < set(frame.columns)
    assert frame["gap_share"].isna().sum() == 20
    assert fresh_world.value("SELECT count(*) FROM models WHERE name = 'gap_direction'") > 0


def test_the_yaml_set_of_the_page_is_an_asset_that_no_model_need_use(fresh_world, instance):
    fresh_world.write("features/swing.yaml", block("## A set from a YAML file", "yaml"))
    refresh_universe(fresh_world.tampered)
    result = run_job(
        fresh_world, instance, "bars_to_predictions", FIRST, FIRST, ["bars", "features/swing"]
    )
    assert result.success, cause_of_failure(result) or failed_checks(result)
    frame = pd.read_parquet(
        fresh_world.runtime
        / fresh_world.workspace.artifacts.newest(["features/swing"])["features/swing", FIRST].path
    )
    assert {"rsi_21", "ema_50_by_close", "volume_pressure", "log_return_5"} < set(frame.columns)
    assert "candle_doji" not in frame.columns


def test_the_leaky_feature_of_the_page_is_stopped_with_a_readable_finding(fresh_world, instance):
    fresh_world.write("features/leaky.py", block("## A feature that reads the future", "python"))
    fresh_world.write(
        "models/direction.yaml", "name: direction\nfeatures: leaky\ntraining: {minimum_rows: 40}\n"
    )
    refresh_universe(fresh_world.tampered)
    result = run_job(fresh_world, instance, "bars_to_predictions", FIRST, LAST)
    assert not result.success
    assert "prefix_truncation" in failed_checks(result)
    (check,) = [
        e
        for e in result.get_asset_check_evaluations()
        if e.check_name == "prefix_truncation" and e.asset_key.path == ["features", "leaky"]
    ]
    assert "column 'tomorrow' at 200" in check.description
    example = check.metadata["examples"].records[0].data
    assert example["column"] == "tomorrow"
    assert "no shift by a negative number" in example["mend"]
    assert not {"models/direction", "predictions/direction"} & materialized(result)
    assert fresh_world.value("SELECT count(*) FROM artifacts WHERE asset = 'features/leaky'") == 0


def test_a_file_that_a_set_opens_is_a_warning_and_stops_nothing(fresh_world, instance):
    path = fresh_world.write("inputs/levels.csv", "level\n1.0\n")
    fresh_world.write(
        "features/levels.py",
        "import pandas as pd\nfrom trading_pipeline.features import feature\n\n\n"
        "@feature(warmup=0, inputs=['close'])\ndef level(bars):\n"
        f"    return bars['close'] * pd.read_csv(r'{path}')['level'][0]\n",
    )
    refresh_universe(fresh_world.tampered)
    for _ in range(2):  # the second run audits nothing, and still says it
        result = run_job(
            fresh_world, instance, "bars_to_predictions", FIRST, FIRST, ["bars", "features/levels"]
        )
        assert result.success, cause_of_failure(result)
        assert "features/levels" in materialized(result)
        failed = [e for e in result.get_asset_check_evaluations() if not e.passed]
        (check,) = [e for e in failed if e.asset_key.path == ["features", "levels"]]
        assert (check.check_name, check.severity.value) == ("outside_data", "WARN")
        assert check.description.startswith(f"Not audited: A file of this set reads {path}")


def test_a_file_that_does_not_run_stops_only_what_uses_it(fresh_world, instance):
    """Once it stopped the whole code location; now the set says so where it is asked for."""
    path = fresh_world.write("features/typo.py", "imprt numpy\n")
    fresh_world.write(
        "models/typed.yaml", "name: typed\nfeatures: typo\ntraining: {minimum_rows: 40}\n"
    )
    refresh_universe(fresh_world.tampered)
    result = run_job(fresh_world, instance, "bars_to_predictions", FIRST, FIRST)
    assert not result.success
    assert f"OwnCodeError: {path}, line 1: SyntaxError" in cause_of_failure(result)
    assert {"features/core", "predictions/direction"} <= materialized(result)
    assert not {"features/typo", "models/typed"} & materialized(result)


def test_a_full_pass_leaves_out_what_a_broken_feature_file_stops(world):
    path = world.write("features/typo.py", "imprt numpy\n")
    world.write("models/typed.yaml", "name: typed\nfeatures: typo\n")
    report = work_through(world.full_pass(), ["AAPL_1d"])
    (failure,) = report.failures.items()
    assert failure[0] == "models/typed"
    assert failure[1].startswith(f"{path}, line 1: SyntaxError")
    assert {row["scenario"] for row in report.results} == {"sma_crossover", "ml_direction"}
