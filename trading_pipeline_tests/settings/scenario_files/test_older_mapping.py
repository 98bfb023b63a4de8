"""Scenario files of the older form: what each key becomes, and what is refused."""

import copy
from datetime import date

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.settings.scenario_files.scenario_file import parse_scenario_file
from trading_pipeline_tests.settings.scenario_files.test_variants import (
    VALUES,
    refusal,
    require_paragraph,
)

ML = {
    "name": "BTC forecast, hourly",
    "description": "Trades a fitted model.",
    "strategy": {
        "type": "MLPredictiveStrategy",
        "params": {
            "model_path": "models/lstm-btc.h5",
            "min_predicted_return": 0.001,
            "confidence_threshold": 0.55,
            "prediction_window": 30,
            "risk_per_trade": 0.01,
        },
    },
    "market": {
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "start_date": "2024-02-01",
        "end_date": "2024-05-01",
    },
    "capital": {"initial": 5000, "currency": "USDT"},
    "fees": {"maker": 0.0007, "taker": 0.001},
    "risk_management": {"max_position_size": 0.25, "stop_loss": 0.03, "take_profit": 0.06},
}
BREAKOUT = {
    "name": "scalp",
    "strategy": {"type": "BreakoutScalpingStrategy", "params": {"lookback": 12, "risk_reward": 3}},
    "market": {"symbol": "AAPL", "timeframe": "1d"},
}


def changed(base, path, value):
    """A copy with the value at a path such as `market.symbol`; `...` takes the key away."""
    found = copy.deepcopy(base)
    *groups, name = path.split(".")
    inner = found
    for group in groups:
        inner = inner.setdefault(group, {})
    if value is ...:
        del inner[name]
    else:
        inner[name] = value
    return found


def read(data):
    return parse_scenario_file(data, where="old.json")


def scenario(data):
    (found,) = read(data).scenarios
    return found


def test_every_key_of_the_example_has_its_place():
    assert scenario(ML).model_dump(exclude_defaults=True) == {
        "name": "btc_forecast_hourly",
        "strategy": {
            "type": "ml_predictive",
            "params": {
                "model": "lstm_btc",
                "min_predicted_return": 0.001,
                "confidence_threshold": 0.55,
                "horizon": 30,
            },
        },
        "instruments": ("BTC-USDT_1h",),
        "dates": {"start": date(2024, 2, 1), "end": date(2024, 5, 1)},
        "capital": {"initial": 5000.0, "currency": "USDT"},
        "costs": {"commission_bps": 10.0, "maker_commission_bps": 7.0},
        "sizing": {"percent": 0.25},  # less than 0.01 / 0.03
        "risk": {"stop_loss": 0.03, "take_profit": 0.06},
    }


def test_every_key_of_the_example_is_named_with_what_became_of_it():
    told = read(ML).mapped
    for group, keys in ML.items():
        for name in keys if isinstance(keys, dict) else [""]:
            path = f"{group}.{name}".strip(".")
            leaves = ML["strategy"]["params"] if path == "strategy.params" else [""]
            for leaf in leaves:
                older = f"{path}.{leaf}".strip(".")
                assert any(older in line.split(" -> ")[0] for line in told), older
    assert "fees.taker 0.001 -> costs.commission_bps 10" in told
    assert read(ML).note.startswith("None has the older form. Its keys were read so:\n  name ")


def test_the_spec_that_takes_the_place_of_a_fitted_file_forecasts_as_far_ahead():
    ((name, text),) = read(ML).model_files.items()
    spec = ModelSpec.parse(yaml.safe_load(text), where="models/lstm_btc.yaml")
    assert spec.name == name == "lstm_btc"
    assert spec.predictor.params["horizons"] == [30]


def test_a_breakout_scalper_is_a_range_scalper_at_the_costs_of_the_settings():
    found = scenario(BREAKOUT)
    assert found.strategy.model_dump() == {
        "type": "range_scalper",
        "params": {"window": 12, "reward": 3},
    }
    assert (found.instruments, found.dates.written) == (("AAPL_1d",), "../..")
    assert found.default_costs == {"commission_bps": 10.0, "slippage_bps": 0.0}
    assert read(BREAKOUT).model_files == {}


