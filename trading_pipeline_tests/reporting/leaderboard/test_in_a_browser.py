"""The leaderboard in a browser: compared, filtered, sorted, by mouse and by keyboard."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.reporting.leaderboard.curves import Curve, small_curve
from trading_pipeline.reporting.leaderboard.page import render_leaderboard
from trading_pipeline_tests.chromium import Page, needs_chromium, opened

pytestmark = needs_chromium
EVIL = '<img src="https://example.org/x.png" onerror="document.title=1">'
SPANS = {"AAPL": ("2004-01-02", 2300), "MSFT": ("2006-01-02", 1800), "IBM": ("2001-01-02", 800)}
TICK = "document.querySelectorAll('#results tbody .tick input')[{}].click()"
SHOWN = "[...document.querySelectorAll('#results tbody tr')].filter(r => !r.hidden)"
NAMES = f"{SHOWN}.map(r => r.cells[1].firstChild.textContent)"


def curve(first: str, bars: int, seed: int) -> Curve:
    index = pd.bdate_range(first, periods=bars, tz="UTC")
    steps = np.random.default_rng(seed).normal(0.0004, 0.012, bars)
    found = small_curve(pd.Series(1e5 * np.exp(np.cumsum(steps)), index))
    assert found is not None
    return found


def results() -> tuple[list[dict[str, Any]], dict[str, Curve]]:
    rows, curves = [], {}
    scenarios = ("sma_crossover", "cross_sectional_momentum", EVIL)
    for number in range(9):
        symbol = list(SPANS)[number % 3]
        first, bars = SPANS[symbol]
        key = f"{number:x}" * 16
        rows.append(
            {
                "result_id": key,
                "instruments": f"{symbol}_1d",
                "scenario": scenarios[number // 3],
                "from_ts": datetime(2004, 1, 2, tzinfo=UTC),
                "to_ts": datetime(2013, 3, 1, tzinfo=UTC),
                "sharpe": 1.0 - number / 10,
                "sharpe_low": 0.1,
                "sharpe_high": 1.5,
                "total_return": [0.5, -0.1, 12.5, 0.07][number % 4],
                "benchmark_total_return": 0.25,
                "max_drawdown": -0.02 * (number + 1),
                "cagr": None if number == 4 else 0.01 * number,
                "trade_count": 44.0 + number,
                "trials_at_creation": 7,
                "tearsheet": f"{key}.html",
            }
        )
        if number != 8:
            curves[key] = curve(first, bars, number)
    return rows, curves


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "index.html"
    rows, curves = results()
    path.write_text(render_leaderboard(rows, trials=460, curves=curves), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Page]:
    with opened(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def page(browser, address) -> Page:
    browser.size(1400, 900)
    browser.go("about:blank")
    browser.requests.clear()
    browser.faults.clear()
    browser.go(address)
    return browser


def test_it_paints_asks_for_nothing_and_complains_of_nothing(page, address):
    for number in (0, 1, 2):
        page.value(TICK.format(number))
    assert page.value("document.title") == "Leaderboard"  # no text of a user's ran
    assert page.value("document.images.length") == 0
    assert page.requests == [address]
    assert page.faults == []
    assert len(set(page.picture())) > 100


def test_ticked_rows_are_drawn_from_100_at_their_common_start_and_compared(page):
    assert page.value("document.getElementById('comparison').hidden")
    page.value(TICK.format(0))
    page.value(TICK.format(1))
    assert page.value("document.querySelectorAll('#chart path').length") == 2
    starts = page.value(
        "[...document.querySelectorAll('#chart path')].map(p => "
        "p.getAttribute('d').match(/^M([\\d.]+) ([\\d.]+)/).slice(1).map(Number))"
    )
    assert starts[0] == starts[1]
    assert "100 on 2006-01-02" in page.value(
        "document.querySelector('#chart svg').getAttribute('aria-label')"
    )
    cells = page.value(
        "[...document.querySelectorAll('#metrics tr')].map(r => [...r.cells]"
        ".map(c => c.textContent))"
    )
    assert cells[0] == ["", "AAPL_1d · sma_crossover", "MSFT_1d · sma_crossover"]
    assert ["−2.00 %", "−4.00 %"] in [row[1:] for row in cells]


def test_at_most_six_rows_are_compared_and_a_row_without_a_curve_by_its_numbers(page):
    for number in (8, 0, 1, 3, 4, 6):
        page.value(TICK.format(number))
    ticks = "[...document.querySelectorAll('#results .tick input')]"
    assert page.value(f"{ticks}.filter(t => t.disabled).length") == 3
    assert page.value("document.querySelectorAll('#chart path').length") == 5
    assert "No equity curve here: IBM_1d · <img" in page.value(
        "document.getElementById('overlap').textContent"
    )
    page.value("document.querySelector('#legend button').click()")
    assert page.value(f"{ticks}.filter(t => t.checked).length") == 5
    assert page.value(f"{ticks}.filter(t => t.disabled).length") == 0
    assert "carry an equity curve here; 1 of 9" in page.value("document.body.textContent")


def test_results_without_a_common_time_say_so(page, address):
    page.value(TICK.format(2))  # until 2004
    page.value(TICK.format(1))  # from 2006
    told = page.value("document.getElementById('overlap').textContent")
    assert "no time in common" in told
    assert page.value("document.querySelectorAll('#chart path').length") == 0


def test_the_crosshair_tells_the_date_and_the_values_by_mouse_and_keys(page):
    page.value(TICK.format(0))
    frame = page.value(
        "(() => { document.querySelector('#chart svg').scrollIntoView({block: 'center'});"
        " const f = document.querySelector('#chart svg').getBoundingClientRect();"
        " return [f.left, f.top, f.width, f.height]; })()"
    )
    page.move(frame[0] + frame[2] - 13, frame[1] + frame[3] / 2)
    last = page.becomes("document.getElementById('moment').textContent")
    rows, curves = results()
    found = curves[rows[0]["result_id"]]
    end = found["first"] + found["unit"] * sum(found["steps"])
    day = datetime.fromtimestamp(end, UTC).date()
    assert last == f"{day}: AAPL_1d · sma_crossover {found['values'][-1]:.1f}"
    page.value("document.querySelector('#chart svg').focus()")
    page.press("Home")
    assert page.value("document.querySelector('#legend b').textContent") == "100.0"
    page.press("ArrowRight")
    second = page.value("document.querySelector('#legend b').textContent")
    assert math.isclose(float(second), found["values"][1], abs_tol=0.06)
    page.press("Escape")
    assert page.value("document.getElementById('moment').textContent") == ""


def test_rows_are_filtered_by_all_words_and_sorted_by_a_column(page):
    page.value("document.getElementById('filter').focus()")
    page.type("momentum aapl")
    assert page.value(NAMES) == ["AAPL_1d"]
    page.value("location.hash = ''")
    page.value("new Promise(done => setTimeout(done, 50))")
    page.value("document.querySelector('th[data-name=total_return]').click()")
    returns = page.value(f"{SHOWN}.map(r => Number(r.cells[3].dataset.value))")
    assert returns == sorted(returns, reverse=True)
    page.value("document.querySelector('th[data-name=cagr]').click()")
    column = "document.querySelector('th[data-name=cagr]').cellIndex"
    last = page.value(f"{SHOWN}.map(r => r.cells[{column}].dataset.value).at(-1)")
    assert last == ""  # missing values come last in both directions
    page.value("document.querySelector('th[data-name=cagr]').click()")
    assert page.value(f"{SHOWN}.map(r => r.cells[{column}].dataset.value).at(-1)") == ""


def test_columns_are_chosen_and_the_address_keeps_all_that_is_chosen(page, address):
    hidden = "getComputedStyle(document.querySelector('th[data-name={}]')).display"
    assert page.value(hidden.format("result")) == "none"
    page.value("document.querySelector('#columns input[value=result]').click()")
    page.value("document.querySelector('#columns input[value=verdict]').click()")
    page.value("document.querySelector('th[data-name=max_drawdown]').click()")
    page.value(TICK.format(1))
    page.value("document.getElementById('log').click()")
    page.value("document.getElementById('filter').focus()")
    page.type("1d")
    kept = page.value("location.hash")
    names = page.value(NAMES)
    page.go("about:blank")
    page.go(address + kept)
    assert page.value(hidden.format("result")) == "table-cell"
    assert page.value(hidden.format("verdict")) == "none"
    assert page.value(NAMES) == names
    assert page.value("document.getElementById('filter').value") == "1d"
    assert page.value("document.querySelectorAll('#chart path').length") == 1
    assert page.value("document.getElementById('log').getAttribute('aria-pressed')") == "true"
    assert page.value("location.hash") == kept


def test_an_address_that_someone_else_wrote_changes_nothing_but_what_is_chosen(page, address):
    page.go("about:blank")
    page.go(address + "#compare=nobody,__proto__&columns=x,verdict&sort=nothing:up&q=%3Cimg%3E")
    assert page.faults == []
    assert page.value("document.images.length") == 0
    assert page.value("document.getElementById('comparison').hidden")
    assert page.value(f"{SHOWN}.length") == 0  # no row has that word


def test_it_works_by_keyboard(page):
    page.value("document.querySelector('th[data-name=instrument]').focus()")
    page.press("Enter")
    assert page.value(NAMES) == sorted(page.value(NAMES))
    page.press(" ")
    assert page.value(NAMES) == sorted(page.value(NAMES), reverse=True)
    page.value("document.querySelector('#results tbody .tick input').focus()")
    page.press(" ")
    assert page.value("document.querySelectorAll('#chart path').length") == 1
    page.value("document.querySelector('#columns summary').focus()")
    page.press("Enter")
    page.press("Tab")
    assert page.value("document.activeElement.value") == "verdict"
    page.press(" ")
    assert "columns=" in page.value("location.hash")
    page.press("Escape")
    assert not page.value("document.getElementById('columns').open")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_shows_instrument_scenario_and_return_without_scrolling_the_page(page, scheme):
    page.scheme(scheme)
    page.size(390, 844)
    page.value(TICK.format(0))
    page.value(TICK.format(5))
    assert page.value("document.documentElement.scrollWidth") <= 390
    box = "document.querySelector('.board')"
    assert page.value(f"{box}.scrollWidth > {box}.clientWidth")
    page.value(f"{box}.scrollLeft = 500")
    seen = page.value(
        "[...document.querySelectorAll('#results tbody tr')].slice(0, 3).map(r => "
        "[r.cells[1].firstChild, r.querySelector('.below'), r.cells[3]].map(c => "
        "{ const f = c.getBoundingClientRect(); return f.left >= 0 && f.right <= 390 && f.width > 0"
        " && f.height > 0; }))"
    )
    assert seen == [[True] * 3] * 3
    assert page.value("document.querySelector('#chart svg').getBoundingClientRect().right") <= 390
    background = page.value("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(15, 19, 24)") == (scheme == "dark")
    page.scheme("light")
