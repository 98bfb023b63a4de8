"""Portfolio files that cannot run are refused with their file and key before anything is read."""

import pytest

from trading_pipeline.errors import ConfigurationError
from trading_pipeline_tests.stage_calls import require_sound

PORTFOLIO = (
    "name: mine\ninstruments: [AAPL_1d, IBM_1d, MSFT_1d]\nportfolio: {strategy: {type: STRATEGY}}\n"
)
STUDY = (
    "name: grid\nstrategy: minimum_variance\nscenario: mine\n"
    "space: {lookback_bars: {range: [60, 120, 60]}}\n"
    "metric: sharpe\nmethod: grid\n"
)


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ("sma_crossover", "gives signals of one instrument and no weights"),
        ("pairs_reversion", "trades 2 instruments, and 'instruments' lists 3"),
        ("momentum", "There is no strategy 'momentum'"),
        ("minimum_variance, params: {lookback_bars: 0}", "lookback_bars"),
        ("minimum_variance, params: {lookback_bars: [5]}", "lookback_bars"),
        ("minimum_variance, params: {maximum_weight: yes}", "maximum_weight"),
    ],
)
def test_a_strategy_that_cannot_weigh_the_portfolio_is_named_with_its_file(
    fresh_world, strategy, words
):
    path = fresh_world.write("scenarios/mine.yaml", PORTFOLIO.replace("STRATEGY", strategy))
    with pytest.raises(ConfigurationError) as refused:
        require_sound(fresh_world.workspace)
    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)


def test_a_portfolio_strategy_in_the_place_of_one_of_signals_is_sent_to_its_key(fresh_world):
    text = "name: single\nstrategy: {type: minimum_variance}\ninstruments: [AAPL_1d]\n"
    fresh_world.write("scenarios/single.yaml", text)
    with pytest.raises(ConfigurationError, match="Write it under 'portfolio'"):
        require_sound(fresh_world.workspace)


def test_a_study_of_a_portfolio_is_refused_with_the_way_out(fresh_world):
    fresh_world.write("scenarios/mine.yaml", PORTFOLIO.replace("STRATEGY", "minimum_variance"))
    path = fresh_world.write("studies/grid.yaml", STUDY)
    with pytest.raises(
        ConfigurationError, match="the sets of parameters under 'variants'"
    ) as found:
        require_sound(fresh_world.workspace)
    assert str(found.value).startswith(f"{path}: ")
