"""Files with variants, of the older form, and without costs, through the command line."""

import json
import re

import pytest
import yaml

from trading_pipeline.defs.instance import open_instance
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings

IDEAS = (
    "name: ideas\nstrategy: {type: sma_crossover, params: {fast: 10, slow: 30}}\n"
    "instruments: [AAPL_1d]\ndates: {start: 2002-01-01, end: 2004-01-01}\nvariants:\n"
    "  quick: {params: {fast: 5}}\n"
    "  free: {strategy: {type: donchian_breakout}, costs: {commission_bps: 0}}\n"
)
SCALPER = {
    "name": "Range scalper",
    "strategy": {"type": "BreakoutScalpingStrategy", "params": {"lookback": 5, "risk_reward": 2}},
    "market": {
        "symbol": "AAPL",
        "timeframe": "1d",
        "start_date": "2002-01-01",
        "end_date": "2004-01-01",
    },
    "capital": {"initial": 5000, "currency": "USD"},
    "fees": {"maker": 0.0005, "taker": 0.001},
    "risk_management": {"max_position_size": 0.25},
}
FORECAST = {
    **SCALPER,
    "name": "forecast",
    "strategy": {
        "type": "MLPredictiveStrategy",
        "params": {
            "model_path": "models/lstm.h5",
            "min_predicted_return": 0.0001,
            "confidence_threshold": 0.5,
            "prediction_window": 5,
            "risk_per_trade": 0.01,
        },
    },
    "risk_management": {"max_position_size": 0.25, "stop_loss": 0.03, "take_profit": 0.06},
}


def results(ended):
    assert ended.code == 0, ended.err
    return {row["scenario"]: row for row in json.loads(ended.out)}


def written(path, data):
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.mark.slow
def test_variants_are_compared_counted_and_retired(call, fresh_world, tmp_path, monkeypatch):
    file = tmp_path / "ideas.yaml"
    file.write_text(IDEAS, encoding="utf-8")
    first = results(call("backtest", file, "--json"))
    assert set(first) == {"ideas_quick", "ideas_free"}
    assert first["ideas_quick"]["warnings"].startswith(
        "Default costs: commission_bps 10 and slippage_bps 0 are"
    )
    assert first["ideas_free"]["warnings"].startswith("Free fills")
    assert fresh_world.workspace.trials.count() == 2
    with open_instance(load_settings()) as instance:
        pairs = instance.get_dynamic_partitions("instrument_scenarios")
        assert {f"AAPL_1d|{name}" for name in first} <= set(pairs)
    page = fresh_world.runtime / f"output/reports/{first['ideas_quick']['result_id']}.html"
    assert "10 bps of each fill, default of the environment" in page.read_text("utf-8")
    assert list(first) == ["ideas_quick", "ideas_free"]  # the order of the file
    again = call("backtest", file)
    assert "Variants of ideas" in again.out
    pages = [first[name]["result_id"] for name in ("ideas_quick", "ideas_free")]
    assert re.findall(r"([0-9a-f]+)\.html", again.out) == pages

    monkeypatch.setenv("TRADING_PIPELINE_DEFAULT_COMMISSION_BPS", "20")
    dearer = results(call("backtest", file, "--json"))
    assert dearer["ideas_quick"]["final_equity"] < first["ideas_quick"]["final_equity"]
    assert dearer["ideas_free"]["result_id"] == first["ideas_free"]["result_id"]
    assert fresh_world.workspace.trials.count() == 3
    listed = {row["scenario"]: row for row in json.loads(call("scenarios", "list", "--json").out)}
    assert listed["ideas_quick"]["default_costs"] == {"commission_bps": 20.0, "slippage_bps": 0.0}

    file.write_text(IDEAS.partition("  free:")[0], encoding="utf-8")
    left = results(call("backtest", file, "--json"))
    assert set(left) == {"ideas_quick"}
    catalog = load_catalog(load_settings().config)
    assert catalog.any_scenario("ideas_free") is None
    index = (fresh_world.runtime / "output/reports/index.html").read_text("utf-8")
    assert left["ideas_quick"]["result_id"] in index
    assert first["ideas_free"]["result_id"] not in index
    assert fresh_world.workspace.results.require(first["ideas_free"]["result_id"])
    assert fresh_world.workspace.trials.count() == 3


@pytest.mark.slow
def test_a_file_of_the_older_form_runs_says_what_it_became_and_can_be_edited(
    call, fresh_world, tmp_path
):
    file = written(tmp_path / "old.json", SCALPER)
    ended = call("backtest", file, "--json")
    (row,) = results(ended).values()
    assert (row["scenario"], row["strategy"]) == ("range_scalper", "range_scalper")
    assert json.loads(row["parameters"])["window"] == 5
    for line in (
        "strategy.params.lookback 5 -> strategy.params.window 5",
        "fees.taker 0.001 -> costs.commission_bps 10",
        "risk_management.max_position_size 0.25 -> sizing percent_of_equity 0.25",
        "capital.currency USD -> capital.currency USD",
    ):
        assert line in ended.error
    copy = fresh_world.runtime / "config/scenarios/range_scalper.yaml"
    assert yaml.safe_load(copy.read_text("utf-8"))["costs"]["maker_commission_bps"] == 5.0
    edited = json.loads(file.read_text("utf-8"))
    edited["strategy"]["params"]["lookback"] = 8
    (newer,) = results(call("backtest", written(file, edited), "--json")).values()
    assert json.loads(newer["parameters"])["window"] == 8
    assert newer["result_id"] != row["result_id"]


