"""The scenario's keys against the engine's settings, the page of documentation and old hashes."""

import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic_core import PydanticUndefined

from trading_pipeline.backtest.scenario_runner import benchmark_settings, scenario_settings
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.backtest_settings import (
    BacktestSettings,
    FixedCash,
    FixedQuantity,
    PercentAtRisk,
    PercentOfEquity,
    SessionClose,
    TargetWeight,
    VolatilityTarget,
)
from trading_pipeline.settings.portfolio_scenario import PortfolioSpec
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.scenario_files.scenario_file import parse_scenario_file
from trading_pipeline.settings.spec_model import SpecModel
from trading_pipeline.strategies import SHIPPED

LEAST = {"name": "s", "strategy": {"type": "sma_crossover"}}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "scenarios.md"
ES = Instrument(
    symbol="ES", timeframe=Timeframe.D1, source="csv", multiplier=50.0, tick_size=0.25, lot_size=1.0
)


def scenario(**groups):
    return ScenarioSpec.parse({**LEAST, **groups}, where="my.yaml")


def engine_settings(**groups):
    return scenario_settings(scenario(**groups), ES, 252.0)


# One change a field of the engine's settings: (group, keys, field, value that arrives).
REACHED = [
    ("capital", {"initial": 5}, "initial_cash", 5.0),
    ("costs", {"commission_bps": 3}, "commission_bps", 3.0),
    ("costs", {"maker_commission_bps": 1}, "maker_commission_bps", 1.0),
    ("costs", {"commission_per_order": 1}, "commission_per_order", 1.0),
    ("costs", {"commission_per_share": 0.01}, "commission_per_share", 0.01),
    ("costs", {"commission_minimum": 2}, "commission_minimum", 2.0),
    ("costs", {"commission_per_round_trip": 4}, "commission_per_round_trip", 4.0),
    ("costs", {"slippage_bps": 5}, "slippage_bps", 5.0),
    ("costs", {"slippage_price": 0.1}, "slippage_price", 0.1),
    ("costs", {"slippage_volume_share": 0.1}, "slippage_volume_share", 0.1),
    ("sizing", {"percent": 0.5}, "sizing", PercentOfEquity(percent=0.5)),
    ("sizing", {"pyramiding": 3}, "pyramiding", 3),
    ("risk", {"stop_loss": 0.1}, "stop_loss", 0.1),
    ("risk", {"take_profit": 2}, "take_profit", 2.0),
    ("risk", {"trailing_stop": 0.2}, "trailing_stop", 0.2),
    ("risk", {"max_holding_bars": 9}, "max_holding_bars", 9),
    ("risk", {"daily_profit_target": 100}, "daily_profit_target", 100.0),
    ("risk", {"daily_loss_limit": 50}, "daily_loss_limit", 50.0),
    ("execution", {"fill": "same_close"}, "fill", "same_close"),
    ("execution", {"intrabar": "ohlc_path"}, "intrabar", "ohlc_path"),
    ("execution", {"allow_short": False}, "allow_short", False),
    ("execution", {"limit_fill": "touch"}, "limit_fill", "touch"),
    ("execution", {"time_in_force": "day"}, "time_in_force", "day"),
    ("execution", {"maximum_participation": 0.1}, "maximum_participation", 0.1),
    ("execution", {"unfilled": "keep"}, "unfilled", "keep"),
    ("session", {"close": "16:00", "zone": "America/New_York"}, "session_close",
     SessionClose(time="16:00", zone="America/New_York")),
    ("financing", {"borrow_rate": 0.02}, "borrow_rate", 0.02),
    ("financing", {"funding_rate": -0.1}, "funding_rate", -0.1),
    ("financing", {"cash_rate": 0.05}, "cash_rate", 0.05),
    ("limits", {"leverage": 2}, "leverage", 2.0),
    ("limits", {"maintenance_margin": 0.25}, "maintenance_margin", 0.25),
    ("limits", {"min_notional": 10}, "min_notional", 10.0),
    ("limits", {"lot_size": 0.1}, "lot_size", 0.1),
    ("limits", {"tick_size": 0.01}, "tick_size", 0.01),
    ("limits", {"multiplier": 5}, "multiplier", 5.0),
    ("limits", {"delta": 0.5}, "delta", 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("group", "keys", "field", "value"), REACHED)
def test_key_reaches_the_engine_and_changes_nothing_else(group, keys, field, value):
    before, after = engine_settings(), engine_settings(**{group: keys})
    assert getattr(after, field) == value != getattr(before, field)
    others = set(BacktestSettings.model_fields) - {field}
    assert {name for name in others if getattr(before, name) != getattr(after, name)} == set()


def test_every_setting_of_the_engine_has_a_key():
    derived = {"periods_per_year"}  # from the instrument's calendar and timeframe
    assert {field for _, _, field, _ in REACHED} | derived == set(BacktestSettings.model_fields)


@pytest.mark.parametrize(
    ("sizing", "expected"),
    [
        ({"type": "fixed_quantity", "quantity": 3}, FixedQuantity(quantity=3)),
        ({"type": "fixed_cash", "cash": 300}, FixedCash(cash=300)),
        ({"type": "percent_at_risk", "percent": 0.01}, PercentAtRisk(percent=0.01)),
        ({"type": "target_weight", "weight": 0.6}, TargetWeight(weight=0.6)),
        (
            {"type": "volatility_target", "annual_volatility": 0.15, "lookback_bars": 60},
            VolatilityTarget(annual_volatility=0.15, lookback_bars=60),
        ),
    ],
)
def test_every_sizing_has_its_keys(sizing, expected):
    assert engine_settings(sizing=sizing).sizing == expected


def test_defaults_are_the_engines_and_the_instruments():
    assert engine_settings() == BacktestSettings(
        multiplier=50.0, tick_size=0.25, lot_size=1.0, periods_per_year=252.0
    )


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({"finance": {}}, "Unknown key 'finance'. Did you mean 'financing'"),
        ({"limits": {"leverag": 2}}, "Unknown key 'limits.leverag'. Did you mean 'leverage'"),
        ({"session": {"close": "16:00", "zone": "America/NewYork"}},
         "'America/NewYork' is not a time zone. Did you mean 'America/New_York'"),
        ({"session": {"close": "16:00"}}, "'session': .*the key 'zone' is missing"),
        ({"session": {"zone": "UTC"}}, "'session': .*the key 'close' is missing"),
        ({"session": {"close": "25:00", "zone": "UTC"}}, "'session.close': .*'25:00'"),
        ({"sizing": {"type": "percent_at_risk"}}, "a fraction below 1 .*was 1"),
        ({"sizing": {"type": "target_weight"}}, "needs the key 'weight'"),
        ({"sizing": {"type": "volatility_target"}}, "needs the key 'annual_volatility'"),
        ({"sizing": {"type": "fixed_cash", "cash": 5, "weight": 0.5}},
         "fixed_cash does not use the key 'weight', only 'cash'"),
        ({"sizing": {"percent": 2}}, "'sizing.percent' is 2, more than 'limits.leverage' 1"),
        ({"execution": {"time_in_force": 0}}, "'execution.time_in_force': .*1"),
        ({"execution": {"maximum_participation": 2}}, "'execution.maximum_participation'.*was 2"),
        ({"financing": {"borrow_rate": -1}}, "'financing.borrow_rate': .*was -1"),
        ({"capital": {"initial": -5}}, "'capital.initial': .*greater than 0, was -5"),
    ],
)  # fmt: skip
def test_wrong_key_or_value_is_named(groups, words):
    with pytest.raises(ConfigurationError, match=words):
        scenario(**groups)


