"""Returns by calendar period."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.performance.period_returns import monthly_return_table, period_returns


def series(pairs):
    index = pd.DatetimeIndex([stamp for stamp, _ in pairs]).tz_localize("UTC").as_unit("us")
    return pd.Series([float(value) for _, value in pairs], index=index)


TWO_YEARS = series(
    [
        ("2023-11-30", 110),
        ("2023-12-01", 121),
        ("2023-12-29", 99),
        ("2024-01-02", 108.9),
        ("2024-03-01", 54.45),  # no bar in February
    ]
)


def test_months_by_hand():
    table = period_returns(TWO_YEARS, "month", initial_equity=100.0)
    assert table["return"].tolist() == pytest.approx([0.1, -0.1, 0.1, -0.5])
    assert table["bars"].tolist() == [1, 2, 1, 1]
    starts = [stamp.strftime("%Y-%m-%d") for stamp in table.index]
    assert starts == ["2023-11-01", "2023-12-01", "2024-01-01", "2024-03-01"]
    assert table["first_ts"].iloc[1] == pd.Timestamp("2023-12-01", tz="UTC")
    assert table["last_ts"].iloc[1] == pd.Timestamp("2023-12-29", tz="UTC")
    assert str(table.index.dtype) == "datetime64[us, UTC]"


def test_without_initial_equity_the_first_period_starts_at_its_first_bar():
    table = period_returns(TWO_YEARS, "year")
    assert table["return"].tolist() == pytest.approx([99 / 110 - 1, 54.45 / 99 - 1])


@pytest.mark.parametrize("period", ["day", "week", "month", "quarter", "year"])
@given(steps=st.lists(st.floats(0.9, 1.1), min_size=1, max_size=120), gap=st.integers(1, 9))
def test_periods_compound_to_the_whole_and_hold_every_bar(period, steps, gap):
    equity = pd.Series(
        100.0 * np.cumprod(steps),
        index=pd.date_range("2023-10-05", periods=len(steps), freq=f"{gap}D", tz="UTC"),
    )
    table = period_returns(equity, period, initial_equity=100.0)
    assert np.prod(1.0 + table["return"]) == pytest.approx(np.prod(steps), rel=1e-9)
    assert table["bars"].sum() == len(steps)
    assert table.index.is_monotonic_increasing
    assert table.index.is_unique
    assert (table["first_ts"] >= table.index).all()


def test_weeks_start_on_monday_and_days_at_midnight_utc():
    equity = series([("2024-01-05 20:30", 1), ("2024-01-07 23:59", 2), ("2024-01-08 00:00", 4)])
    weeks = period_returns(equity, "week")
    assert [stamp.strftime("%a %Y-%m-%d") for stamp in weeks.index] == [
        "Mon 2024-01-01",
        "Mon 2024-01-08",
    ]
    assert weeks["return"].tolist() == pytest.approx([1.0, 1.0])
    assert len(period_returns(equity, "day")) == 3


def test_months_agree_with_pandas_resampling(index_close):
    from arch.data import sp500

    stamps = pd.DatetimeIndex(sp500.load().index).tz_localize("UTC")
    equity = pd.Series(index_close, index=stamps)
    ends = equity.resample("MS").last()
    expected = ends / ends.shift(1).fillna(index_close[0]) - 1.0
    found = period_returns(equity, "month")["return"]
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=1e-12, atol=1e-15)
    assert len(found) == 240


def test_after_ruin_a_period_has_no_return():
    equity = series([("2024-01-01", 50), ("2024-02-01", -5), ("2024-03-01", 5), ("2024-04-01", 9)])
    found = period_returns(equity, "month", initial_equity=100.0)["return"]
    assert found.tolist()[:2] == pytest.approx([-0.5, -1.1])
    assert found.isna().tolist() == [False, False, True, True]


def test_unknown_period_offers_the_known_ones():
    with pytest.raises(ConfigurationError, match="'month'"):
        period_returns(TWO_YEARS, "monht")  # type: ignore[arg-type]


def test_monthly_table_has_a_column_a_month_and_the_year():
    table = monthly_return_table(TWO_YEARS, initial_equity=100.0)
    assert list(table.columns) == [*range(1, 13), "year"]
    assert table.index.tolist() == [2023, 2024]
    assert table.loc[2023, 12] == pytest.approx(-0.1)
    assert table.loc[2024, 3] == pytest.approx(-0.5)
    assert np.isnan(table.loc[2024, 2])
    assert table.loc[2023, "year"] == pytest.approx(-0.01)
    filled = table.drop(columns="year").fillna(0.0)
    assert np.prod(1.0 + filled, axis=1).tolist() == pytest.approx((1.0 + table["year"]).tolist())


def test_a_year_without_any_bar_is_no_row():
    table = monthly_return_table(series([("2020-05-04", 1), ("2022-05-04", 2)]))
    assert table.index.tolist() == [2020, 2022]
    assert table.loc[2022, 5] == pytest.approx(1.0)


def test_account_ruined_on_its_first_bar_has_lost_all_and_no_return_afterwards():
    days = pd.DatetimeIndex(["2024-01-31", "2024-02-29"], tz="UTC")
    found = period_returns(pd.Series([0.0, 5.0], index=days), "month", initial_equity=100.0)
    assert found["return"].iloc[0] == -1.0
    assert np.isnan(found["return"].iloc[1])
