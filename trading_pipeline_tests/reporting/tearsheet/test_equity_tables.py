"""Returns by month and worst drawdowns, against numbers worked out by hand."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from trading_pipeline.errors import DataQualityError
from trading_pipeline.reporting.page.layout import static_text
from trading_pipeline.reporting.tearsheet.equity_tables import (
    MOST_DRAWDOWNS,
    drawdowns_table,
    monthly_heatmap,
)


def curve(values: dict[str, float]) -> pd.Series:
    return pd.Series(list(values.values()), index=pd.DatetimeIndex(list(values), tz="UTC"))


def cells(text: str) -> list[list[str]]:
    """Texts of the cells of each row of the body."""
    body = text.split("<tbody>")[1]
    return [
        re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr.*?</tr>", body, re.S)
    ]


def test_months_stand_in_their_columns_and_compound_to_the_year():
    equity = curve({"2010-11-30": 110.0, "2010-12-31": 99.0, "2011-02-28": 108.9})
    rows = cells(monthly_heatmap(equity, initial_equity=100.0))
    assert rows[0] == ["2010", *["–"] * 10, "10.00 %", "−10.00 %", "−1.00 %"]
    assert rows[1] == ["2011", "–", "10.00 %", *["–"] * 10, "10.00 %"]


@pytest.mark.parametrize(
    ("end", "shade"),
    [(100.5, "gain1"), (102.0, "gain2"), (105.0, "gain3"), (150.0, "gain4"), (95.0, "loss3")],
)
def test_shade_of_a_month_grows_with_its_return_and_the_page_has_it(end, shade):
    text = monthly_heatmap(curve({"2010-01-29": end}), initial_equity=100.0)
    assert text.count(f'<td class="{shade}">') == 2  # the month and its year
    assert f"td.{shade} {{" in static_text("page/static/page.css")


def test_month_without_a_return_has_no_shade():
    text = monthly_heatmap(curve({"2010-01-29": 100.0}), initial_equity=100.0)
    assert text.count("<td>0.00 %</td>") == 2
    assert "gain" not in text
    assert "loss" not in text


def test_months_after_ruin_are_dashes():
    equity = curve({"2010-01-29": 0.0, "2010-02-26": 5.0})
    assert cells(monthly_heatmap(equity, initial_equity=100.0))[0][1:3] == ["−100.00 %", "–"]


def test_drawdowns_are_listed_from_the_deepest_with_their_dates_and_lengths():
    equity = curve(
        {
            "2010-01-04": 90.0,
            "2010-01-05": 120.0,
            "2010-01-06": 84.0,
            "2010-01-07": 96.0,
            "2010-01-08": 126.0,
            "2010-01-11": 119.7,
        }
    )
    assert cells(drawdowns_table(equity, initial_equity=100.0)) == [
        ["1", "−30.00 %", "2010-01-05", "2010-01-06", "2010-01-08", "2", "1", "2"],
        ["2", "−10.00 %", "start", "2010-01-04", "2010-01-05", "1", "1", "1"],
        ["3", "−5.00 %", "2010-01-08", "2010-01-11", "not yet", "1", "1", "–"],
    ]


def test_only_the_ten_worst_drawdowns_are_listed():
    values = [value for step in range(1, 13) for value in (100.0, 100.0 - step)]
    days = pd.date_range("2010-01-04", periods=len(values), tz="UTC")
    rows = cells(drawdowns_table(pd.Series(values, index=days), initial_equity=100.0))
    assert len(rows) == MOST_DRAWDOWNS == 10
    assert [row[1] for row in rows][::9] == ["−12.00 %", "−3.00 %"]


def test_curve_that_never_falls_says_so_in_place_of_a_table():
    text = drawdowns_table(curve({"2010-01-04": 100.0, "2010-01-05": 101.0}), initial_equity=100.0)
    assert "never fell" in text
    assert "<table" not in text


@pytest.mark.parametrize("table", [monthly_heatmap, drawdowns_table])
def test_equity_that_is_not_finite_is_refused(table):
    with pytest.raises(DataQualityError):
        table(curve({"2010-01-04": float("nan")}), initial_equity=100.0)