def test_unquoted_time_is_explained():
    group = yaml.safe_load("{close: 16:00, zone: UTC}")
    with pytest.raises(ConfigurationError, match=r"'session.close': .*put the word in quotes"):
        scenario(session=group)


def test_leverage_lets_an_entry_stake_more():
    chosen = engine_settings(sizing={"percent": 2.0}, limits={"leverage": 2})
    assert chosen.sizing == PercentOfEquity(percent=2.0)


def test_benchmark_holds_all_the_time_at_the_same_costs():
    chosen = engine_settings(
        risk={"stop_loss": 0.1, "max_holding_bars": 2, "daily_loss_limit": 5},
        costs={"commission_per_share": 0.5},
        session={"close": "16:00", "zone": "UTC"},
        execution={"maximum_participation": 0.01},
        sizing={"type": "fixed_cash", "cash": 1},
    )
    expected = engine_settings(costs={"commission_per_share": 0.5})
    assert benchmark_settings(chosen) == expected


def test_hash_of_a_scenario_from_before_the_further_keys_has_not_moved():
    assert scenario().hash.startswith("23ec72e47c62")
    changed = scenario(
        risk={"stop_loss": 0.1},
        execution={"fill": "same_close"},
        costs={"commission_bps": 10},
        sizing={"type": "fixed_cash", "cash": 500},
    )
    assert changed.hash.startswith("f2599bce3dc2")


