"""Several scenarios in one file: what a variant takes from the file, names, refusals."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.catalog_files import SHIPPED
from trading_pipeline.settings.scenario_files.scenario_file import parse_scenario_file
from trading_pipeline.settings.scenario_files.variants import MOST_VARIANTS

FILE = {
    "name": "ideas",
    "strategy": {"type": "sma_crossover", "params": {"fast": 10, "slow": 30}},
    "instruments": ["AAPL_1d"],
    "costs": {"commission_bps": 1, "slippage_bps": 5},
    "sizing": {"type": "fixed_cash", "cash": 500, "pyramiding": 2},
    "risk": {"stop_loss": 0.1},
}


def scenarios(variants, **more):
    found = parse_scenario_file({**FILE, **more, "variants": variants}, where="ideas.yaml")
    return {each.name: each for each in found.scenarios}


def only(changes, **more):
    (found,) = scenarios({"v": changes}, **more).values()
    return found


def test_each_variant_is_a_scenario_of_the_file_with_its_changes():
    found = scenarios({"as_it_stands": None, "quick": {"params": {"fast": 5}}})
    assert list(found) == ["ideas_as_it_stands", "ideas_quick"]
    plain = parse_scenario_file({**FILE, "name": "ideas_as_it_stands"}, where="plain.yaml")
    assert found["ideas_as_it_stands"] == plain.scenarios[0]
    quick = found["ideas_quick"]
    assert quick.strategy.params == {"fast": 5, "slow": 30}
    assert quick.costs == plain.scenarios[0].costs


def test_a_group_is_laid_over_that_of_the_file_key_by_key():
    found = only({"costs": {"commission_bps": 3}, "dates": {"end": "2010-01-01"}})
    assert (found.costs.commission_bps, found.costs.slippage_bps) == (3, 5)
    assert found.dates.written == "../2010-01-01"
    assert only({"strategy": {"params": {"slow": 50}}}).strategy.params == {"fast": 10, "slow": 50}


def test_another_type_starts_anew():
    found = only({"strategy": {"type": "rsi_reversion"}, "sizing": {"type": "fixed_quantity",
                                                                    "quantity": 3}})  # fmt: skip
    assert found.strategy.params == {}
    assert (found.sizing.quantity, found.sizing.cash, found.sizing.pyramiding) == (3, None, 1)
    again = only({"strategy": {"type": "rsi_reversion"}, "params": {"window": 9}})
    assert again.strategy.params == {"window": 9}


def test_null_takes_a_group_of_the_file_away_and_lists_are_replaced_whole():
    found = only({"risk": None, "instruments": ["IBM_1d"], "costs": None})
    assert (found.risk.stop_loss, found.instruments) == (None, ("IBM_1d",))
    assert found.default_costs == {"commission_bps": 10.0, "slippage_bps": 0.0}


def test_a_list_of_parameter_sets_is_the_same_as_a_mapping():
    as_list = [{"name": "a", "params": {"fast": 5}}, {"name": "b", "params": {"fast": 7}}]
    as_mapping = {"a": {"params": {"fast": 5}}, "b": {"params": {"fast": 7}}}
    assert scenarios(as_list) == scenarios(as_mapping)


def test_portfolios_have_variants_too():
    portfolio = {
        "name": "both",
        "instruments": ["AAPL_1d", "IBM_1d"],
        "portfolio": {"weights": {"AAPL_1d": 0.5, "IBM_1d": 0.5}, "rebalance": {"calendar": "day"}},
        "variants": {
            "month": {"portfolio": {"rebalance": {"calendar": "month"}}},
            "tilted": {"portfolio": {"weights": {"AAPL_1d": 0.9, "IBM_1d": 0.1}}},
            "signals": {"portfolio": None, "strategy": {"type": "sma_crossover"}},
        },
    }
    month, tilted, signals = parse_scenario_file(portfolio, where="both.yaml").scenarios
    assert month.portfolio.rebalance.calendar == "month"
    assert month.target_weights == {"AAPL_1d": 0.5, "IBM_1d": 0.5}
    assert tilted.target_weights == {"AAPL_1d": 0.9, "IBM_1d": 0.1}
    assert signals.name == "both_signals"
    assert not hasattr(signals, "portfolio")


def test_two_variants_that_differ_are_two_trials_and_equal_ones_are_one():
    found = scenarios({"a": None, "b": {"costs": {"commission_bps": 2}}, "c": {}})
    hashes = {name: each.settings_hash for name, each in found.items()}
    assert hashes["ideas_a"] == hashes["ideas_c"] != hashes["ideas_b"]


@pytest.mark.parametrize(
    ("variants", "words"),
    [
        ({}, "'variants' must give at least one variant"),
        (None, "'variants' must give at least one variant"),
        ("quick", "was 'quick'. Leave the key out for one scenario"),
        ({"Quick": {}}, "a word of a to z, 0 to 9 and _ .* was 'Quick'"),
        ({1: {}}, "was 1 .*put the word in quotes"),
        ({True: {}}, "was True .*put the word in quotes"),
        ({"q" * 60: {}}, "'ideas_q+' has more than 64 characters"),
        ([{"params": {}}], "entry 1 of 'variants' has no 'name'"),
        ([{"name": "a"}, {"name": "a"}], "has the name 'a' twice"),
        ([{"name": None}], "was None"),
        ({"a": 5}, "'variants.a' must hold the keys that it changes.* was 5"),
        ({"a": {"fast": 5}}, "'variants.a': Unknown key 'fast'.*stand under 'params'"),
        ({"a": {"name": "b"}}, "'variants.a': Unknown key 'name'"),
        ({"a": {"variants": {}}}, "'variants.a': Unknown key 'variants'"),
        ({"a": {"cost": {}}}, "'variants.a': Unknown key 'cost'. Did you mean 'costs'"),
        ({"a": {"params": 5}}, "'variants.a': 'params' must hold parameters"),
        ({"a": {"params": {}, "strategy": {"params": {}}}}, "'variants.a' gives parameters twice"),
        ({"a": {"costs": {"fee": 1}}}, "'variants.a': Unknown key 'costs.fee'"),
        ({"a": {"costs": 5}}, "'variants.a': 'costs': .*was 5"),
        ({"a": {"strategy": None}}, "'variants.a': The key 'strategy' is missing"),
        ({f"v{n}": {} for n in range(MOST_VARIANTS + 1)}, "101 entries.*at most 100"),
    ],
)
def test_what_no_variant_can_be_is_refused_by_file_and_key(variants, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        scenarios(variants)
    assert str(caught.value).startswith("ideas.yaml")


def test_a_file_without_a_name_is_refused():
    with pytest.raises(ConfigurationError, match=r"ideas\.yaml: The key 'name' is missing"):
        scenarios({"a": {}}, name=None)


class TestNamesOfFiles:
    TWO = "variants: {quick: {}, slow: {}}\n"

    def written(self, config, name, text=""):
        return config(f"scenarios/{name}.yaml", f"{text}strategy: {{type: sma_crossover}}\n")

    def test_a_variant_is_found_by_its_name_and_tells_file_and_key(self, config, catalog):
        path = self.written(config, "mine", f"name: mine\n{self.TWO}")
        found = catalog()
        assert {"mine_quick", "mine_slow"} < set(found.scenarios)
        assert "mine" not in found.scenarios
        assert found.place_of("mine_quick") == f"{path}: 'variants.quick'"

    @pytest.mark.parametrize("taken", ["mine", "mine_quick"])
    def test_a_name_that_another_file_has_names_both(self, config, catalog, taken):
        first = self.written(config, "a", f"name: {taken}\n")
        second = self.written(config, "b", f"name: mine\n{self.TWO}")
        with pytest.raises(ConfigurationError, match=f"has the name '{taken}'") as caught:
            catalog()
        assert str(first) in str(caught.value)
        assert str(second) in str(caught.value)

    def test_two_files_whose_names_meet_only_together_are_refused(self, config, catalog):
        self.written(config, "a", "name: x\nvariants: {y_z: {}}\n")
        self.written(config, "b", "name: x_y\nvariants: {z: {}}\n")
        with pytest.raises(
            ConfigurationError, match=r"'variants.z' has the name 'x_y_z'.*'variants.y_z'"
        ):
            catalog()

    def test_a_variant_never_takes_the_place_of_a_shipped_scenario(self, config, catalog):
        self.written(config, "a", "name: sma\nvariants: {crossover: {}}\n")
        with pytest.raises(ConfigurationError, match="'sma_crossover'") as caught:
            catalog()
        assert str(SHIPPED) in str(caught.value)

    def test_json_with_the_same_keys_is_the_same(self, config, catalog, tmp_path):
        given = {**FILE, "variants": {"quick": {"params": {"fast": 5}}}}
        config("scenarios/a.json", json.dumps(given))
        from_json = catalog().scenario("ideas_quick")
        (tmp_path / "config/scenarios/a.json").unlink()
        config("scenarios/a.yaml", yaml.safe_dump(given))
        assert load_catalog(tmp_path / "config").scenario("ideas_quick") == from_json


LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=5)
WORDS = st.sampled_from(
    ["name", "type", "params", "strategy", "costs", "variants", "portfolio", "weights", "sizing",
     "sma_crossover", "equal", "commission_bps", "instruments", "market", "fees"]
)  # fmt: skip
VALUES = st.recursive(
    LEAVES | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.text(max_size=3) | st.integers(0, 2), inner, max_size=4)
    ),
    max_leaves=12,
)


def refusal(read, data):
    """Text of the error for a file's values; empty where they are read."""
    try:
        read(data)
    except ConfigurationError as error:
        return str(error)
    return ""


def require_paragraph(text, start):
    assert text == "" or text.startswith(start)
    assert len(text.splitlines()) <= 1
    assert text.isprintable()


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_whatever_variants_hold_is_read_or_refused_in_a_paragraph(variants):
    require_paragraph(refusal(scenarios, variants), "ideas.yaml")
