"""The file beside a result: what was run can be read back, and is written one way alone."""

import json

import pytest
import yaml

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.portfolio_scenario import parse_scenario
from trading_pipeline.stages.backtests.result_lineage import read_lineage, write_lineage
from trading_pipeline.strategies import SHIPPED

PAIR = "instruments: [A_1d, B_1d]\n"
TEXTS = {
    "plain": "strategy: {type: sma_crossover, params: {fast: 5, slow: 20}}\n",
    "changed": "strategy: {type: buy_and_hold}\ndates: {start: 2004-01-01}\n"
    "costs: {commission_bps: 10}\nsession: {close: '15:55', zone: America/New_York}\n",
    "weights": PAIR + "portfolio: {weights: equal, cash: 0.1, rebalance: {calendar: month}}\n",
    "signals": PAIR + "strategy: {type: buy_and_hold}\nportfolio: {priorities: {A_1d: 2}}\n",
}


def scenario(text):
    return parse_scenario(yaml.safe_load(f"name: it\n{text}"), where="here")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_scenario_is_read_back_as_it_was(tmp_path, text):
    given = scenario(text)
    write_lineage(tmp_path, given, {}, SHIPPED)
    found = read_lineage(tmp_path)
    assert found is not None
    assert found.scenario.hash == given.hash
    assert found.scenario.settings_hash == given.settings_hash
    assert type(found.scenario) is type(given)


def test_keys_at_their_default_change_no_byte(tmp_path):
    plain = scenario(TEXTS["weights"])
    spelt = scenario(TEXTS["weights"] + "capital: {initial: 100000}\ncosts: {commission_bps: 0}\n")
    assert plain.hash == spelt.hash  # one result, so one file
    first = write_lineage(tmp_path, plain, {}, SHIPPED)
    assert write_lineage(tmp_path, spelt, {}, SHIPPED) == first


def test_another_engine_version_alone_leaves_the_file_and_anything_else_renews_it(tmp_path):
    path, given = tmp_path / "lineage.json", scenario(TEXTS["plain"])
    first = write_lineage(tmp_path, given, {}, SHIPPED)
    text = path.read_text("utf-8")
    older = json.dumps({**json.loads(text), "engine_version": "0.1"}, sort_keys=True, indent=1)
    path.write_text(older + "\n", encoding="utf-8")
    assert write_lineage(tmp_path, given, {}, SHIPPED) != first
    assert read_lineage(tmp_path).engine_version == "0.1"
    for damaged in (older, "{}", "", "[1]", text.replace("20", "21")):
        path.write_text(damaged, encoding="utf-8")
        assert write_lineage(tmp_path, given, {}, SHIPPED) == first


@pytest.mark.parametrize("text", ["{}", "no json", '{"scenario": {"name": "it"}}', "[]"])
def test_a_file_that_is_none_is_refused_and_a_missing_one_is_none(tmp_path, text):
    assert read_lineage(tmp_path) is None
    (tmp_path / "lineage.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"lineage\.json"):
        read_lineage(tmp_path)
