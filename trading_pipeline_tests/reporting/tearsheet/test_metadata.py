"""The picture and the table that the page of a backtest's asset shows."""

import base64
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.reporting.tearsheet.metadata import equity_image, headline_table

ADDRESS = "data:image/svg+xml;base64,"


def money(values) -> pd.Series:
    index = pd.date_range("2020-01-01", periods=len(values), tz="UTC", name="ts")
    return pd.Series(np.asarray(values, dtype=np.float64), index, name="equity")


def drawn(own, hold, initial=100.0, **named) -> ElementTree.Element:
    image = equity_image(money(own), money(hold), initial, **named)
    assert image.startswith(ADDRESS)
    assert len(image) <= 20_000
    return ElementTree.fromstring(base64.b64decode(image.removeprefix(ADDRESS)))


def texts(picture) -> list[str]:
    return [each.text for each in picture.findall(".//{*}text")]


def path(picture, kind: str) -> str:
    found = picture.findall(".//{*}path")
    (only,) = [each.get("d") for each in found if each.get("class") == kind]
    return only


def heights(picture, kind: str) -> list[int]:
    """Pixels from the top of each column of a curve."""
    first, *steps = re.findall(r"(-?\d+) (-?\d+)", path(picture, kind))
    return np.cumsum([int(first[1]), *(int(step[1]) for step in steps)]).tolist()


def test_both_curves_are_to_scale_and_end_with_their_return():
    picture = drawn([100, 150, 120], [100, 50, 200])
    assert texts(picture)[:3] == ["100.00 %", "20.00 %", "\N{MINUS SIGN}20.00 %"]
    assert heights(picture, "hold") == [107, 150, 20]
    assert heights(picture, "own") == [107, 63, 89]
    assert "Drawdown, 2020-01-01 to 2020-01-03" in texts(picture)


def test_of_many_bars_each_column_shows_its_last_bar_and_the_deepest_drawdown():
    own = np.full(100_000, 100.0)
    own[77_000] = 60.0  # one bar, which no column ends with
    picture = drawn(own, np.linspace(100, 300, 100_000))
    assert texts(picture)[2] == "\N{MINUS SIGN}40.00 %"
    assert len(set(heights(picture, "own"))) == 1
    assert re.search(r"l\d+ 50l\d+ -50l", path(picture, "down"))


def test_a_loss_of_the_first_bar_counts_from_the_initial_cash():
    assert texts(drawn([90, 95], [100, 110]))[2] == "\N{MINUS SIGN}10.00 %"


def test_the_benchmark_has_the_name_that_it_is_given():
    shown = texts(drawn([100, 101], [100, 102], held_as="Half <a>, half B"))
    assert "Half <a>, half B" in shown
    assert "Buy and hold" not in shown
    assert (
        headline_table({}, "Equal weights, held")
        .splitlines()[0]
        .endswith("| equal weights, held |")
    )


@pytest.mark.parametrize(
    ("own", "hold"),
    [([100], [100]), ([100, np.nan], [100, 101]), ([100, 101], [100, np.inf]), ([], [])],
)
def test_without_two_finite_bars_there_is_no_picture(own, hold):
    assert equity_image(money(own), money(hold), 100.0) == ""


@pytest.mark.parametrize("own", [[100, 100], [100, -50], [100, 0]])
def test_flat_lost_and_negative_accounts_are_drawn(own):
    picture = drawn(own, [100, 100])
    assert all(20 <= height <= 150 for height in heights(picture, "own"))


def test_the_table_rounds_for_people_and_leaves_out_what_was_not_measured():
    row = {
        "total_return": 0.123456,
        "total_return_low": -0.1,
        "total_return_high": 0.4,
        "benchmark_total_return": 0.5,
        "sharpe": 1.23456,
        "trade_count": 1234,
        "win_rate": None,
    }
    assert headline_table(row).splitlines()[2:] == [
        "| Total return | 12.35 % | \N{MINUS SIGN}10.0 % to 40.0 % | 50.00 % |",
        "| Sharpe ratio | 1.235 |  |  |",
        "| Trades | 1,234 |  |  |",
    ]
