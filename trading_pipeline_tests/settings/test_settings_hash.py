"""Tests of what of a scenario makes a trial another one: settings and dates, not names."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from trading_pipeline.settings.scenario import ScenarioSpec

PLAIN = {"name": "plain", "strategy": {"type": "sma_crossover", "params": {"fast": 10}}}


def spec(**changes: Any) -> ScenarioSpec:
    return ScenarioSpec.parse(PLAIN | changes, where="here")


def told(scenario: ScenarioSpec) -> tuple[str, str]:
    return scenario.settings_hash, scenario.dates.written


def test_forty_stops_dates_and_sizes_are_forty_variants():
    variants = {
        told(spec(risk={"stop_loss": stop}, dates={"start": day}, sizing={"percent": size}))
        for stop, day, size in product(
            (0.01, 0.02, 0.03, 0.04, 0.05), ("2004-01-01", "2004-02-01"), (0.25, 0.5, 0.75, 1.0)
        )
    }
    assert len(variants) == 40


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "renamed"},
        {"instruments": ["AAPL_1d"]},
        {"benchmark": "buy_and_hold"},
        {"capital": {"initial": 100_000}},
        {"costs": {"commission_bps": 0, "slippage_bps": 0.0}},
        {"sizing": {"type": "percent_of_equity", "percent": 1}},
        {"risk": {"stop_loss": None}},
        {"execution": {"fill": "next_open"}},
        {"session": {}},
        {"allow_overlap": False},
        {"model_window": None},
        {"dates": {"start": None, "end": None}},
        {"strategy": {"type": "sma_crossover", "params": {"fast": 5}}},
    ],
)
def test_names_lists_and_written_defaults_are_no_variant(changes):
    assert told(spec(**changes)) == told(spec())


@pytest.mark.parametrize(
    "changes",
    [
        {"capital": {"initial": 50_000}},
        {"costs": {"commission_per_share": 0.01}},
        {"sizing": {"pyramiding": 2}},
        {"risk": {"max_holding_bars": 5}},
        {"execution": {"allow_short": False}},
        {"execution": {"time_in_force": 3}},
        {"session": {"close": "16:00", "zone": "America/New_York"}},
        {"financing": {"cash_rate": 0.01}},
        {"limits": {"leverage": 2}},
        {"allow_overlap": True},
        {"model_window": "2003-01-01"},
    ],
)
def test_every_setting_of_the_account_is_a_variant(changes):
    assert spec(**changes).settings_hash != spec().settings_hash
    assert spec(**changes).dates.written == spec().dates.written


def test_dates_are_told_as_they_are_written():
    assert spec().dates.written == "../.."
    assert spec(dates={"start": "2004-01-01"}).dates.written == "2004-01-01/.."
    assert spec(dates={"end": "2005-01-01"}).dates.written == "../2005-01-01"
    assert spec(dates={"start": "2004-01-01"}).settings_hash == spec().settings_hash


def test_the_same_number_is_the_same_setting_however_it_is_written():
    one = spec(costs={"commission_bps": 10})
    assert one.settings_hash == spec(costs={"commission_bps": 10.0}).settings_hash
