"""This file holds the tests of sources by name."""

from __future__ import annotations

import pytest

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.market_data.source import MarketDataSource
from trading_pipeline.market_data.source_registry import source, source_names
from trading_pipeline.market_data.synthetic_source import SyntheticSource


@pytest.mark.parametrize("name", source_names())
def test_every_source_has_the_name_it_is_found_by(name):
    found = source(name)
    assert isinstance(found, MarketDataSource)
    assert found.name == name


def test_settings_reach_the_source():
    found = source("synthetic", {"seed": 11, "missing_fraction": 0.25})
    assert isinstance(found, SyntheticSource)
    assert (found.settings.seed, found.settings.missing_fraction) == (11, 0.25)


def test_unknown_source_offers_close_names():
    with pytest.raises(UnknownNameError, match=r"no source 'bundle'\. Did you mean 'bundled'"):
        source("bundle")


@pytest.mark.parametrize(
    ("name", "setting", "offer"),
    [("synthetic", "sede", "'seed'"), ("bundled", "seed", "None is known")],
)
def test_unknown_setting_is_refused(name, setting, offer):
    with pytest.raises(ConfigurationError, match=f"takes no setting '{setting}'.*{offer}"):
        source(name, {setting: 1})
