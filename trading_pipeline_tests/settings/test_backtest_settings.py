"""What the settings of a backtest accept and refuse."""

import pytest
from pydantic import ValidationError

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.backtest_settings import (
    BacktestSettings,
    FixedQuantity,
    PercentOfEquity,
    SessionClose,
)


def test_defaults_trade_at_the_next_open_with_caution_and_no_costs():
    settings = BacktestSettings()
    assert (settings.fill, settings.intrabar, settings.limit_fill) == (
        "next_open",
        "pessimistic",
        "through",
    )
    assert settings.sizing == PercentOfEquity(percent=1.0)
    assert settings.commission_bps == settings.slippage_bps == 0.0
    assert settings.leverage == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"comission_bps": 10},
        {"initial_cash": 0},
        {"initial_cash": float("nan")},
        {"commission_bps": -1},
        {"commission_bps": float("inf")},
        {"fill": "next_close"},
        {"leverage": 0.5},
        {"stop_loss": 1.0},
        {"trailing_stop": 0.0},
        {"max_holding_bars": 0},
        {"pyramiding": 0},
        {"sizing": {"type": "everything"}},
        {"sizing": {"type": "fixed_quantity"}},
        {"sizing": {"type": "percent_of_equity", "quantity": 3}},
        {"session_close": {"time": "25:00", "zone": "UTC"}},
    ],
)
def test_wrong_setting_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        BacktestSettings(**wrong)


def test_unknown_zone_is_named():
    with pytest.raises(ConfigurationError, match="America/New_Yorck"):
        SessionClose(time="15:45", zone="America/New_Yorck")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"initial_cash": -5}, "'initial_cash': .*greater than 0, was -5"),
        ({"initial_cash": float("nan")}, "'initial_cash': .*greater than 0, was nan"),
        ({"comission_bps": 3}, "Unknown key 'comission_bps'. Did you mean 'commission_bps'"),
        ({"sizing": {"type": "fixed_cash", "cas": 1}}, "Unknown key 'cas'. Did you mean 'cash'"),
        ({"session_close": {"time": "16:00", "zone": "Mars/Base"}}, "'session_close'.*Mars/Base"),
    ],
)
def test_wrong_setting_is_named_with_its_value(wrong, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        BacktestSettings(**wrong)
    assert caught.value.settings == "BacktestSettings"


def test_sizing_is_read_from_plain_values():
    settings = BacktestSettings(sizing={"type": "fixed_quantity", "quantity": 3})
    assert settings.sizing == FixedQuantity(quantity=3)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        BacktestSettings().initial_cash = 5.0


def test_equal_settings_have_equal_hashes_and_others_not():
    assert BacktestSettings(commission_bps=10).hash == BacktestSettings(commission_bps=10.0).hash
    assert BacktestSettings(commission_bps=10).hash != BacktestSettings(commission_bps=11).hash
    assert BacktestSettings(sizing=FixedQuantity(quantity=1)).hash != BacktestSettings().hash
    assert hash(BacktestSettings()) == hash(BacktestSettings())
