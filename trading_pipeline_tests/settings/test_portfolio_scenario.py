"""Scenario files with the key `portfolio`: what they say, and what is refused."""

import re
from pathlib import Path

import pytest
import yaml

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.portfolio_scenario import (
    PortfolioScenario,
    parse_scenario,
    require_one_account,
)
from trading_pipeline.settings.scenario import ScenarioSpec

PAGE = Path(__file__).resolve().parents[2] / "docs" / "portfolio.md"
TWO = {"name": "two", "instruments": ["IBM_1d", "AAPL_1d"]}
MOMENTUM = {"type": "cross_sectional_momentum", "params": {"top": 1}}
CROSSOVER = {"type": "sma_crossover"}


def portfolio(plan, **more):
    found = parse_scenario({**TWO, "portfolio": plan, **more}, where="two.yaml")
    assert isinstance(found, PortfolioScenario)
    return found


def test_equal_weights_share_what_is_not_kept_in_cash():
    assert portfolio({"weights": "equal"}).target_weights == {"AAPL_1d": 0.5, "IBM_1d": 0.5}
    shares = portfolio({"weights": "equal", "cash": 0.2}).target_weights
    assert shares == {"AAPL_1d": 0.4, "IBM_1d": 0.4}


def test_signals_on_shared_cash_have_a_strategy_and_no_weights():
    found = portfolio({"priorities": {"IBM_1d": 2}}, strategy=CROSSOVER)
    assert (found.target_weights, found.traded_by) == (None, "sma_crossover")


def test_a_file_without_the_key_is_a_plain_scenario():
    found = parse_scenario({"name": "plain", "strategy": CROSSOVER}, where="plain.yaml")
    assert type(found) is ScenarioSpec


def test_settings_of_a_trial_leave_out_what_its_parameters_say():
    equal = portfolio({"weights": "equal"})
    written = {"AAPL_1d": 0.5, "IBM_1d": 0.5}
    same = portfolio({"weights": written, "priorities": {"IBM_1d": 0}})
    assert equal.settings_hash == same.settings_hash
    assert equal.hash != same.hash
    other = portfolio({"weights": "equal", "priorities": {"IBM_1d": 1}})
    costly = portfolio({"weights": "equal"}, costs={"commission_bps": 5})
    assert len({each.settings_hash for each in (equal, other, costly)}) == 3


