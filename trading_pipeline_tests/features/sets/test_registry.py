from __future__ import annotations

import dataclasses
import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.code_identity import SourceTree
from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, DataQualityError, UnknownNameError
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.registry import (
    FeatureSet,
    FeatureSets,
    FeatureSpec,
    compute_features,
    feature_set,
    feature_set_names,
)
from trading_pipeline.own_code import OwnCode

CORE = feature_set("core")


def two_bar_mean(bars, *, weight=0.5):
    close = bars["close"].to_numpy()
    before = np.concatenate([[np.nan], close[:-1]])
    return weight * close + (1.0 - weight) * before


def spec(compute=two_bar_mean, **changes):
    values = {
        "name": "mean_2",
        "version": 1,
        "inputs": ("close",),
        "lookback": 1,
        "warmup": 1,
        "compute": compute,
        "parameters": {},
    }
    return FeatureSpec(**(values | changes))


def set_of(*specs, name="mine"):
    return FeatureSet(name=name, version=1, specs=specs)


def test_a_feature_of_two_bars_by_hand(walk_bars):
    bars = walk_bars(3)
    result = compute_features(set_of(spec()), bars)
    close = bars["close"].to_list()
    expected = [np.nan, (close[0] + close[1]) / 2, (close[1] + close[2]) / 2]
    np.testing.assert_array_equal(result["mean_2"], expected)
    assert result.index.equals(bars.index)
    assert result.index.name == "ts"
    assert str(result["mean_2"].dtype) == "float64"


def test_values_before_the_warm_up_are_nan_even_where_the_formula_has_some(walk_bars):
    bars = walk_bars(30)
    result = compute_features(set_of(spec(warmup=12)), bars)["mean_2"]
    assert result.isna().tolist() == [True] * 12 + [False] * 18


def test_the_same_row_is_the_same_number_from_all_bars_and_from_one_warm_up(walk_bars):
    bars = walk_bars(1500)
    whole = compute_features(CORE, bars).iloc[1000:]
    part = compute_features(CORE, bars.iloc[1000 - CORE.warmup_bars :]).iloc[CORE.warmup_bars :]
    assert part.notna().all(axis=None)
    size = whole.abs().median().to_numpy()
    assert ((whole - part).abs() <= 1e-6 * (whole.abs() + size)).all(axis=None)


@pytest.mark.parametrize("rows", [0, 1, CORE.warmup_bars])
def test_fewer_bars_than_the_warm_up_give_nan_for_the_slowest_feature(walk_bars, rows):
    result = compute_features(CORE, walk_bars(rows) if rows else empty_bars())
    assert list(result.columns) == list(CORE.columns)
    assert len(result) == rows
    assert result["adx_14"].isna().all()
    assert set(map(str, result.dtypes)) == {"float64"}


def test_one_bar_more_than_the_warm_up_gives_one_complete_row(walk_bars):
    result = compute_features(CORE, walk_bars(CORE.warmup_bars + 1))
    assert result.notna().all(axis=1).tolist() == [False] * CORE.warmup_bars + [True]


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda bars: np.ones(3), r"shape \(3,\) for 20 bars"),
        (lambda bars: np.ones((20, 1)), r"shape \(20, 1\)"),
        (
            lambda bars: np.where(np.arange(20) == 7, np.inf, 1.0),
            r"'mean_2' is inf at .* \(row 7\)",
        ),
        (
            lambda bars: np.where(np.arange(20) == 9, np.nan, 1.0),
            r"'mean_2' is nan at .* \(row 9\)",
        ),
    ],
)
def test_a_feature_of_wrong_shape_or_with_holes_is_refused_by_name(walk_bars, compute, message):
    with pytest.raises(DataQualityError, match=message) as error:
        compute_features(set_of(spec(compute)), walk_bars(20))
    assert error.value.feature == "mean_2"


@pytest.mark.parametrize(
    ("column", "value"),
    [("close", np.nan), ("close", 0.0), ("open", -1.0), ("high", np.inf), ("volume", -5.0)],
)
def test_bars_that_no_feature_can_use_are_refused_with_their_place(walk_bars, column, value):
    bars = walk_bars(20)
    bars.loc[bars.index[4], column] = value
    with pytest.raises(DataQualityError, match=f"The {column} of bar 1990-01-05") as error:
        compute_features(CORE, bars)
    assert error.value.row == 4