@pytest.mark.parametrize(
    ("group", "change", "message"),
    [
        ("capital", {"currency": "USDT"}, "has an account in 'USDT'"),
        ("fees", {"maker": 0.1, "taker": 1}, "'fees.taker': a fraction from 0 to below 1"),
        ("market", {"symbol": "APPL", "timeframe": "1d"}, "There is no instrument 'APPL_1d'"),
        ("slippage", 0.1, "Unknown key 'slippage'. Known: capital, description"),
        ("strategy", {"type": "RsiStrategy"}, "'strategy.type': Input should be"),
    ],
)
def test_a_wrong_file_of_the_older_form_is_refused_and_not_registered(
    call, fresh_world, tmp_path, group, change, message
):
    ended = call("backtest", written(tmp_path / "old.json", {**SCALPER, group: change}))
    assert ended.code == 1
    assert message in ended.error
    assert "old.json" in ended.error
    assert "Traceback" not in ended.err
    assert not (fresh_world.runtime / "config/scenarios/range_scalper.yaml").exists()


@pytest.mark.slow
def test_a_fitted_file_of_the_older_form_is_answered_with_a_spec_that_runs(
    call, fresh_world, tmp_path
):
    file = written(tmp_path / "old.json", FORECAST)
    refused = call("backtest", file)
    assert refused.code == 1
    assert "Write the file models/lstm.yaml in the folder of your settings" in refused.error
    fresh_world.write("models/lstm.yaml", refused.error.partition("of your own: ")[2])
    (row,) = results(call("backtest", file, "--json")).values()
    assert row["strategy"] == "ml_predictive"
    assert json.loads(row["parameters"])["horizon"] == 5
    assert row["predictions_hash"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{fast: 5}", "{fast: 50}", "'variants.quick'"),
        ("{fast: 5}", "{fats: 5}", "'variants.quick'"),
        ("donchian_breakout", "donchian", "'variants.free': There is no strategy 'donchian'"),
        ("quick:", "Quick:", "'variants': the variant's name must be a word"),
        ("quick: {params:", "quick: {fast: 3, params:", "'variants.quick': Unknown key 'fast'"),
        ("quick: {", "quick: {instruments: [IMB_1d], ", "'variants.quick': There is no instrument"),
        ("quick: {", "quick: {dates: {start: 2010-01-01, end: null}, ", "there are 0 bars"),
        ("name: ideas", "name: sma", "'sma_crossover', which another scenario has"),
    ],
)
def test_a_wrong_variant_is_refused_by_its_key_and_nothing_is_registered(
    call, fresh_world, tmp_path, old, new, message
):
    file = tmp_path / "ideas.yaml"
    text = IDEAS.replace("free:", "crossover:") if new == "name: sma" else IDEAS
    file.write_text(text.replace(old, new), encoding="utf-8")
    ended = call("backtest", file)
    assert ended.code == 1
    assert message in ended.error
    assert "ideas.yaml" in ended.error or "ideas_quick" in ended.error
    assert not list((fresh_world.runtime / "config/scenarios").glob("ideas*"))
    assert not (fresh_world.runtime / "warehouse.duckdb").exists()


def test_scenarios_are_listed_with_their_files_and_shown_in_todays_keys(call, fresh_world):
    fresh_world.write("scenarios/ideas.yaml", IDEAS)
    path = written(fresh_world.write("scenarios/old.json", ""), SCALPER)
    listed = {row["scenario"]: row for row in json.loads(call("scenarios", "list", "--json").out)}
    assert (listed["ideas_free"]["variant"], listed["ideas_free"]["origin"]) == (
        "free", "ideas.yaml",
    )  # fmt: skip
    assert listed["range_scalper"]["file"] == str(path)
    assert "ideas_quick" in call("scenarios", "list").out
    ideas = [name for name in listed if name.startswith("ideas")]
    assert ideas == ["ideas_quick", "ideas_free"]  # the order of the file
    shown = call("scenarios", "show", "range_scalper")
    assert "strategy.params.lookback 5 -> strategy.params.window 5" in shown.error
    again = fresh_world.write(
        "scenarios/again.yaml", shown.out.replace("range_scalper", "again", 1)
    )
    assert again.exists()
    catalog = load_catalog(load_settings().config)
    first, second = catalog.scenario("range_scalper"), catalog.scenario("again")
    assert first.settings_hash == second.settings_hash
    assert first.strategy == second.strategy
    quick = json.loads(call("scenarios", "show", "ideas_quick", "--json").out)
    assert quick["values"]["costs"] == {"commission_bps": 10.0, "slippage_bps": 0.0}
    assert quick["notes"][0].startswith("Default costs")
    for name, words in (("ideas", "The file has these: ideas_quick, ideas_free."),
                        ("ideas_quik", "Did you mean 'ideas_quick'")):  # fmt: skip
        ended = call("scenarios", "show", name)
        assert ended.code == 1
        assert words in ended.error


def test_doctor_says_whose_costs_are_the_environments_and_what_is_older(call, fresh_world):
    fresh_world.write("scenarios/ideas.yaml", IDEAS)
    written(fresh_world.write("scenarios/old.json", ""), SCALPER)
    findings = json.loads(call("doctor", "--offline", "--json").out)
    (detail,) = [each["detail"] for each in findings if each["check"] == "catalog"]
    assert "ideas_quick: Default costs: commission_bps 10" in detail
    assert "old.json has the older form. Its keys were read so:" in detail
