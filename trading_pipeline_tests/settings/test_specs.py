"""Tests of specifications: what each file may say, and how it is told what is wrong."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.model_spec import LabelSpec, ModelSpec
from trading_pipeline.settings.scenario import DateSpan, ScenarioSpec
from trading_pipeline.settings.spec_model import SpecModel
from trading_pipeline.settings.study import ParameterSpace, StudySpec
from trading_pipeline.settings.universe import InstrumentSpec, UniverseFile, UniverseSpec

SCENARIO = {"name": "s", "strategy": {"type": "sma_crossover"}}
MODEL = {"name": "m"}
STUDY = {
    "name": "g",
    "strategy": "sma_crossover",
    "scenario": "s",
    "space": {"fast": {"range": [5, 50, 5]}},
}
UNIVERSE = {"start": date(2000, 1, 1)}


def line(**changes) -> dict:
    return {"symbol": "AAPL", "source": "bundled", **changes}


def merged(base: dict, changes: dict) -> dict:
    found = dict(base)
    for key, value in changes.items():
        inner = found.get(key)
        found[key] = (
            merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
        )
    return found


WRONG: list[tuple[type[SpecModel], dict, dict, str]] = [
    (ScenarioSpec, SCENARIO, {"capitl": {}}, "Unknown key 'capitl'. Did you mean 'capital'?"),
    (
        ScenarioSpec,
        SCENARIO,
        {"costs": {"comission_bps": 1}},
        "Unknown key 'costs.comission_bps'. Did you mean 'commission_bps'?",
    ),
    (ScenarioSpec, SCENARIO, {"risk": {"xyz": 1}}, "'risk.xyz'. Known: .*stop_loss, take_profit"),
    (
        ScenarioSpec,
        SCENARIO,
        {"capital": {"initial": "lots"}},
        "'capital.initial': .*number.*'lots'",
    ),
    (
        ScenarioSpec,
        SCENARIO,
        {"capital": {"initial": -1}},
        "'capital.initial': .*greater than 0.*-1",
    ),
    (ScenarioSpec, SCENARIO, {"capital": {"initial": float("inf")}}, "'capital.initial': .*finite"),
    (ScenarioSpec, SCENARIO, {"capital": {"initial": float("nan")}}, "'capital.initial'"),
    (ScenarioSpec, SCENARIO, {"capital": 5}, "'capital': .*was 5"),
    (ScenarioSpec, SCENARIO, {"costs": {"slippage_bps": 10_000}}, "'costs.slippage_bps'"),
    (ScenarioSpec, SCENARIO, {"execution": {"fill": "open"}}, "'execution.fill': .*next_open"),
    (ScenarioSpec, SCENARIO, {"sizing": {"type": "fixed_cash"}}, "needs the key 'cash'"),
    (ScenarioSpec, SCENARIO, {"sizing": {"percent": 1.5}}, "'sizing.percent'"),
    (ScenarioSpec, SCENARIO, {"risk": {"stop_loss": 5}}, "'risk.stop_loss': .*less than 1"),
    (ScenarioSpec, SCENARIO, {"instruments": []}, "'instruments' is empty"),
    (ScenarioSpec, SCENARIO, {"instruments": ["A_1d", "A_1d"]}, "lists one twice"),
    (ScenarioSpec, SCENARIO, {"name": "With Space"}, "'name': .*With Space"),
    (ScenarioSpec, SCENARIO, {"name": True}, "'name': .*True.*put the word in quotes"),
    (
        ScenarioSpec,
        SCENARIO,
        {"dates": {"start": date(2012, 1, 1), "end": date(2012, 1, 1)}},
        "'dates': the end 2012-01-01 is not after the start",
    ),
    (ScenarioSpec, SCENARIO, {"dates": {"start": "soon"}}, "'dates.start': .*'soon'"),
    (ModelSpec, MODEL, {"estimater": {}}, "Did you mean 'estimator'"),
    (ModelSpec, MODEL, {"label": {"horizon": 5}}, "Did you mean 'horizon_bars'"),
    (ModelSpec, MODEL, {"label": {"horizon_bars": 0}}, "'label.horizon_bars'"),
    (ModelSpec, MODEL, {"label": {"type": "up"}}, "'label.type': .*direction"),
    (ModelSpec, MODEL, {"training": {"span": 0}}, "'training.span': .*at least 1 window"),
    (ModelSpec, MODEL, {"training": {"span": "sliding"}}, "'training.span': .*'expanding'"),
    (ModelSpec, MODEL, {"training": {"refit": "yearly"}}, "'training.refit': .*window"),
    (ModelSpec, MODEL, {"seed": 2**32}, "'seed'"),
    (ModelSpec, MODEL, {"calibration": "isotonic"}, "'calibration': .*sigmoid"),
    (StudySpec, STUDY, {"space": {}}, None),
    (StudySpec, STUDY, {"metrics": "x"}, "Did you mean 'metric'"),
    (StudySpec, STUDY, {"space": {"fast": {"rnge": [1, 2, 1]}}}, "Did you mean 'range'"),
    (StudySpec, STUDY, {"space": {"fast": {"values": [1]}}}, "give either 'range"),
    (StudySpec, STUDY, {"space": {"slow": {}}}, "'space.slow': give either"),
    (StudySpec, STUDY, {"space": {"slow": {"range": [5, 1, 1]}}}, "'space.slow': the range"),
    (StudySpec, STUDY, {"space": {"slow": {"range": [1, 5, 0]}}}, "step must be above 0"),
    (StudySpec, STUDY, {"space": {"slow": {"range": [1, 5]}}}, "its third number, the step"),
    (StudySpec, STUDY, {"space": {"slow": {"range": [1]}}}, "'range' takes .first, last, step."),
    (StudySpec, STUDY, {"space": {"slow": {"log": [1, 9]}}}, "third number, the number of points"),
    (StudySpec, STUDY, {"space": {"slow": {"log": [0, 9, 3]}}}, "starts at 0; equal ratios"),
    (StudySpec, STUDY, {"space": {"slow": {"log": [-2, 9, 3]}}}, "starts at -2; equal ratios"),
    (
        StudySpec,
        STUDY,
        {"space": {"slow": {"log": [9, 1, 3]}}},
        r"reversed, from 9 down to 1; .*\[1, 9, 3\]",
    ),
    (StudySpec, STUDY, {"space": {"slow": [5, 10]}}, r"'space.slow': 'values: \[5, 10\]' says"),
    (StudySpec, STUDY, {"space": {"slow": 5}}, r"'space.slow': 'values: \[5\]' says"),
    (StudySpec, STUDY, {"space": {"slow": {"values": 5}}}, "a list is needed, .*, was 5"),
    (StudySpec, STUDY, {"space": [5]}, "'space': keys with their values are needed"),
    (StudySpec, STUDY, {"space": {"slow": {"log": [1, 9, 2.5]}}}, "2.5 points; give a whole"),
    (StudySpec, STUDY, {"space": {"slow": {"choice": [1, 2, 1]}}}, "'choice' holds 1 twice"),
    (StudySpec, STUDY, {"space": {"slow": {"choice": [1], "values": [1]}}}, "only one of them"),
    (StudySpec, STUDY, {"budget": 9}, "a grid tries every combination"),
    (StudySpec, STUDY, {"method": "random"}, "'method: random' needs 'budget'"),
    (StudySpec, STUDY, {"method": "random", "budget": 0}, "'budget': .*greater than or equal to 1"),
    (StudySpec, STUDY, {"method": "tpe", "budget": 9_000}, "it takes at most 2,000"),
    (StudySpec, STUDY, {"method": "random", "budget": True}, "'budget': a number is needed"),
    (StudySpec, STUDY, {"seed": -1}, "'seed'"),
    (StudySpec, STUDY, {"frozen": True}, "keeps dates unread for its test"),
    (StudySpec, STUDY, {"frozen": True, "test": {"end": "2012-01-01"}}, "keeps dates unread"),
    (StudySpec, STUDY, {"test": {"start": "2011-01-01"}}, "add 'frozen: true'"),
    (StudySpec, STUDY, {"instruments": ["A_1d", "A_1d"]}, "lists one twice"),
    (StudySpec, STUDY, {"walk_forward": {"window": "week"}}, "'walk_forward.window': .*'year'"),
    (StudySpec, STUDY, {"space": {"slow": {"values": []}}}, "'values' is empty"),
    (StudySpec, STUDY, {"method": "guess"}, "'method': .*grid"),
    (StudySpec, STUDY, {"walk_forward": {"train_windows": 0}}, "'walk_forward.train_windows'"),
    (StudySpec, STUDY, {"walk_forward": {"train_window": 3}}, "Did you mean 'train_windows'"),
    (UniverseSpec, UNIVERSE, {"cadence": "week"}, "'cadence': .*year"),
    (UniverseSpec, UNIVERSE, {"instruments": [line(symbl="x")]}, "instruments.0.symbl.*'symbol'"),
    (UniverseSpec, UNIVERSE, {"instruments": [line(symbol="A_B")]}, "'A_B' has characters"),
    (UniverseSpec, UNIVERSE, {"instruments": [line(symbol="")]}, "'instruments.0.symbol'"),
    (UniverseSpec, UNIVERSE, {"instruments": [line(timeframe="2h")]}, "timeframe.*1h"),
    (UniverseSpec, UNIVERSE, {"instruments": [line(symbol=False)]}, "put the word in quotes"),
    (UniverseSpec, UNIVERSE, {"instruments": [line(symbol=700)]}, "700.*put the word in quotes"),
    (UniverseSpec, UNIVERSE, {"instruments": [line(tick_size=0)]}, "'instruments.0.tick_size'"),
    (
        UniverseSpec,
        UNIVERSE,
        {"instruments": [line(listed_from=date(2012, 1, 1), listed_to=date(2011, 1, 1))]},
        "'listed_to' 2011-01-01 is before 'listed_from'",
    ),
    (
        UniverseSpec,
        UNIVERSE,
        {"instruments": [line(timeframe="1h", resample_from="1h")]},
        "'resample_from' 1h is not finer than the timeframe 1h",
    ),
    (UniverseSpec, UNIVERSE, {"instruments": [line(resample_from="2h")]}, "resample_from.*1h"),
    (UniverseFile, {}, {"instruments": [line(), line()]}, "AAPL_1d is listed twice"),
    (UniverseFile, {}, {"instruments": [line(symbol="A/B"), line(symbol="A-B")]}, "A-B_1d"),
]


@pytest.mark.parametrize(("spec", "base", "changes", "words"), WRONG)
def test_every_wrong_value_is_named_with_its_file_and_key(spec, base, changes, words):
    data = {**base, **changes} if words is None else merged(base, changes)
    with pytest.raises(ConfigurationError, match=words or "names no parameter") as caught:
        spec.parse(data, where="my.yaml")
    assert str(caught.value).startswith("my.yaml: ")
    assert caught.value.where == "my.yaml"
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_all_wrong_keys_are_told_at_once():
    with pytest.raises(ConfigurationError) as caught:
        ScenarioSpec.parse({"strateg": {}, "capital": {"initial": 0}}, where="f")
    text = str(caught.value)
    for words in ("'name' is missing", "'strategy' is missing", "'capital.initial'", "'strateg'"):
        assert words in text


@pytest.mark.parametrize("data", [[], [1], "text", 5, None])
def test_a_file_without_keys_is_told_what_it_holds(data):
    with pytest.raises(ConfigurationError, match="f must hold keys and values, but holds"):
        ScenarioSpec.parse(data, where="f")


def test_specs_are_frozen_and_hash_by_their_values():
    spec = ScenarioSpec.parse(SCENARIO, where="f")
    with pytest.raises(ValidationError):
        spec.name = "other"
    explicit = ScenarioSpec.parse(
        {**SCENARIO, "capital": {"initial": 100000}, "dates": {}}, where="f"
    )
    assert spec.hash == explicit.hash  # defaults written out change nothing
    assert spec.hash != ScenarioSpec.parse({**SCENARIO, "name": "t"}, where="f").hash
    costly = ScenarioSpec.parse({**SCENARIO, "costs": {"commission_bps": 1}}, where="f")
    assert spec.hash != costly.hash


class TestScenario:
    def test_covers_what_it_lists_or_all(self):
        everywhere = ScenarioSpec.parse(SCENARIO, where="f")
        listed = ScenarioSpec.parse({**SCENARIO, "instruments": ["A_1d"]}, where="f")
        assert everywhere.covers("B_1d")
        assert listed.covers("A_1d")
        assert not listed.covers("B_1d")

    def test_dates_are_bounds_in_utc_and_may_be_open(self):
        span = DateSpan(start=date(2004, 1, 1))
        assert span.bounds == (datetime(2004, 1, 1, tzinfo=UTC), None)
        assert DateSpan().bounds == (None, None)

    def test_dates_of_json_are_text(self):
        spec = ScenarioSpec.parse({**SCENARIO, "dates": {"start": "2004-01-01"}}, where="f")
        assert spec.dates.start == date(2004, 1, 1)


class TestParameterSpace:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ((5, 20, 5), [5, 10, 15, 20]),
            ((5, 19, 5), [5, 10, 15]),
            ((5, 5, 1), [5]),
            ((0.1, 0.7, 0.1), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
            ((-1, 1, 0.5), [-1, -0.5, 0, 0.5, 1]),
            ((1e-3, 3e-3, 1e-3), [0.001, 0.002, 0.003]),
        ],
    )
    def test_a_range_has_its_last_value_where_the_steps_reach_it(self, given, expected):
        assert ParameterSpace(range=given).grid() == expected

    def test_whole_numbers_are_int(self):
        assert all(type(v) is int for v in ParameterSpace(range=(5, 20, 5)).grid())
        assert [type(v) for v in ParameterSpace(range=(0.5, 1.5, 1)).grid()] == [float, float]

    @given(st.integers(-50, 50), st.integers(0, 40), st.integers(1, 60))
    def test_a_grid_of_tenths_has_every_step_once(self, first, count, step):
        last = first + count * step
        grid = ParameterSpace(range=(first / 10, last / 10, step / 10)).grid()
        assert len(grid) == count + 1
        assert grid == [pytest.approx((first + i * step) / 10, abs=1e-12) for i in range(count + 1)]
        assert len(set(grid)) == len(grid)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ((0, 1e12, 1), "1,000,000,000,001 values, at most 1,000,000"),
            ((0, 1e308, 1e-308), "inf values, at most 1,000,000"),
            ((-1e308, 1e308, 1e300), "values, at most 1,000,000"),
            ((0, 1_000_000, 1), "1,000,001 values"),
            ((1, 1 + 1e-12, 1e-15), "too small to tell its values apart"),
            ((1e18, 1e18 + 1000, 1), "too small to tell its values apart"),
            ((0, 1, 0), "step must be above 0"),
            ((0, 1, -1), "step must be above 0"),
            ((1, 0, 1), r"reversed, from 1 down to 0; write \[0, 1, 1\]"),
            ((9, 1, -2), r"reversed, from 9 down to 1; write \[1, 9, 2\]"),
            ((0, 1, math.nan), "finite"),
            ((0, math.inf, 1), "finite"),
            ((True, 5, 1), "not true or false"),
            ((0, 5, 1, 2), "'range' takes"),
            ((5, 0), r"reversed, from 5 down to 0; write \[0, 5\]"),
            ((5, 5), r"\[5, 5\] is empty"),
        ],
    )
    def test_a_range_without_a_sensible_number_of_values_is_refused(self, given, words):
        with pytest.raises(ConfigurationError, match=words):
            ParameterSpace.parse({"range": given}, where="a test")

    def test_equal_ratios_lie_between_both_ends(self):
        assert ParameterSpace(log=(0.01, 100, 5)).grid() == [0.01, 0.1, 1, 10, 100]
        assert ParameterSpace(log=(1, 4, 9)).grid(whole=True) == [1, 2, 3, 4]  # each once
        wide = ParameterSpace(log=(2, 200))
        assert [wide.between(share) for share in (0.0, 0.5, 1.0)] == [2, 20, 200]
        assert ParameterSpace(range=(2, 9)).between(0.49, whole=True) == 5

    def test_a_later_key_at_its_default_changes_no_hash_of_an_older_file(self):
        plain = StudySpec.parse(STUDY, where="a test")
        same = {"seed": 7, "frozen": False, "ledger": "own", "instruments": ["AAPL_1d"]}
        assert StudySpec.parse(STUDY | same, where="a test").hash == plain.hash
        for changed in ({"seed": 8}, {"method": "random", "budget": 5}):
            assert StudySpec.parse(STUDY | changed, where="a test").hash != plain.hash

    def test_values_are_counted_without_being_built(self):
        assert ParameterSpace(range=(0, 999_999, 1)).count() == 1_000_000
        assert ParameterSpace(range=(5, 19, 5)).count() == 3
        assert ParameterSpace(values=(1, "a")).count() == 2

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_a_value_that_is_not_finite_is_refused(self, value):
        with pytest.raises(ConfigurationError, match="not finite"):
            ParameterSpace.parse({"values": [1, value]}, where="a test")

    def test_values_are_given_as_they_are(self):
        assert ParameterSpace(values=("long_only", 1, 0.5, None)).grid() == [
            "long_only",
            1,
            0.5,
            None,
        ]


class TestLabelNames:
    def test_unequal_labels_have_unequal_names(self):
        labels = [
            LabelSpec(type=kind, horizon_bars=bars, dead_zone_bps=zone)
            for kind in ("direction", "forward_return")
            for bars in (1, 5, 20, 50)
            for zone in (0, 0.5, 5, 10, 50)
        ]
        assert len({label.name for label in labels}) == len(labels)

    @given(st.floats(0, 1e4), st.integers(1, 5000))
    def test_names_are_plain_words(self, zone, bars):
        name = LabelSpec(dead_zone_bps=zone, horizon_bars=bars).name
        assert name.replace("_", "").isalnum()
        assert name == name.lower()

    @given(st.floats(0, 1e4), st.floats(0, 1e4))
    def test_zones_that_differ_in_any_digit_have_other_names(self, one, other):
        names = [LabelSpec(dead_zone_bps=zone).name for zone in (one, other)]
        assert (names[0] == names[1]) == (one == other)


class TestUniverse:
    def test_instruments_come_by_id_in_the_order_of_the_file(self):
        spec = UniverseSpec.parse(
            {
                **UNIVERSE,
                "instruments": [line(symbol="Z"), line(symbol="BTC/USDT", timeframe="1h")],
            },
            where="f",
        )
        assert list(spec.by_id) == ["Z_1d", "BTC-USDT_1h"]
        assert spec.by_id["BTC-USDT_1h"].symbol == "BTC/USDT"
        assert spec.grid.start == date(2000, 1, 1)

    def test_an_overlay_replaces_equal_ids_in_their_place_and_adds_others(self):
        base = UniverseSpec(
            start=date(2000, 1, 1),
            end=date(2013, 3, 1),
            instruments=(InstrumentSpec(**line()), InstrumentSpec(**line(symbol="IBM"))),
        )
        other = UniverseFile(
            instruments=(
                InstrumentSpec(**line(symbol="X")),
                InstrumentSpec(**line(currency="EUR")),
            )
        )
        found = base.overlaid(other)
        assert list(found.by_id) == ["AAPL_1d", "IBM_1d", "X_1d"]
        assert found.by_id["AAPL_1d"].currency == "EUR"
        assert (found.start, found.end, found.cadence) == (base.start, base.end, base.cadence)
        assert base.overlaid(UniverseFile()) == base


@pytest.mark.parametrize("value", [True, False, np.True_])
@pytest.mark.parametrize(
    ("spec", "group", "name"),
    [
        (ScenarioSpec, "capital", "initial"),
        (ScenarioSpec, "costs", "commission_bps"),
        (ScenarioSpec, "sizing", "pyramiding"),
        (ScenarioSpec, "risk", "max_holding_bars"),
        (ScenarioSpec, "execution", "time_in_force"),
        (ScenarioSpec, "financing", "cash_rate"),
        (ScenarioSpec, "limits", "leverage"),
        (ModelSpec, "training", "minimum_rows"),
        (ModelSpec, "training", "span"),
        (ModelSpec, "label", "horizon_bars"),
    ],
)
def test_a_truth_value_is_no_number_in_any_file(spec, group, name, value):
    base = {"name": "a"} | ({"strategy": {"type": "hold"}} if spec is ScenarioSpec else {})
    with pytest.raises(ConfigurationError, match=rf"'{group}.{name}': a number is needed here"):
        spec.parse(base | {group: {name: value}}, where="a.yaml")


def test_a_whole_number_beyond_64_bits_is_refused_and_the_largest_is_not():
    base = {"name": "a", "strategy": {"type": "hold"}}
    for number, group, name in (
        (2**63, "risk", "max_holding_bars"),
        (10**5000, "capital", "initial"),
        (-(10**400), "financing", "funding_rate"),
    ):
        with pytest.raises(ConfigurationError, match=rf"'{group}.{name}': a whole number is at"):
            ScenarioSpec.parse(base | {group: {name: number}}, where="a.yaml")
    kept = ScenarioSpec.parse(base | {"risk": {"max_holding_bars": 2**63 - 1}}, where="a.yaml")
    assert kept.risk.max_holding_bars == 2**63 - 1


def test_a_cost_of_minus_zero_is_the_same_scenario():
    specs = [
        ScenarioSpec.parse(
            {"name": "a", "strategy": {"type": "hold"}, "costs": {"commission_bps": zero}},
            where="a.yaml",
        )
        for zero in (0.0, -0.0)
    ]
    assert specs[0].hash == specs[1].hash
    assert specs[0].settings_hash == specs[1].settings_hash