def test_bars_out_of_order_or_twice_or_without_volume_are_refused(walk_bars):
    bars = walk_bars(20)
    for wrong in (bars.iloc[::-1], pd.concat([bars, bars.iloc[-1:]])):
        with pytest.raises(DataQualityError, match="not in increasing order"):
            compute_features(CORE, wrong)
    with pytest.raises(DataQualityError, match=r"lack the column\(s\) volume"):
        compute_features(CORE, bars.drop(columns="volume"))


def test_computing_leaves_the_bars_alone(walk_bars):
    bars = walk_bars(450)
    copy = bars.copy()
    compute_features(CORE, bars)
    pd.testing.assert_frame_equal(bars, copy)


def test_an_unknown_set_is_refused_with_the_closest_name():
    assert "core" in feature_set_names()
    with pytest.raises(UnknownNameError, match=r"no feature set 'cor'\. Did you mean 'core'"):
        feature_set("cor")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": ("closs",)}, "reads 'closs', which bars do not have. Did you mean 'close'"),
        ({"lookback": 5, "warmup": 3}, "0 <= lookback <= warmup"),
        ({"lookback": -1}, "0 <= lookback <= warmup"),
    ],
)
def test_a_wrong_feature_is_refused_when_it_is_declared(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        spec(**changes)


def test_a_set_needs_features_with_different_names():
    with pytest.raises(ConfigurationError, match="it has mean_2 twice"):
        set_of(spec(), spec(version=2))
    with pytest.raises(ConfigurationError, match="it has none"):
        set_of()


def test_a_set_of_one_registry_is_found_there_and_nowhere_else():
    mine, other = set_of(spec(), name="test_only"), set_of(spec(version=2), name="test_only")
    first = FeatureSets(OwnCode({"test_only": mine}))
    second = FeatureSets(OwnCode({"test_only": other}))
    assert (first.get("test_only"), second.get("test_only")) == (mine, other)
    assert first.names() == (*sorted({*feature_set_names(), "test_only"}),)
    with pytest.raises(UnknownNameError, match="no feature set 'test_only'"):
        feature_set("test_only")


@pytest.mark.parametrize(
    "changes", [{"name": "other"}, {"version": 2}, {"warmup": 2}, {"parameters": {"weight": 0.4}}]
)
def test_the_hash_covers_names_versions_warm_ups_and_parameters(changes):
    assert set_of(spec()).hash == set_of(spec()).hash
    assert set_of(spec(**changes)).hash != set_of(spec()).hash
    assert dataclasses.replace(set_of(spec()), name="yours").hash != set_of(spec()).hash


def test_the_hash_covers_the_source_of_the_computing_module(tmp_path, monkeypatch):
    hashes = []
    for formula in ("close * 1.0", "close * 2.0", "close * 1.0"):
        file = tmp_path / f"formula_{len(hashes)}" / "my_formula.py"
        file.parent.mkdir()
        file.write_text(f"def feature(bars):\n    close = bars['close']\n    return {formula}\n")
        found = importlib.util.spec_from_file_location("my_formula", file)
        module = importlib.util.module_from_spec(found)
        monkeypatch.setitem(sys.modules, "my_formula", module)
        found.loader.exec_module(module)
        hashes.append(set_of(spec(module.feature)).hash)
    assert hashes[0] == hashes[2] != hashes[1]


def test_the_hash_of_core_covers_every_module_it_is_computed_by():
    covered = SourceTree().reached_modules(*(one.compute for one in CORE.specs))
    package = "trading_pipeline.features."
    assert covered >= {
        package + name for name in ("sets.core_formulas", "indicators.wrapper", "rolling.windows")
    }


def test_a_formula_without_source_text_has_no_hash(monkeypatch):
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec("no_source", None))
    exec("def feature(bars): return bars['close']", module.__dict__)
    monkeypatch.setitem(sys.modules, "no_source", module)
    with pytest.raises(ConfigurationError, match="source text of the module 'no_source'"):
        _ = set_of(spec(module.feature)).hash