@pytest.mark.parametrize(("group", "keys", "field", "value"), REACHED)
def test_every_key_moves_the_hash_and_is_shown_as_changed(group, keys, field, value):
    changed = scenario(**{group: keys})
    assert changed.hash != scenario().hash
    assert set(changed.changed_keys()) == {f"{group}.{name}" for name in keys}


def test_nothing_is_shown_as_changed_by_default():
    assert scenario().changed_keys() == {}


def documented_keys(model=ScenarioSpec, prefix=""):
    """(key, unit, default, meaning) of every key, groups in the order of their model."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, SpecModel):
            yield from documented_keys(field.annotation, f"{prefix}{name}.")
            continue
        default = field.get_default(call_default_factory=True)
        shown = "needed" if default is PydanticUndefined else yaml.safe_dump(default).split("\n")[0]
        extra = field.json_schema_extra
        yield f"`{prefix}{name}`", extra["unit"], extra.get("in_files", shown), field.description


def key_table(model=ScenarioSpec, prefix=""):
    rows = [
        "| key | unit | default | meaning |",
        "|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in documented_keys(model, prefix)),
    ]
    return "\n".join(rows)


def test_page_lists_every_key_with_unit_default_and_meaning():
    assert key_table() in PAGE.read_text(), f"put this table into {PAGE.name}:\n{key_table()}"


def test_page_lists_the_keys_of_portfolios_too():
    table = key_table(PortfolioSpec, "portfolio.")
    assert table in PAGE.read_text(), f"put this table into {PAGE.name}:\n{table}"


def examples(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


def test_examples_of_the_page_are_valid_scenarios_with_known_parameters():
    values = [yaml.safe_load(text) for text in examples("yaml")]
    files = [parse_scenario_file(each, where=PAGE.name) for each in values if "strategy" in each]
    assert [len(file.scenarios) for file in files] == [1, 1, 1, 4, 2]
    for found in (each for file in files for each in file.scenarios):
        SHIPPED.validate_params(found.strategy.type, found.strategy.params)


def test_the_older_example_of_the_page_is_read_and_answered_with_the_spec_that_it_shows():
    (text,) = examples("json")
    file = parse_scenario_file(json.loads(text), where=PAGE.name)
    (found,) = file.scenarios
    assert (found.name, found.sizing.percent) == ("btc_forecast", 0.25)
    (shown,) = [each for each in map(yaml.safe_load, examples("yaml")) if "predictor" in each]
    assert {name: yaml.safe_load(line) for name, line in file.model_files.items()} == {
        "lstm": shown
    }
