"""Costs that a scenario file leaves out are the environment's."""

import pytest

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.scenario_files.default_costs import DefaultCosts, default_costs_line
from trading_pipeline.settings.scenario_files.scenario_file import parse_scenario_file

PLAIN = {"name": "s", "strategy": {"type": "sma_crossover"}}
BOTH = DefaultCosts(commission_bps=10, slippage_bps=3)


def read(costs=None, defaults=None, **more):
    data = {**PLAIN, **more} | ({} if costs is None else {"costs": costs})
    (found,) = parse_scenario_file(data, where="s.yaml", costs=defaults or BOTH).scenarios
    return found


@pytest.mark.parametrize(
    ("costs", "added"),
    [
        (None, ("commission_bps", "slippage_bps")),
        ({}, ("commission_bps", "slippage_bps")),
        ({"commission_bps": 0}, ("slippage_bps",)),
        ({"commission_bps": 0, "slippage_bps": 0}, ()),
        ({"commission_per_share": 0.01}, ("slippage_bps",)),
        ({"commission_per_order": 0}, ("slippage_bps",)),
        ({"commission_per_round_trip": 1}, ("slippage_bps",)),
        ({"commission_minimum": 1}, ("commission_bps", "slippage_bps")),
        ({"maker_commission_bps": 2}, ("commission_bps", "slippage_bps")),
        ({"slippage_price": 0.01}, ("commission_bps",)),
        ({"slippage_volume_share": 0.1}, ("commission_bps",)),
    ],
)
def test_only_a_kind_of_costs_that_the_file_does_not_mention_is_added(costs, added):
    found = read(costs)
    assert tuple(found.default_costs) == added
    for name in ("commission_bps", "slippage_bps"):
        given = (costs or {}).get(name, 0.0)
        assert getattr(found.costs, name) == (getattr(BOTH, name) if name in added else given)


def test_defaults_are_ten_basis_points_unless_the_environment_says_otherwise(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (found,) = parse_scenario_file(PLAIN, where="s.yaml").scenarios
    assert found.default_costs == {"commission_bps": 10.0, "slippage_bps": 0.0}
    monkeypatch.setenv("TRADING_PIPELINE_DEFAULT_COMMISSION_BPS", "2.5")
    monkeypatch.setenv("TRADING_PIPELINE_DEFAULT_SLIPPAGE_BPS", "1")
    (found,) = parse_scenario_file(PLAIN, where="s.yaml").scenarios
    assert found.default_costs == {"commission_bps": 2.5, "slippage_bps": 1.0}
    for wrong in ("-1", "10000", "nan", "ten"):
        monkeypatch.setenv("TRADING_PIPELINE_DEFAULT_COMMISSION_BPS", wrong)
        with pytest.raises(ConfigurationError, match="TRADING_PIPELINE_DEFAULT_COMMISSION_BPS"):
            load_settings()


def test_a_default_of_zero_adds_nothing_alone_and_is_told_beside_another():
    found = read(defaults=DefaultCosts(commission_bps=0))
    assert found.costs.is_free
    assert found.default_costs == {}
    assert read({"commission_bps": 5}, DefaultCosts()).default_costs == {}
    told = default_costs_line(read(defaults=DefaultCosts()).default_costs)
    assert "commission_bps 10 and slippage_bps 0 are the environment's" in told


def test_the_same_costs_are_one_trial_whoever_gave_them_and_others_another():
    by_default, written = read(), read({"commission_bps": 10, "slippage_bps": 3})
    assert by_default.settings_hash == written.settings_hash
    assert by_default.hash != written.hash  # the results say different things
    assert by_default != written
    other = read(defaults=DefaultCosts(commission_bps=20, slippage_bps=3))
    assert other.settings_hash != by_default.settings_hash


def test_specs_made_in_python_stay_free():
    assert ScenarioSpec.parse(PLAIN, where="here").costs.is_free


def test_shipped_scenarios_write_their_costs():
    for scenario in load_catalog(None, BOTH).scenarios.values():
        assert scenario.default_costs == {}, scenario.name


@pytest.mark.parametrize("costs", [5, "ten", [1], {"fee": 1}, {"commission_bps": None}])
def test_wrong_costs_are_refused_as_ever(costs):
    with pytest.raises(ConfigurationError, match=r"^s\.yaml: .*costs"):
        read(costs)


def test_the_line_names_the_costs_the_variables_and_the_way_out():
    assert default_costs_line({}) == ""
    told = default_costs_line(read().default_costs)
    assert "commission_bps 10 and slippage_bps 3 are the environment's" in told
    assert "TRADING_PIPELINE_DEFAULT_SLIPPAGE_BPS" in told
    assert "costs: {commission_bps: 10, slippage_bps: 3}" in told


def test_the_currency_of_the_account_is_no_part_of_a_trial():
    assert read(capital={"currency": "USD"}).settings_hash == read().settings_hash
