"""Both predictors of paths: skill, intervals, possible bars, no look-ahead, equal bytes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    InsufficientDataError,
    ModelTrainingError,
)
from trading_pipeline.models import FittedModel, NoModel, check_model_spec, load_model, save_model
from trading_pipeline.models.predictors.paths.bar_shapes import log_bars, shapes_of
from trading_pipeline.settings.model_spec import LabelSpec, ModelSpec
from trading_pipeline_tests.models.predictors.paths.path_worlds import (
    fit,
    forecasts,
    history,
    returns,
)

BOTH = pytest.mark.parametrize("name", ["autoregressive", "multi_ohlc"])
FIELDS = ("open", "high", "low", "close")


def by_horizon(model):
    return {row["horizon"]: row for row in model.details["horizons"]}


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("autoregressive", {}),
        ("autoregressive", {"method": "direct"}),
        ("multi_ohlc", {"steps": 4, "paths": 99}),
    ],
)
def test_a_correlation_of_a_fifth_is_found_over_twenty_thousand_bars(name, params):
    model = fit(name, history(returns(20_000, rho=0.2)), **params)
    first = by_horizon(model)[1]
    assert first["accuracy"] >= 0.54
    assert first["skill"] > 4 * first["skill_error"]
    assert "Better than drift at 1" in model.predictor.in_words(model.metrics())


def test_a_random_walk_is_forecast_no_better_than_drift():
    for name, params in (("autoregressive", {}), ("multi_ohlc", {"paths": 99})):
        better = 0
        for seed in range(12):
            model = fit(name, history(returns(1500, seed=seed)), **params)
            better += "Better than drift" in model.predictor.in_words(model.metrics())
        assert better <= 1, name


@pytest.mark.parametrize(
    ("name", "params"),
    [("autoregressive", {}), ("autoregressive", {"method": "direct"}), ("multi_ohlc", {})],
)
def test_intervals_of_90_percent_hold_about_that_share(name, params):
    model = fit(name, history(returns(3000, rho=0.2, seed=4)), steps=16, **params)
    for row in model.details["horizons"]:
        assert 0.80 <= row["coverage"] <= 0.97, row


def test_direct_and_recursive_agree_on_the_next_bar():
    known = history(returns(2000, rho=0.3))
    paths = [
        forecasts(fit("autoregressive", known, steps=2, method=method), known)["yhat"].iloc[0]
        for method in ("recursive", "direct")
    ]
    assert paths[0] == pytest.approx(paths[1], rel=0.05)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    deviation=st.floats(1e-4, 0.2),
    rho=st.floats(-0.6, 0.6),
)
def test_every_bar_of_every_quantile_is_a_possible_one(seed, deviation, rho):
    known = history(returns(300, rho=rho, seed=seed, deviation=deviation), seed=seed)
    found = forecasts(
        fit("multi_ohlc", known, paths=99, lags=2), known, slice(-5, None), whole_path=True
    )
    assert len(found) == 5 * 30
    for suffix in ("", "_q05", "_q95"):
        opened, high, low, close = (found[f"{field}{suffix}"] for field in FIELDS)
        assert (low > 0.0).all()
        assert (low <= np.minimum(opened, close)).all()
        assert (high >= np.maximum(opened, close)).all()
    assert found["p_up"].between(0.0, 1.0, inclusive="neither").all()


@given(st.lists(st.floats(-1.0, 1.0), min_size=4, max_size=4))
def test_any_four_numbers_are_a_possible_bar(numbers):
    opened, high, low, close = log_bars(np.array(numbers))
    assert low <= min(opened, close) <= max(opened, close) <= high


def test_shapes_give_back_the_bars():
    bars = history(returns(50)).bars
    shapes = shapes_of(bars).T
    before = np.log(bars["close"].to_numpy()[:-1])
    again = np.exp(log_bars(shapes) + before)
    for place, field in enumerate(FIELDS):
        assert again[place] == pytest.approx(bars[field].to_numpy()[1:])


@BOTH
def test_forecasts_of_past_bars_do_not_change_with_later_ones(name):
    known = history(returns(700, rho=0.2))
    model = fit(name, known, rows=500)
    whole = forecasts(model, known, slice(400, None))
    for cut in (420, 555, 699):
        part = forecasts(model, known.head(cut), slice(400, None))
        pd.testing.assert_frame_equal(part, whole.iloc[: len(part)], rtol=1e-9)


@BOTH
def test_a_live_bar_is_forecast_as_it_is_in_history(name):
    known = history(returns(600, rho=0.2))
    model = fit(name, known, rows=500)
    among_others = forecasts(model, known, slice(-50, None)).iloc[-6:]
    pd.testing.assert_frame_equal(forecasts(model, known), among_others, rtol=1e-12)


@BOTH
def test_a_fit_knows_nothing_of_bars_after_its_refit_date(name):
    known = history(returns(700))
    later = history(np.concatenate([returns(500), returns(200, seed=9)]))
    models = [fit(name, each, rows=500) for each in (known, later)]
    assert models[0].model_id == models[1].model_id


@BOTH
def test_the_same_fit_twice_has_equal_bytes(name, tmp_path):
    known = history(returns(500))
    paths = [save_model(tmp_path / each, fit(name, known)) for each in ("first", "second")]
    for file in ("model.skops", "metadata.json"):
        assert (paths[0] / file).read_bytes() == (paths[1] / file).read_bytes()
    again = load_model(paths[0])
    pd.testing.assert_frame_equal(forecasts(again, known), forecasts(fit(name, known), known))


@BOTH
def test_steps_follow_the_timeframe_and_few_are_stored(name):
    known = history(returns(700), timeframe="1m")
    model = fit(name, known, **({"paths": 99} if name == "multi_ohlc" else {}))
    stored = forecasts(model, known)
    assert stored["horizon"].tolist() == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert len(forecasts(model, known, whole_path=True)) == 300
    chosen = fit(name, known, steps=10, horizons=[1, 5])
    assert forecasts(chosen, known)["horizon"].tolist() == [1, 5]


def test_a_market_without_gaps_is_forecast_though_body_and_return_are_the_same():
    known = history(returns(500))
    bars = known.bars
    bars["open"] = bars["close"].shift(fill_value=100.0)
    bars["high"] = bars[["open", "high", "close"]].max(axis=1)
    bars["low"] = bars[["open", "low", "close"]].min(axis=1)
    found = forecasts(fit("multi_ohlc", known, paths=99), known, whole_path=True)
    last = bars["close"].iloc[-1]
    assert (found["close"] / last - 1.0).abs().max() < 0.2
    assert found["open"].iloc[0] == pytest.approx(last, rel=1e-6)


def test_prices_that_have_no_logs_are_named():
    known = history(returns(300))
    known.bars.iloc[200, known.bars.columns.get_loc("close")] = -37.6
    with pytest.raises(DataQualityError, match=r"-37\.6"):
        fit("autoregressive", known)


@BOTH
def test_a_close_that_never_changes_is_refused(name):
    with pytest.raises(ModelTrainingError, match="nothing to forecast"):
        fit(name, history(np.zeros(300)))


@BOTH
def test_too_few_bars_are_no_model_with_a_reason(name):
    outcome = fit(name, history(returns(60)))
    assert isinstance(outcome, NoModel)
    assert "100 are needed" in outcome.reason
    outcome = fit(name, history(returns(60)), minimum_rows=20, lags=40)
    assert isinstance(outcome, NoModel)


def test_a_path_that_runs_away_is_no_model():
    growing = np.exp(np.linspace(0.0, 3.0, 400)) * 1e-3 * (1 + 1e-6 * returns(400))
    outcome = fit("autoregressive", history(growing), lags=1)
    assert isinstance(outcome, NoModel)
    assert "runs away" in outcome.reason


def test_an_origin_without_enough_bars_before_it_is_refused():
    known = history(returns(300))
    with pytest.raises(InsufficientDataError, match="11 bars"):
        forecasts(fit("autoregressive", known), known, slice(5, 6))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"features": "alpha158"}, "features"),
        ({"label": LabelSpec(type="forward_return", horizon_bars=3)}, "label"),
        ({"estimator": {"type": "hist_gradient_boosting"}}, "estimator"),
        ({"predictor": {"type": "autoregressive", "params": {"lag": 3}}}, "lags"),
        ({"predictor": {"type": "autoregressive", "params": {"horizons": [3, 1]}}}, "rise"),
        (
            {"predictor": {"type": "autoregressive", "params": {"steps": 3, "horizons": [5]}}},
            "beyond",
        ),
    ],
)
def test_keys_that_would_be_ignored_or_cannot_be_are_refused(changes, word):
    spec = ModelSpec(**({"name": "mine", "predictor": "autoregressive"} | changes))
    with pytest.raises(ConfigurationError, match=word):
        check_model_spec(spec)


def test_a_model_of_paths_scores_each_horizon_on_rows_it_never_saw():
    model = fit("multi_ohlc", history(returns(900)))
    assert isinstance(model, FittedModel)
    rows = by_horizon(model)
    assert list(rows) == [1, 2, 4, 8, 16, 30]
    assert rows[30]["rows"] < rows[1]["rows"] <= 0.6 * 900
    assert rows[30]["effective_rows"] < rows[30]["rows"] / 20
    assert rows[1]["range_skill"] is not None
