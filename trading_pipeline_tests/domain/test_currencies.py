"""Currency codes."""

import pytest

from trading_pipeline.domain.currencies import COINS, ISO_CURRENCIES, require_currency
from trading_pipeline.errors import UnknownNameError


def test_codes_have_three_letters_and_coins_are_none_of_them():
    assert all(len(code) == 3 and code.isupper() for code in ISO_CURRENCIES)
    assert not COINS & ISO_CURRENCIES


@pytest.mark.parametrize("code", ["USD", "INR", "XXX", "USDT"])
def test_a_known_code_is_given_back(code):
    assert require_currency(code) == code


@pytest.mark.parametrize(("code", "closest"), [("EURO", "EUR"), ("usd", "USD"), ("GBPX", "GBP")])
def test_an_unknown_code_is_refused_with_the_closest(code, closest):
    with pytest.raises(UnknownNameError, match=f"'{code}'") as raised:
        require_currency(code)
    assert closest in str(raised.value)
    assert raised.value.values["name"] == code
