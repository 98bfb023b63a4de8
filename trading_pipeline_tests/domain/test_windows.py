"""Windows cut time without gaps or overlaps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.domain.windows import Window, WindowGrid
from trading_pipeline.errors import ConfigurationError, UnknownNameError


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


SHIPPED = WindowGrid(start=date(2000, 1, 1), end=date(2013, 3, 1), cadence="year")
LATER = at(2150, 1, 1)
"""When every span of these tests has passed."""
cadences = st.sampled_from(["year", "quarter", "month"])
days = st.dates(date(1970, 1, 1), date(2100, 1, 1))


class TestGrids:
    def test_shipped_universe_has_fourteen_years(self):
        assert SHIPPED.keys() == [f"{year}-01-01" for year in range(2000, 2014)]

    @pytest.mark.parametrize(
        ("cadence", "start", "end", "keys"),
        [
            ("year", date(2012, 5, 17), date(2013, 1, 1), ["2012-01-01"]),
            ("year", date(2012, 5, 17), date(2013, 1, 2), ["2012-01-01", "2013-01-01"]),
            ("quarter", date(2012, 5, 17), date(2012, 7, 1), ["2012-04-01"]),
            ("quarter", date(2012, 12, 31), date(2013, 1, 2), ["2012-10-01", "2013-01-01"]),
            ("month", date(2012, 2, 29), date(2012, 3, 1), ["2012-02-01"]),
            (
                "month",
                date(2011, 11, 1),
                date(2012, 1, 2),
                ["2011-11-01", "2011-12-01", "2012-01-01"],
            ),
        ],
    )
    def test_keys_are_the_first_days_of_the_windows_touched(self, cadence, start, end, keys):
        assert WindowGrid(start=start, end=end, cadence=cadence).keys() == keys

    def test_running_window_is_part_of_a_grid_without_end(self):
        grid = WindowGrid(start=date(2012, 1, 1), end=None, cadence="quarter")
        assert grid.keys(at(2012, 5, 17)) == ["2012-01-01", "2012-04-01"]
        assert grid.keys(at(2012, 4, 1)) == ["2012-01-01", "2012-04-01"]
        assert grid.keys(at(2012, 3, 31, 23, 59, 59)) == ["2012-01-01"]
        assert grid.keys(at(2011, 4, 1)) == []
        assert grid.last_moment(at(2012, 5, 17)) == at(2012, 5, 17)

    def test_without_a_clock_now_is_now(self):
        grid = WindowGrid(start=date(2020, 1, 1), end=None)
        before = datetime.now(UTC)
        assert before <= grid.last_moment() <= datetime.now(UTC)
        assert grid.windows()[-1].start <= before + timedelta(seconds=1)

    def test_an_end_is_a_bound_and_no_window_starts_before_its_time(self):
        assert SHIPPED.last_moment(at(2050, 1, 1)) == SHIPPED.end_moment == at(2013, 3, 1)
        assert SHIPPED.keys(at(2013, 1, 1)) == SHIPPED.keys(at(2050, 1, 1))
        assert SHIPPED.keys(at(2011, 6, 1))[-1] == "2011-01-01"
        assert SHIPPED.last_moment(at(2011, 6, 1)) == at(2011, 6, 1)
        assert SHIPPED.keys(at(1999, 1, 1)) == []
        assert SHIPPED.last_end == at(2014, 1, 1)
        assert [SHIPPED.goes_on(at(2013, *day)) for day in ((2, 28), (3, 1))] == [True, False]

    @pytest.mark.parametrize(
        ("cadence", "cron"),
        [("year", "0 0 1 1 *"), ("quarter", "0 0 1 1,4,7,10 *"), ("month", "0 0 1 * *")],
    )
    def test_schedule_fires_when_a_window_starts(self, cadence, cron):
        grid = WindowGrid(start=date(2012, 1, 1), end=date(2014, 1, 1), cadence=cadence)
        assert grid.cron_schedule == cron
        months = cron.split()[3]
        starts = {str(window.start.month) for window in grid.windows()}
        assert starts == (
            {str(m) for m in range(1, 13)} if months == "*" else set(months.split(","))
        )

    @given(days, st.integers(1, 4000), cadences)
    def test_windows_follow_each_other_and_cover_the_span(self, start, length, cadence):
        end = start + timedelta(days=length)
        grid = WindowGrid(start=start, end=end, cadence=cadence)
        windows = grid.windows(LATER)
        assert windows == sorted(windows)
        assert all(a.end == b.start for a, b in pairwise(windows))
        assert windows[0].start <= at(start.year, start.month, start.day) < windows[0].end
        assert windows[-1].start < grid.last_moment(LATER) <= windows[-1].end == grid.last_end
        assert all(w.start.day == 1 and w.start.utcoffset() == timedelta(0) for w in windows)
        keys = grid.keys(LATER)
        assert len(set(keys)) == len(windows)
        assert [grid.window(key, LATER) for key in keys] == windows

    @given(days, cadences, st.integers(0, 3000), st.integers(1, 3000))
    def test_overlapping_windows_are_those_that_share_a_moment(self, start, cadence, skip, length):
        grid = WindowGrid(start=start, end=start + timedelta(days=2000), cadence=cadence)
        low = grid.first_start + timedelta(days=skip)
        high = low + timedelta(days=length)
        expected = [w for w in grid.windows(LATER) if max(w.start, low) < min(w.end, high)]
        assert list(grid.overlapping(low, high, LATER)) == expected

    def test_touching_windows_do_not_overlap(self):
        assert [w.key for w in SHIPPED.overlapping(at(2005, 1, 1), at(2006, 1, 1))] == [
            "2005-01-01"
        ]
        assert list(SHIPPED.overlapping(at(2020, 1, 1), at(2021, 1, 1))) == []


class TestWrongGrids:
    @pytest.mark.parametrize("end", [date(2000, 1, 1), date(1999, 12, 31)])
    def test_an_end_that_is_not_after_the_start_is_named(self, end):
        with pytest.raises(ConfigurationError, match=f"ends at {end}.*leave it out") as caught:
            WindowGrid(start=date(2000, 1, 1), end=end)
        assert caught.value.end == end

    def test_an_end_beyond_the_calendar_is_refused(self):
        with pytest.raises(ConfigurationError, match="Leave 'end' out"):
            WindowGrid(start=date(2000, 1, 1), end=date(9999, 12, 31))

    def test_an_unknown_cadence_is_named(self):
        with pytest.raises(ConfigurationError, match="'week' is none of year, quarter, month"):
            WindowGrid(start=date(2000, 1, 1), end=None, cadence="week")

    @pytest.mark.parametrize("key", ["2012-02-01", "2014-01-01", "1999-01-01", "2012", ""])
    def test_an_unknown_key_names_the_first_and_last(self, key):
        with pytest.raises(UnknownNameError, match=r"2000-01-01.*2013-01-01") as caught:
            SHIPPED.window(key)
        assert (caught.value.name, caught.value.kind) == (key, "window")

    def test_a_close_key_is_offered(self):
        with pytest.raises(UnknownNameError, match=r"Did you mean .*'2012-01-01'"):
            SHIPPED.window("2012-01-02")

    def test_a_grid_whose_first_window_is_to_come_says_so(self):
        grid = WindowGrid(start=date(2050, 1, 1), end=None)
        with pytest.raises(UnknownNameError, match="still to come"):
            grid.window("2050-01-01", at(2012, 1, 1))


def test_a_window_is_half_open_and_named_by_its_first_day():
    window = SHIPPED.window("2012-01-01")
    assert window == Window(at(2012, 1, 1), at(2013, 1, 1))
    assert window.key == "2012-01-01"
