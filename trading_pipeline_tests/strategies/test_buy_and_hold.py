"""The buy-and-hold benchmark."""

import pytest

from trading_pipeline.backtest import BacktestSettings, run_backtest
from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies import Market, strategy, validate_params
from trading_pipeline_tests.strategies.conftest import bars_of


def held(market):
    chosen = strategy("buy_and_hold")
    return chosen.signals(market, validate_params("buy_and_hold", {}))


def test_enters_on_the_first_bar_and_never_again():
    found = held(Market(bars_of([1.0, 2.0, 3.0])))
    assert found.entry_long.tolist() == [True, False, False]
    assert not (found.exit_long | found.entry_short | found.exit_short).any()


@pytest.mark.parametrize("rows", [0, 1])
def test_very_short_markets_work_too(rows):
    assert len(held(Market(bars_of([1.0] * rows)))) == rows


def test_grows_with_the_market_from_the_second_bar_s_open():
    bars = bars_of([10.0, 20.0, 30.0, 15.0])
    result = run_backtest(bars, held(Market(bars)), BacktestSettings(initial_cash=1000.0))
    assert result.equity.tolist() == pytest.approx([1000.0, 1000.0, 1500.0, 750.0])
    assert result.trade_count == 1
    assert bool(result.trades["is_open"].iloc[0])


def test_has_no_parameter_and_no_warm_up():
    with pytest.raises(StrategyError, match="'fast'"):
        validate_params("buy_and_hold", {"fast": 10})
    params = validate_params("buy_and_hold", {})
    assert strategy("buy_and_hold").warmup_bars(params) == 0
    assert strategy("buy_and_hold").required_predictions(params) == ()