@pytest.mark.parametrize(
    ("plan", "more", "message"),
    [
        ({"weights": {"AAPL_1d": 0.5, "IBM_1d": 0.6}}, {}, "'portfolio.weights' add up to 1.1"),
        ({"weights": {"AAPL_1d": 0.5, "IBM_1d": -0.6}}, {}, "add up to 1.1 without their signs"),
        ({"weights": {"AAPL_1d": 0.5, "IBM_1d": 0.5}, "cash": 0.1}, {}, "'portfolio.cash' to 0.1"),
        ({"weights": {"AAPL_1d": 0.5}}, {}, "no weight for IBM_1d"),
        ({"weights": {"AAPL_1d": 0.5, "IMB_1d": 0.5}}, {}, "'IMB_1d'. Did you mean 'IBM_1d'?"),
        ({"weights": {"AAPL_1d": 0.5, "IBM_1d": float("nan")}}, {}, "weight of IBM_1d is nan"),
        ({"weights": {"AAPL_1d": 0.5, "IBM_1d": True}}, {}, "a number is needed"),
        ({"weights": "equall"}, {}, "'portfolio.weights': write 'equal'"),
        ({"weights": [0.5, 0.5]}, {}, "'portfolio.weights': write 'equal'"),
        ({"weight": "equal"}, {}, "Unknown key 'portfolio.weight'. Did you mean 'weights'?"),
        ({"weights": "equal", "rebalance": {"calendar": "monthly"}}, {}, "'monthly'"),
        ({"weights": "equal", "rebalance": {"threshold": 5}}, {}, "'portfolio.rebalance.thresh"),
        ({"weights": "equal", "priorities": {"FB_1d": 1}}, {}, "priorities' names 'FB_1d'"),
        ({"weights": "equal"}, {"strategy": CROSSOVER}, "'strategy' has no effect"),
        ({"weights": "equal"}, {"sizing": {"percent": 0.5}}, "'sizing' has no effect"),
        ({"weights": "equal"}, {"model_window": "2004-01-01"}, "'model_window' has no effect"),
        ({"weights": "equal"}, {"instruments": ["IBM_1d", "IBM_1d"]}, "lists IBM_1d twice"),
        ({"weights": "equal"}, {"instruments": ["IBM_1d"]}, "two instruments or more"),
        ({"weights": "equal"}, {"instruments": None}, "two instruments or more"),
        ({}, {}, "needs 'portfolio.weights', 'portfolio.strategy' or"),
        ({"strategy": MOMENTUM, "weights": "equal"}, {}, "'portfolio.weights' has no effect"),
        ({"strategy": MOMENTUM}, {"strategy": CROSSOVER}, "'strategy' has no effect beside 'portf"),
        ({"strategy": MOMENTUM}, {"sizing": {"percent": 0.5}}, "'sizing' has no effect beside"),
        ({"strategy": "momentum"}, {}, "'portfolio.strategy'"),
        ({"strategy": {"params": {}}}, {}, "key 'portfolio.strategy.type' is missing"),
        ({"strategy": {"type": "x", "parms": {}}}, {}, "'portfolio.strategy.parms'. Did you mean"),
        ({"strategy": MOMENTUM, "cash": 1.0}, {}, "'portfolio.cash'"),
        (None, {}, "'portfolio'"),
        ({"cash": 0.2}, {"strategy": CROSSOVER}, "'portfolio.cash' belongs to target weights"),
        ({"rebalance": {"calendar": "month"}}, {"strategy": CROSSOVER}, "'portfolio.rebalance'"),
    ],
)  # fmt: skip
def test_a_wrong_portfolio_is_refused_with_its_file_and_key(plan, more, message):
    with pytest.raises(ConfigurationError, match=r"^two\.yaml: ") as refused:
        portfolio(plan, **more)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_strategy_of_a_portfolio_is_that_of_its_scenario():
    found = portfolio({"strategy": MOMENTUM, "rebalance": {"calendar": "week"}})
    assert found.strategy == found.portfolio.strategy
    assert (found.traded_by, found.target_weights) == ("cross_sectional_momentum", None)
    assert found.holds_weights
    assert parse_scenario(found.model_dump(mode="json"), where="again.yaml") == found


def test_cash_beside_a_strategy_makes_another_trial_and_rebalancing_is_a_parameter():
    plain = portfolio({"strategy": MOMENTUM})
    weekly = portfolio({"strategy": MOMENTUM, "rebalance": {"calendar": "week"}})
    assert plain.settings_hash == weekly.settings_hash
    assert plain.hash != weekly.hash
    assert portfolio({"strategy": MOMENTUM, "cash": 0.1}).settings_hash != plain.settings_hash


def test_portfolios_without_a_strategy_keep_the_hash_they_had_before_there_was_one():
    written = portfolio({"weights": "equal"}).model_dump(mode="json")["portfolio"]
    assert set(written) == {"weights", "rebalance", "cash", "priorities"}


def test_leverage_lets_weights_add_up_to_more():
    weights = {"AAPL_1d": 1.2, "IBM_1d": -0.8}
    found = portfolio({"weights": weights}, limits={"leverage": 2})
    assert found.target_weights == weights


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"currency": "EUR"}, "different currencies under 'instruments': AAPL_1d USD, IBM_1d EUR"),
        ({"timeframe": Timeframe.H1}, "different timeframes under 'instruments': AAPL_1d 1d"),
    ],
)
def test_one_account_has_one_currency_and_one_timeframe(change, message):
    scenario = portfolio({"weights": "equal"})
    first = Instrument(symbol="AAPL", timeframe=Timeframe.D1, source="csv")
    second = Instrument(**({"symbol": "IBM", "timeframe": Timeframe.D1, "source": "csv"} | change))
    known = {"AAPL_1d": first, "IBM_1d": second}
    with pytest.raises(ConfigurationError, match=message):
        require_one_account(scenario, known)
    require_one_account(scenario, {"AAPL_1d": first})  # the other one is still to come


def test_examples_of_the_page_are_portfolios():
    examples = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(examples) == 3
    for text in examples:
        found = parse_scenario(yaml.safe_load(text), where=PAGE.name)
        assert isinstance(found, PortfolioScenario)
