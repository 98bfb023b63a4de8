"""The leaderboard."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.reporting.leaderboard.curves import MOST_CURVES, Curve, small_curve
from trading_pipeline.reporting.leaderboard.page import (
    LEADERBOARD_METRICS,
    ranked,
    render_leaderboard,
)
from trading_pipeline.reporting.page.metric_labels import METRIC_LABELS


def row(instrument: str, sharpe: float | None, **changes: object) -> dict[str, object]:
    return {
        "result_id": "0123456789abcdef",
        "instruments": f"{instrument}_1d",
        "scenario": "sma",
        "from_ts": datetime(2004, 1, 2, tzinfo=UTC),
        "to_ts": datetime(2013, 3, 1, tzinfo=UTC),
        "sharpe": sharpe,
        "total_return": 0.5,
        "benchmark_total_return": 0.25,
        "trade_count": 44.0,
        "trials_at_creation": 7,
        "tearsheet": f"{instrument}/page.html",
        **changes,
    }


def order(text: str) -> list[str]:
    return re.findall(r"(\w+)_1d</", text.split("<tbody>")[1])


def test_rows_are_ordered_by_sharpe_with_missing_ones_last():
    rows = [row("A", 0.1), row("B", math.nan), row("C", 0.9), row("D", -0.2), row("E", None)]
    assert order(render_leaderboard(rows)) == ["C", "A", "D", "B", "E"]


def test_equal_rows_in_another_order_give_equal_bytes():
    rows = [row("A", 0.5), row("B", 0.5), row("C", 0.9)]
    assert render_leaderboard(rows, trials=3) == render_leaderboard(rows[::-1], trials=3)


def test_row_links_its_tear_sheet_and_shows_buy_and_hold_and_verdict():
    text = render_leaderboard([row("A", 0.5)])
    assert '<a href="A/page.html">A_1d</a>' in text
    assert 'data-value="0.25">25.00 %</td>' in text
    assert "Ahead, but not deflated for 7 trials" in text
    assert "2004-01-02" in text
    assert ">0123456789ab<" in text


def test_few_trades_are_not_judged():
    text = render_leaderboard([row("A", 3.0, trade_count=5.0)])
    assert "Not enough to tell: 5 trades" in text
    assert 'class="text up"' not in text


def test_number_of_trials_is_said_where_it_is_known():
    assert "1 result · 1,234 trials so far" in render_leaderboard([row("A", 0.5)], trials=1234)
    unknown = render_leaderboard([row("A", 0.5), row("B", 0.5)])
    assert "2 results</p>" in unknown
    assert "The best of many trials looks good by chance alone" in unknown


def test_numbers_sort_by_value_and_missing_ones_have_none():
    text = render_leaderboard([row("A", 0.123456789, cagr=math.nan)])
    assert 'data-value="0.123456789">0.123</td>' in text
    assert '<td title="Not defined for this result" data-value="">–</td>' in text
    heads = re.findall(r'data-sort="(\w+)"', text)
    assert heads.count("number") == len(LEADERBOARD_METRICS) + 8
    assert heads.count("text") == 6


def test_every_column_has_words():
    for name in LEADERBOARD_METRICS:
        assert name in METRIC_LABELS


def test_each_row_has_a_cell_for_each_head():
    text = render_leaderboard([row("A", 0.5), {"instrument": "IBM_1d"}])
    head, body = text.split("<tbody>")
    for line in re.findall(r"<tr>.*?</tr>", body):
        assert line.count("<td") == head.count("<th ")


def test_no_result_yet_is_a_page_that_says_so():
    text = render_leaderboard([], trials=0)
    assert "There is no result yet." in text
    assert "0 results · 0 trials so far" in text


def test_page_loads_nothing_and_names_are_escaped():
    text = render_leaderboard([row("A", 0.5, scenario="<img src=x>", tearsheet='a"b.html')])
    assert "<img" not in text
    assert 'href="a&quot;b.html"' in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize(
    "path", ["https://example.org/x.html", "/abs.html", "//host/x", "javascript:alert(1)", "\\x"]
)
def test_only_relative_paths_are_linked(path):
    with pytest.raises(ConfigurationError, match="relative to the leaderboard"):
        render_leaderboard([row("A", 0.5, tearsheet=path)])


def test_several_instruments_are_named():
    text = render_leaderboard([row("A", 0.5, instruments=["A_1d", "B_1d"], tearsheet=None)])
    assert "A_1d, B_1d" in text
    assert "<a href" not in text


def test_instrument_scenario_and_return_come_first_in_a_box_that_scrolls_by_itself():
    text = render_leaderboard([row("A", 0.5)])
    heads = re.findall(r'scope="col">([^<]+)</th>', text)
    assert heads[:5] == ["Instrument", "Scenario", "Return", "Verdict", "Result"]
    assert '<div class="scroll board" tabindex="0"' in text
    assert re.search(r"\.board td:nth-child\(4\) \{\s+position: sticky;", text)


def test_the_trials_up_to_now_judge_and_those_at_creation_stand_beside_them():
    judged = row("A", 0.5, trials=460, deflated_sharpe_ratio=0.5)
    text = render_leaderboard([judged])
    assert "May be luck after 460 trials" in text
    assert '<td data-value="460.0">460</td><td data-value="7.0">7</td>' in text


def test_cautions_about_all_rows_stand_above_them():
    said = "The instruments were chosen with hindsight: <b>"
    html = render_leaderboard([{"instrument": "A_1d", "trade_count": 3}], cautions=[said])
    assert "The instruments were chosen with hindsight: &lt;b&gt;" in html
    assert html.index("with hindsight") < html.index("<tbody")
    assert "hindsight" not in render_leaderboard([{"instrument": "A_1d", "trade_count": 3}])


def test_the_sharpe_ratio_has_its_interval_beside_it_and_sorts_by_the_lower_bound():
    text = render_leaderboard([row("A", 0.5, sharpe_low=-0.104, sharpe_high=0.951), row("B", 0.4)])
    assert '<td data-value="-0.104">−0.10 to 0.95</td>' in text
    assert '<td data-value="">–</td>' in text
    assert ">Sharpe, 90 %</th>" in text


def test_the_years_that_so_many_trials_need_stand_above_and_beside_the_rows():
    text = render_leaderboard(
        [row("A", 0.5, years=9.16, minimum_backtest_years=4.998, trials=45)], trials=45
    )
    assert "45 trials need 5.0 years" in text
    assert '<td data-value="9.16">9.2</td><td data-value="4.998">5.0</td>' in text


def test_the_best_rows_carry_curves_and_the_page_says_how_many_do_not():
    curve = Curve(first=0, unit=86_400, steps=[0, 1], values=[100.0, 101.5])
    rows = [row("A", 0.5, result_id="a" * 16), row("B", 0.9, result_id="b" * 16)]
    text = render_leaderboard(rows, curves={"a" * 16: curve})
    shown = text.split('id="curves">')[1].split("</script>")[0]
    assert json.loads(shown) == {"a" * 12: curve}
    assert "1 of 2 carry none" in text
    whole = render_leaderboard(rows, curves=dict.fromkeys(("a" * 16, "b" * 16), curve))
    assert "carry none" not in whole
    assert [each["result_id"][0] for each in ranked(rows)] == ["b", "a"]


def test_each_row_can_be_ticked_and_says_for_whom():
    text = render_leaderboard([row("A", 0.5, scenario='x" onclick="y')])
    label = 'aria-label="Compare A_1d, x&quot; onclick=&quot;y"'
    assert f'<td class="tick"><input type="checkbox" {label}></td>' in text
    assert '<tr data-id="0123456789ab">' in text


def test_a_page_of_a_thousand_results_is_below_three_megabytes():
    days = pd.bdate_range("1990-01-01", periods=9000, tz="UTC")
    moves = np.random.default_rng(3).normal(0.0005, 0.02, len(days))
    curve = small_curve(pd.Series(1e5 * np.exp(np.cumsum(moves)), days))
    rows = [row("A", number / 1000, result_id=f"{number:016x}"[::-1]) for number in range(1000)]
    best = [str(each["result_id"]) for each in ranked(rows)[:MOST_CURVES]]
    text = render_leaderboard(rows, curves=dict.fromkeys(best, curve))
    assert len(best) == MOST_CURVES == 200
    assert len(json.dumps(curve, separators=(",", ":"))) < 4_000
    assert len(text) < 3_000_000
    assert "800 of 1,000 carry none" in text
