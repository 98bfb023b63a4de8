"""The progress display: what people see while stages work."""

import io
import logging

import pytest
from rich.console import Console

from trading_pipeline.cli.progress_display import TrialRate, show_progress
from trading_pipeline.stages.outcome import tell_progress, tell_trials, tell_wait

LOGGER = logging.getLogger("trading_pipeline.progress")


def work():
    for asset, instrument in (("bars", "AAPL_1d"), ("bars", "IBM_1d"), ("features/core", "IBM_1d")):
        for window in ("2000-01-01", "2001-01-01"):
            tell_progress(asset, f"{instrument}|{window}")


def test_without_a_terminal_there_is_a_line_for_each_asset_and_instrument():
    written = io.StringIO()
    with show_progress(Console(file=written, width=80)):
        work()
    assert written.getvalue().splitlines() == [
        "bars AAPL_1d",
        "bars IBM_1d",
        "features/core IBM_1d",
    ]


def test_in_a_terminal_what_is_at_work_is_shown_and_taken_away():
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=80)
    with show_progress(console):
        work()
    text = written.getvalue()
    assert "starting" in text or "features/core" in text
    assert "\x1b[2K" in text  # the line is cleared at the end


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_of_the_display_is_left_after_an_error(terminal):
    before = (LOGGER.level, LOGGER.propagate, list(LOGGER.handlers))
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    with pytest.raises(ZeroDivisionError), show_progress(console):
        _ = 1 / 0
    assert (LOGGER.level, LOGGER.propagate, LOGGER.handlers) == before


def test_names_with_brackets_are_shown_as_they_are():
    written = io.StringIO()
    with show_progress(Console(file=written, width=80)):
        tell_progress("a[b]", "x[/]y|2000-01-01")
    assert written.getvalue() == "a[b] x[/]y\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_who_is_waited_for_stands_on_one_line_and_counts_as_no_partition(terminal):
    written = io.StringIO()
    text = "waiting for process 4711 on desk (trading-pipeline run [AAPL_1d]), " + "x" * 90
    with show_progress(Console(file=written, width=80, force_terminal=terminal)):
        tell_wait(text)
    assert text in written.getvalue()
    assert "1 partitions" not in written.getvalue()


def test_trials_are_told_with_their_rate_and_the_time_left():
    clock = iter([0.0, 10.0, 12.0])
    rate = TrialRate(lambda: next(clock))
    assert rate.told(500, 2_000) == "500 of 2,000 trials"  # were on record
    assert rate.told(1_500, 2_000) == "1,500 of 2,000 trials, 100 a second, 0:05 left"
    assert rate.told(2_000, 2_000) == "2,000 of 2,000 trials, 125 a second, 0:00 left"


@pytest.mark.parametrize("terminal", [True, False])
def test_trials_do_not_count_as_partitions_and_print_no_line_each(terminal):
    written = io.StringIO()
    with show_progress(Console(file=written, width=80, force_terminal=terminal)):
        tell_progress("optimization_trials", "AAPL_1d|s")
        for done in range(100):
            tell_trials(done, 100)
    assert "2 partitions" not in written.getvalue()
    if not terminal:
        assert written.getvalue() == "optimization_trials AAPL_1d|s\n"
