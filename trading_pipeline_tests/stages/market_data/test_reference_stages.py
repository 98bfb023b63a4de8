"""Universe, corporate actions and the check of the whole catalog."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from trading_pipeline.errors import (
    ConfigurationError,
    InsufficientDataError,
    PermanentFetchError,
    StrategyError,
    TradingPipelineError,
    UnknownNameError,
)
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.universe import UniverseSpec
from trading_pipeline.stages.market_data.universe import clipped_span
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline_tests.stage_calls import (
    actions_are_pending,
    refresh_actions,
    refresh_universe,
    require_sound,
    universe_is_pending,
)

JAN, DEC = datetime(2012, 1, 1, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC)


def test_the_universe_is_pending_until_its_files_were_read_and_after_each_change(fresh_world):
    assert universe_is_pending(fresh_world.workspace)
    outcome = refresh_universe(fresh_world.workspace)
    assert (outcome.rows, outcome.changed) == (5, True)
    assert not universe_is_pending(fresh_world.workspace)
    again = refresh_universe(fresh_world.workspace)
    assert not again.changed
    assert again.content_hash == outcome.content_hash
    assert fresh_world.value("SELECT count(*) FROM artifacts") == 1
    fresh_world.write("universe.yaml", "start: 2000-01-01\nend: 2005-01-01\n")
    assert universe_is_pending(fresh_world.workspace)


def test_an_empty_universe_is_an_error(fresh_world):
    opened = fresh_world.workspace
    empty = Catalog(UniverseSpec(start=date(2000, 1, 1), end=date(2004, 1, 1)), {}, {}, {}, {})
    workspace = Workspace(opened.settings, empty, opened.warehouse)
    with pytest.raises(InsufficientDataError, match=r"universe is empty.*List at least one"):
        refresh_universe(workspace)
    assert fresh_world.value("SELECT count(*) FROM instruments") == 0


def test_a_symbol_that_its_source_does_not_have_is_an_error(fresh_world):
    fresh_world.write("universe.yaml", "instruments:\n  - {symbol: AAPLE, source: bundled}\n")
    with pytest.raises(PermanentFetchError, match=r"no symbol 'AAPLE'.*'AAPL'"):
        refresh_universe(fresh_world.workspace)


def test_listing_dates_come_from_the_source(fresh_world):
    refresh_universe(fresh_world.workspace)
    found = fresh_world.rows(
        "SELECT listed_from, listed_to FROM instruments WHERE instrument = 'FB_1d'"
    )
    assert found == [(date(2012, 5, 18), date(2013, 3, 1))]


def test_actions_are_asked_for_once(fresh_world):
    workspace = fresh_world.workspace
    assert actions_are_pending(workspace, "AAPL_1d")
    outcome = refresh_actions(workspace, "AAPL_1d")
    assert outcome.changed
    assert outcome.metadata == {"splits": outcome.rows, "dividends": 0}
    assert not actions_are_pending(workspace, "AAPL_1d")
    assert not refresh_actions(workspace, "AAPL_1d").changed
    assert actions_are_pending(workspace, "IBM_1d")


def test_actions_of_a_universe_that_goes_on_are_asked_for_after_each_bar(fresh_world):
    fresh_world.write("universe.yaml", "start: 2012-01-01\nend: null\n")
    june = replace(fresh_world.workspace, clock=lambda: datetime(2012, 6, 1, tzinfo=UTC))
    refresh_actions(june, "AAPL_1d")
    assert not actions_are_pending(june, "AAPL_1d")
    later = replace(june, clock=lambda: datetime(2012, 6, 1, 23, tzinfo=UTC))
    assert actions_are_pending(later, "AAPL_1d")
    refresh_actions(fresh_world.workspace, "AAPL_1d")
    assert not actions_are_pending(fresh_world.workspace, "AAPL_1d")  # its data has ended


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        ((None, None), (JAN, DEC)),
        ((date(2012, 5, 18), None), (datetime(2012, 5, 18, tzinfo=UTC), DEC)),
        ((None, date(2012, 5, 18)), (JAN, datetime(2012, 5, 19, tzinfo=UTC))),
        ((date(2013, 1, 1), None), None),
        ((None, date(2011, 12, 31)), None),
        ((None, date(2012, 1, 1)), (JAN, datetime(2012, 1, 2, tzinfo=UTC))),
    ],
)
def test_a_span_is_cut_to_the_days_of_listing_both_included(fresh_world, listing, expected):
    instrument = fresh_world.workspace.catalog.instrument("AAPL_1d")
    assert clipped_span(JAN, DEC, instrument, listing) == expected


def test_what_ships_is_in_order(fresh_world):
    require_sound(fresh_world.workspace)


SMA = "name: own\nstrategy: {{type: {type}, params: {params}}}\n{more}"


@pytest.mark.parametrize(
    ("name", "text", "kind", "message"),
    [
        ("scenarios/own.yaml", SMA.format(type="sma_cross", params="{}", more=""), StrategyError,
         "'sma_crossover'"),
        ("scenarios/own.yaml", SMA.format(type="sma_crossover", params="{fats: 3}", more=""),
         StrategyError, "'fast'"),
        ("scenarios/own.yaml",
         SMA.format(type="sma_crossover", params="{fast: 30, slow: 10}", more=""),
         StrategyError, "slow"),
        ("scenarios/own.yaml",
         SMA.format(type="ml_direction", params="{model: directions}", more=""),
         UnknownNameError, "'direction'"),
        ("scenarios/own.yaml",
         SMA.format(type="ml_direction", params="{}", more="model_window: 2003-02-01\n"),
         UnknownNameError, "2003-01-01"),
        ("models/own.yaml", "name: own\nfeatures: cor\n", UnknownNameError, "'core'"),
        ("models/own.yaml", "name: own\nestimator: {type: logistik}\n", ConfigurationError,
         "'logistic'"),
        ("models/own.yaml", "name: own\nlabel: {type: forward_return}\n", ConfigurationError,
         "forward_return"),
        ("universe.yaml", "instruments:\n  - {symbol: X, source: bundeld}\n", UnknownNameError,
         "'bundled'"),
        ("universe.yaml", "instruments:\n  - {symbol: X, source: bundled, calendar: XNYZ}\n",
         ConfigurationError, "XNY"),
        ("studies/own.yaml",
         "name: own\nstrategy: sma_crossover\nscenario: sma_crossover\n"
         "space: {fats: {values: [3]}}\n",
         TradingPipelineError, "'fast'"),
        ("studies/own.yaml",
         "name: own\nstrategy: sma_crossover\nscenario: sma_crossover\n"
         "metric: sharp\nspace: {fast: {values: [3]}}\n",
         TradingPipelineError, "'sharpe'"),
    ],
)  # fmt: skip
def test_a_name_that_the_code_does_not_have_is_found_with_its_file(
    fresh_world, name, text, kind, message
):
    path = fresh_world.write(name, text)
    with pytest.raises(kind) as caught:
        require_sound(fresh_world.workspace)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("folder", ["scenarios", "studies"])
def test_an_error_of_a_file_begins_with_its_place(fresh_world, folder):
    text = {
        "scenarios": SMA.format(type="sma_crossover", params="{fast: 30, slow: 10}", more=""),
        "studies": "name: own\nstrategy: sma_crossover\nscenario: sma_crossover\n"
        "space: {fast: {values: [20]}, slow: {values: [20]}}\n",
    }[folder]
    path = fresh_world.write(f"{folder}/own.yaml", text)
    with pytest.raises(StrategyError) as caught:
        require_sound(fresh_world.workspace)
    assert str(caught.value).startswith(f"{path}: ")


def test_the_universe_says_whose_costs_a_scenario_file_has(fresh_world):
    assert "notes_on_scenarios" not in refresh_universe(fresh_world.workspace).metadata
    fresh_world.write("scenarios/own.yaml", "name: own\nstrategy: {type: buy_and_hold}\n")
    told = refresh_universe(fresh_world.workspace).metadata["notes_on_scenarios"]
    assert told.startswith("own: Default costs: commission_bps 10")
