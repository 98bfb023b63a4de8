"""The strategy that trades forecasts of returns, probabilities and paths for their horizon."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline import BacktestSettings, run_backtest
from trading_pipeline.errors import ConfigurationError, StrategyError
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.strategies import SHIPPED, Market, validate_params
from trading_pipeline.strategies.ml.forecasts import forecasts_of
from trading_pipeline_tests.strategies.conftest import bars_of, clock_of, intents, predictions_of

NAN = float("nan")


def market_of(closes=None, *, horizon=2, **columns):
    rows = len(next(iter(columns.values())))
    bars = bars_of(np.full(rows, 100.0) if closes is None else closes)
    clock = clock_of(bars)
    frame = pd.DataFrame({"known_at": clock, "horizon": horizon, **columns}, index=bars.index)
    return Market(bars, None, clock, {"direction": frame})


def signals(market, **params):
    return SHIPPED.signals("ml_predictive", market, validate_params("ml_predictive", params))


def test_a_forecast_is_held_for_its_horizon_from_the_last_one_that_counts():
    #                               0    1    2    3    4    5    6    7    8    9
    market = market_of(p_up=[0.5, 0.55, 0.6, 0.5, 0.5, 0.7, NAN, NAN, 0.2, 0.54], horizon=3)
    # the three bars of row 2 end with row 4, and row 5 goes on
    assert intents(signals(market)) == {"entry_long": [1], "exit_long": [8]}
    assert intents(signals(market, confidence_threshold=0.65)) == {
        "entry_long": [5], "exit_long": [8],
    }  # fmt: skip
    assert intents(signals(market, direction="long_short")) == {
        "entry_long": [1], "exit_long": [8], "entry_short": [8],
    }  # fmt: skip


def test_a_position_is_held_exactly_as_many_bars_as_the_forecast_is_ahead():
    closes = np.array([100.0, 100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0])
    market = market_of(closes, p_up=[0.5, 0.9] + [0.5] * 6, horizon=3)
    result = run_backtest(market.raw, signals(market), BacktestSettings(), actions=())
    (trade,) = result.trades.to_dict("records")
    assert (trade["entry_price"], trade["exit_price"]) == (101.0, 104.0)  # opens of rows 2 and 5


def test_a_falling_forecast_closes_a_long_position_early():
    market = market_of(yhat=[0.01, 0.0, -0.01, 0.0], horizon=9)
    assert intents(signals(market)) == {"entry_long": [0], "exit_long": [2]}


@pytest.mark.parametrize(
    ("columns", "entries"),
    [
        ({"yhat": [0.0009, 0.001, NAN, 0.002]}, [1, 3]),  # a return alone
        ({"yhat": [0.01, 0.01, 0.01, 0.0], "p_up": [0.5, 0.6, 0.54, 0.9]}, [1]),  # autoregressive
        ({"close": [100.2, 100.05, 99.0, NAN], "p_up": [0.6, 0.9, 0.9, 0.9]}, [0]),  # a path
        # a forward return: of quantiles -1, 1 and 3 a quarter of 45 % above 5 % lies below 0
        (
            {"yhat": [0.01] * 2, "q05": [-0.1, -0.1], "q50": [0.1, -0.1], "q95": [0.3, 0.1]},
            [0],
        ),
    ],
)
def test_each_kind_of_forecast_is_read_as_what_it_is(columns, entries):
    found = signals(market_of(**columns, horizon=1))
    assert np.flatnonzero(found.entry_long).tolist() == entries


def test_the_probability_lies_on_straight_lines_between_the_quantiles():
    low, middle, high = (
        [-3.0, 0.1, -3.0, -1.0, NAN],
        [1.0, 0.2, -1.0, 0.0, 0.0],
        [3.0, 0.3, 1.0, 1.0, 1.0],
    )
    market = market_of(yhat=[0.0] * 5, q05=low, q50=middle, q95=high)
    expected = [1 - (0.05 + 0.45 * 3 / 4), 0.95, 1 - (0.5 + 0.45 / 2), 0.5, NAN]
    np.testing.assert_allclose(forecasts_of(market, "direction", None).p_up, expected)


def test_the_prefilter_lets_longs_only_above_the_average_and_shorts_below():
    closes = [100.0, 101.0, 103.0, 90.0, 80.0, 100.0]
    # EMA of 2: nan, 100.5, 102.167, 94.056, 84.685, 94.895
    market = market_of(closes, p_up=[0.9, 0.9, 0.9, 0.9, 0.1, 0.1], horizon=1)
    found = intents(signals(market, prefilter=2, direction="long_short"))
    assert (found["entry_long"], found["entry_short"]) == ([1], [4])


def test_the_risk_of_a_trade_is_the_share_of_the_equity_that_its_stop_loses():
    market = market_of([100.0] * 4, p_up=[0.9, 0.5, 0.5, 0.5], horizon=9)
    found = signals(market, risk_per_trade=0.01, stop="4 percent")
    np.testing.assert_array_equal(found.size, [0.25, NAN, NAN, NAN])
    bars = market.raw.copy()
    bars.iloc[2, bars.columns.get_indexer(["low", "close", "open", "high"])] = [90, 95, 100, 100]
    result = run_backtest(bars, found, BacktestSettings(initial_cash=1000.0), actions=())
    assert result.trades["exit_price"].tolist() == [96.0]
    assert result.final_equity == pytest.approx(990.0)
    points = signals(market, risk_per_trade=0.01, stop="2 points")
    assert points.size[0] == pytest.approx(0.5)
    assert points.stop_loss.values[0] == 98.0
    capped = signals(market, risk_per_trade=0.1, stop="2 points", max_position_size=0.25)
    assert capped.size[0] == 0.25


@given(
    st.lists(st.one_of(st.just(NAN), st.sampled_from([0.3, 0.5, 0.7])), max_size=40),
    st.integers(1, 6),
    st.sampled_from(["long_only", "long_short"]),
)
def test_positions_equal_a_plain_reading_of_the_rule(p_up, horizon, direction):
    market = market_of(p_up=np.array(p_up, dtype=float), horizon=horizon)
    found = signals(market, direction=direction)
    side, left, sides = 0, 0, []
    for p in p_up:
        left = max(left - 1, 0)
        if p == 0.7:
            side, left = 1, horizon
        elif p == 0.3:
            side, left = -1, horizon
        sides.append(side if left else 0)
    held, now = [], 0
    for row in range(len(p_up)):
        if (found.exit_long[row] and now == 1) or (found.exit_short[row] and now == -1):
            now = 0
        now = 1 if found.entry_long[row] else -1 if found.entry_short[row] else now
        held.append(now)
    assert held == [max(each, 0) if direction == "long_only" else each for each in sides]


def test_an_older_prediction_is_none_of_the_bar():
    bars = bars_of([100.0] * 4)
    frame = predictions_of(clock_of(bars), [0.9] * 4).iloc[[1]]
    market = Market(bars, None, clock_of(bars), {"direction": frame.assign(horizon=1)})
    assert intents(signals(market)) == {"entry_long": [1], "exit_long": [2]}
    (remark,) = SHIPPED.remarks(
        "ml_predictive", market.traded_from(1), params := validate_params("ml_predictive", {})
    )
    assert "'direction' has no prediction for 2 of 3 traded bars" in remark
    assert SHIPPED.remarks("ml_predictive", market_of(p_up=[0.5] * 3), params) == ()


@pytest.mark.parametrize(
    ("market", "params", "message"),
    [
        (market_of(p_up=[1.2]), {}, "is 1.2; p_up must be a probability"),
        (market_of(p_act=[0.5]), {}, "neither a return nor a direction .* Found: horizon, p_act"),
        (market_of(p_up=[0.5]), {"horizon": 30}, "no forecast 30 bars ahead; it has those of 2"),
        (market_of(p_up=[0.5]), {"model": "other"}, "no predictions of the model 'other'"),
    ],
)
def test_predictions_that_cannot_be_traded_are_refused(market, params, message):
    with pytest.raises(StrategyError, match=message):
        signals(market, **params)


def test_predictions_that_do_not_say_how_far_ahead_they_are_are_refused():
    market = market_of(p_up=[0.5])
    frame = market.prediction_frames["direction"].drop(columns="horizon")
    bare = Market(market.raw, None, market.known_at, {"direction": frame})
    with pytest.raises(StrategyError, match="do not say how many bars ahead"):
        signals(bare)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"risk_per_trade": 0.01}, "risk_per_trade of 0.01 needs .* 'stop', such as '2 atr'"),
        ({"prefilter": 1}, "a prefilter of 1 bar is the close itself"),
        ({"min_predicted_return": float("nan")}, "'min_predicted_return'"),
        ({"confidence_threshold": 1.0}, "'confidence_threshold'"),
        ({"horizon": 0}, "'horizon'"),
        ({"horizon": True}, "'horizon'"),
        ({"model_path": "x.pkl"}, "Unknown key 'model_path'. Did you mean 'model'"),
    ],
)
def test_wrong_parameters_are_refused(params, message):
    with pytest.raises(StrategyError, match=message):
        validate_params("ml_predictive", params)


@pytest.mark.parametrize("label", ["volatility", "scaled_return"])
def test_a_model_of_something_else_than_a_return_is_refused(label):
    spec = ModelSpec(name="other", label={"type": label})
    with pytest.raises(ConfigurationError, match=r"'other' forecasts a .*forward return or a path"):
        SHIPPED.check_model("ml_predictive", validate_params("ml_predictive", {}), spec)
    SHIPPED.check_model(
        "ml_predictive", validate_params("ml_predictive", {}), ModelSpec(name="direction")
    )


def test_it_says_what_it_needs():
    plain = validate_params("ml_predictive", {"model": "mine", "prefilter": 50})
    risky = validate_params("ml_predictive", {"risk_per_trade": 0.01, "stop": "2 atr"})
    assert SHIPPED.required_predictions("ml_predictive", plain.model_dump()) == ("mine",)
    assert SHIPPED.required_sizing("ml_predictive", plain) is None
    assert SHIPPED.required_sizing("ml_predictive", risky) == "percent_of_equity"
    assert SHIPPED.get("ml_predictive").warmup_bars(plain) == 49
    assert SHIPPED.get("ml_predictive").warmup_bars(risky) == 14