@pytest.mark.parametrize(
    ("risk", "largest", "kind", "percent"),
    [
        (0.01, 0.25, "percent_of_equity", 0.25),
        (0.003, 0.25, "percent_of_equity", 0.1),
        (0.01, ..., "percent_at_risk", 0.01),
        (..., 0.25, "percent_of_equity", 0.25),
        (..., ..., "percent_of_equity", 1.0),
    ],
)
def test_the_size_is_the_share_of_the_equity_the_share_at_risk_or_the_smaller(
    risk, largest, kind, percent
):
    data = changed(ML, "strategy.params.risk_per_trade", risk)
    sizing = scenario(changed(data, "risk_management.max_position_size", largest)).sizing
    assert (sizing.type, sizing.percent) == (kind, percent)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("extra", 1, "Unknown key 'extra'. Known: capital, description, fees, market, name"),
        ("costs", {}, "Unknown key 'costs'"),
        ("fees.makr", 0.1, "Unknown key 'fees.makr'. Did you mean 'maker'"),
        ("fees.taker", 10, "'fees.taker': a fraction .*0.001 is 10 basis points.*was 10"),
        ("fees.taker", True, "'fees.taker': a number is needed"),
        ("fees.taker", float("nan"), "'fees.taker'"),
        ("strategy.type", "RsiStrategy", "'MLPredictiveStrategy' or 'BreakoutScalpingStrategy'"),
        ("strategy.params.model", "x", "'strategy.params': Unknown key 'model'.*'model_path'"),
        ("strategy.params.model_path", ..., "'strategy.params': The key 'model_path' is missing"),
        ("strategy.params.model_path", "///", "the name of a model is made of it"),
        ("strategy.params.prediction_window", 0, "'prediction_window': .*was 0"),
        ("strategy.params.prediction_window", 1.5, "'prediction_window'.*was 1.5"),
        ("strategy.params.confidence_threshold", 55, "'confidence_threshold': a fraction"),
        ("market.symbol", "BTC USDT", "'market': The symbol 'BTC USDT'"),
        ("market.timeframe", "60m", "'market': There is no timeframe '60m'"),
        ("market.start_date", "2024-06-01", "'end_date' 2024-05-01 is not after 'start_date'"),
        ("market.end_date", "soon", "'market.end_date'"),
        ("market", ..., "The key 'market' is missing"),
        ("capital.initial", 0, "'capital.initial'.*was 0"),
        ("risk_management.stop_loss", 0, "'risk_management.stop_loss': a fraction above 0"),
        ("risk_management.stop_loss", ..., "'strategy.params.risk_per_trade' is 0.01, and without"),
        ("risk_management.max_position_size", 25, "'risk_management.max_position_size'.*was 25"),
        ("name", "日本", "'name': the name of a scenario is made of it"),
        ("name", 7, "'name'.*was 7"),
        ("variants", {"a": {}}, "Unknown key 'variants'"),
    ],
)
def test_a_key_or_value_outside_the_form_is_refused_by_its_older_name(path, value, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        read(changed(ML, path, value))
    assert str(caught.value).startswith("old.json (older form of scenario files): ")


def test_every_unknown_key_is_named_at_once_wherever_it_is():
    params = {**ML["strategy"]["params"], "model": "x"}
    data = {**ML, "strategy": {**ML["strategy"], "params": params}, "leverage": 2}
    with pytest.raises(ConfigurationError) as caught:
        parse_scenario_file({**data, "fees": {"slippage": 0.1}}, where="old.json")
    told = str(caught.value)
    for key in ("'fees.slippage'", "'leverage'", "'strategy.params': Unknown key 'model'"):
        assert told.count(key) == 1


def test_a_scalper_with_two_sizes_is_asked_which_decides():
    data = changed(BREAKOUT, "strategy.params.risk_per_trade", 0.01)
    assert scenario(data).sizing.type == "percent_at_risk"
    with pytest.raises(ConfigurationError, match="Keep the one that decides"):
        read(changed(data, "risk_management.max_position_size", 0.25))


def test_a_file_of_today_with_an_older_key_is_not_taken_for_an_older_file():
    data = {"name": "a", "strategy": {"type": "sma_crossover"}, "fees": {"maker": 0}}
    with pytest.raises(ConfigurationError, match=r"^old\.json: Unknown key 'fees'"):
        read(data)


PATHS = [f"{group}.{name}" for group in ML if isinstance(ML[group], dict) for name in ML[group]]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([*ML, *PATHS, "strategy.params.model_path"]), VALUES)
def test_whatever_stands_at_a_key_is_read_or_refused_in_a_paragraph(path, value):
    require_paragraph(refusal(read, changed(ML, path, value)), "old.json")