@pytest.mark.parametrize("feature", CORE.specs, ids=lambda one: one.name)
def test_each_feature_of_core_reads_the_columns_that_it_declares_and_no_other(walk_bars, feature):
    bars = walk_bars(900)
    before = feature.values(bars)[feature.warmup :]
    generator = np.random.default_rng(3)
    for column in bars.columns:
        changed = bars.copy()
        # a level alone would cancel out of most features
        changed[column] *= np.exp(generator.normal(0.0, 0.001, len(bars)))
        after = feature.values(changed)[feature.warmup :]
        assert np.array_equal(before, after) == (column not in feature.inputs), column
    assert feature.meaning.endswith(".")
    recursive = feature.warmup > feature.lookback
    assert feature.version == (2 if recursive else 1)


def test_the_definition_of_core_is_what_people_trained_on():
    """A change here changes every model: raise the set's version with it."""
    shown = {one.name: (one.lookback, one.warmup, dict(one.parameters)) for one in CORE.specs}
    assert (CORE.version, len(shown), CORE.warmup_bars) == (3, 42, 400)
    assert shown["rsi_14"] == (14, 400, {"timeperiod": 14})
    assert shown["macd_histogram"][:2] == (33, 400)
    assert shown["atr_14"] == (14, 400, {"timeperiod": 14})
    assert shown["adx_14"] == (27, 400, {"timeperiod": 14})
    assert shown["di_difference_14"] == (14, 400, {"timeperiod": 14})
    assert shown["close_to_ema_20"] == (19, 400, {"timeperiod": 20})
    assert [name for name, (lookback, warmup, _) in shown.items() if warmup > lookback] == [
        "close_to_ema_20",
        "di_difference_14",
        "rsi_14",
        "macd_histogram",
        "adx_14",
        "atr_14",
    ]
    assert shown["close_to_sma_200"] == (199, 199, {"window": 200})
    assert shown["stochastic_d_14"] == (17, 17, {"window": 14, "smoothing": 3})
    assert shown["bollinger_width_20"] == (19, 19, {"window": 20, "deviations": 2.0})


def test_features_with_a_part_are_computed_together_and_once(walk_bars):
    calls = []

    def both(bars, *, factor):
        calls.append(len(bars))
        close = bars["close"].to_numpy()
        return close * factor, -close

    parts = [spec(both, name=f"part_{n}", part=n, parameters={"factor": 2.0}) for n in (0, 1)]
    other = spec(both, name="other", part=0, parameters={"factor": 3.0})
    bars = walk_bars(9)
    result = compute_features(set_of(*parts, other), bars)
    assert calls == [9, 9]
    close = bars["close"].iloc[1:]
    assert result["part_0"].iloc[1:].tolist() == (2.0 * close).tolist()
    assert result["part_1"].iloc[1:].tolist() == (-close).tolist()
    assert result["other"].iloc[1:].tolist() == (3.0 * close).tolist()


def test_holes_are_left_to_an_audit_that_asks_for_them_but_infinity_is_not(walk_bars):
    bars = walk_bars(20)
    holed = set_of(spec(lambda bars: np.where(np.arange(20) == 9, np.nan, 1.0)))
    result = compute_features(holed, bars, complete=False)["mean_2"]
    assert result.isna().sum() == 2
    endless = set_of(spec(lambda bars: np.where(np.arange(20) == 9, np.inf, 1.0)))
    with pytest.raises(DataQualityError, match="'mean_2' is inf"):
        compute_features(endless, bars, complete=False)


def test_a_feature_with_a_context_is_given_it_and_may_settle_sooner(walk_bars):
    given = []

    def named(bars, *, context):
        given.append(context)
        return np.ones(len(bars))

    feature = spec(named, warmup=9, warmups={"1h": 4}, needs_context=True)
    hourly = FeatureContext(Timeframe.H1, "24/7")
    bars = walk_bars(20)
    assert compute_features(set_of(feature), bars, context=hourly)["mean_2"].isna().sum() == 4
    assert compute_features(set_of(feature), bars)["mean_2"].isna().sum() == 9
    assert given == [hourly, None]
    with pytest.raises(ConfigurationError, match="0 <= lookback <= warmup"):
        spec(named, lookback=5, warmup=9, warmups={"1h": 4})
