"""Lines of tear sheets: audited once for the code of the package, for each page of an own one."""

import numpy as np
import pytest

from trading_pipeline.stages.backtests.scenario_inputs import load_inputs
from trading_pipeline.stages.reports import drawn_lines as stage
from trading_pipeline.stages.reports.drawn_lines import drawn_lines
from trading_pipeline.strategies.line_audit import audited_lines

OWN = """
import numpy as np

from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies import Strategy
from trading_pipeline.strategies.chart_lines import ChartLine


class Mine(Strategy):
    def signals(self, market, params):
        return Signals.long_only(market.close > 0, market.close < 0)

    def chart_lines(self, market, params):
        return (ChartLine("double", 2.0 * market.close),)
"""


@pytest.fixture
def audited(monkeypatch):
    """Names of the strategies whose lines were audited, in order."""
    names = []

    def counted(strategies, name, *given, **named):
        names.append(name)
        return audited_lines(strategies, name, *given, **named)

    monkeypatch.setattr(stage, "audited_lines", counted)
    return names


@pytest.fixture
def drawn(world):
    """Draws the lines of a scenario on all bars of AAPL_1d, in a workspace that read nothing."""

    def draw(name):
        workspace = world.workspace
        scenario = workspace.catalog.scenario(name)
        stamps = load_inputs(workspace, "AAPL_1d", scenario).inputs.market.raw.index
        lines, note = drawn_lines(workspace, "AAPL_1d", scenario, stamps)
        assert note == ""
        return {line.name: line.values for line in lines}

    return draw


def test_lines_of_a_strategy_of_the_package_are_audited_once_and_stay_the_same(
    world, audited, drawn
):
    before = world.value("SELECT count(*) FROM audits WHERE kind = 'chart_lines'")
    text = "name: other\nstrategy: {type: sma_crossover, params: {fast: 4, slow: 9}}\n"
    world.write("scenarios/other.yaml", text)
    first = drawn("other")
    assert audited == ["sma_crossover"]
    again = drawn("other")
    assert audited == ["sma_crossover"]
    assert list(first) == list(again) == ["SMA 4", "SMA 9"]
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
    assert world.value("SELECT count(*) FROM audits WHERE kind = 'chart_lines'") == before + 1
    world.write("scenarios/other.yaml", text.replace("9", "12"))
    drawn("other")
    assert len(audited) == 2  # other parameters


def test_lines_are_audited_again_after_a_tenth_more_bars(world, audited, drawn):
    text = "name: other\nstrategy: {type: sma_crossover, params: {fast: 4, slow: 9}}\n"
    world.write("scenarios/other.yaml", f"{text}dates: {{end: 2001-01-01}}\n")
    some = len(drawn("other")["SMA 4"])
    world.write("scenarios/other.yaml", text)
    assert len(drawn("other")["SMA 4"]) > 1.1 * some
    assert audited == ["sma_crossover", "sma_crossover"]


def test_lines_of_an_own_strategy_are_audited_for_each_page(world, audited, drawn):
    world.write("strategies/mine.py", OWN)
    world.write("scenarios/own.yaml", "name: own\nstrategy: {type: mine}\n")
    assert list(drawn("own")) == list(drawn("own")) == ["double"]
    assert audited == ["mine", "mine"]
    assert world.value("SELECT count(*) FROM audits WHERE name = 'mine'") == 0
