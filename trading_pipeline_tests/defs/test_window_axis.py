"""The window axis: whatever the universe and the clock, bars and partitions fit together."""

from datetime import UTC, date, datetime, timedelta

import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from trading_pipeline.defs.partitions import instrument_windows
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.market_data.sources.bundled.source import BundledSource
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.universe import InstrumentSpec, UniverseSpec

YESTERDAY, NEXT_YEAR = date(2026, 11, 29), date(2027, 6, 1)
NOW = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
DAYS = st.dates(date(1999, 1, 1), date(2032, 1, 1))


@st.composite
def lines(draw, symbol):
    """A line of a universe file: of bars that go on or end, with or without a span of its own."""
    values = {"symbol": symbol, "source": draw(st.sampled_from(["yahoo", "bundled", "files"]))}
    start = draw(st.none() | DAYS)
    if start is not None:
        values["start"] = start
    if draw(st.booleans()):
        later = st.integers(1, 3000).map(lambda days: (start or date(1999, 1, 1)) + _days(days))
        values["end"] = draw(st.none() | later)
    if values["source"] == "files" or draw(st.integers(0, 4)) == 0:
        values["listed_to"] = draw(DAYS)
    return InstrumentSpec(**values)


@st.composite
def universes(draw):
    """A universe of one to three instruments."""
    start = draw(DAYS)
    end = draw(st.none() | st.integers(1, 8000).map(lambda days: start + _days(days)))
    found = UniverseSpec(
        start=start,
        end=end,
        cadence=draw(st.sampled_from(["year", "quarter", "month"])),
        instruments=tuple(draw(lines(f"S{n}")) for n in range(draw(st.integers(1, 3)))),
    )
    try:
        found.grid.keys()
    except ConfigurationError:  # a span that ends before it starts
        reject()
    return found


def _days(number):
    return timedelta(days=number)


def dagsters_windows(universe, now):
    """Keys of the windows that Dagster has at a clock, and the span of each."""
    grid = instrument_windows(Catalog(universe, {}, {}, {}))
    windows = grid.get_partitions_def_for_dimension("window")
    with partition_loading_context(now):
        keys = list(windows.get_partition_keys())
    return {key: windows.time_window_for_partition_key(key) for key in keys}


def universe(*instruments, start=date(2024, 1, 1), end=YESTERDAY):
    return UniverseSpec(start=start, end=end, instruments=instruments)


@settings(deadline=None)
@given(
    universes(),
    st.datetimes(datetime(1999, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),
    st.floats(0, 1, exclude_max=True),
)
@example(universe(InstrumentSpec(symbol="S", source="yahoo", end=NEXT_YEAR)), NOW, 0.99)
@example(universe(InstrumentSpec(symbol="S", source="yahoo", end=None)), NOW, 0.99)
@example(universe(InstrumentSpec(symbol="S", source="yahoo")), datetime(2025, 1, 1, tzinfo=UTC), 0)
def test_every_bar_has_a_partition_and_every_window_asked_for_exists(universe, now, where):
    known = dagsters_windows(universe, now)
    for spec in universe.instruments:
        own = universe.grid_of(spec.id)
        windows = own.windows(now)
        assert {window.key for window in windows} <= set(known)
        first = datetime.combine(own.start, datetime.min.time(), UTC)
        length = own.last_moment(now) - first
        if length > timedelta(0):  # a bar at any moment of the part of the span that has passed
            bar = first + length * where
            (holds,) = [key for key, span in known.items() if span.start <= bar < span.end]
            assert holds in [window.key for window in windows]
    started = universe.grid.windows(now)
    if started:
        assert list(known) == [window.key for window in started]
        assert [(span.start, span.end) for span in known.values()] == [
            (window.start, window.end) for window in started
        ]


def test_the_running_window_exists_although_the_universe_has_an_end():
    longer = InstrumentSpec(symbol="SPY", source="yahoo", end=NEXT_YEAR)
    years = ["2024-01-01", "2025-01-01", "2026-01-01"]
    assert list(dagsters_windows(universe(longer), NOW)) == years
    assert list(dagsters_windows(universe(longer), datetime(2028, 1, 2, tzinfo=UTC)))[-1] == (
        "2027-01-01"
    )


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ({"source": "yahoo"}, "2026-01-01"),
        ({"source": "yahoo", "listed_to": date(2015, 3, 1)}, "2015-01-01"),
        ({"source": "bundled"}, "2013-01-01"),
        ({"source": "bundled", "end": None}, "2013-01-01"),
        ({"source": "files", "listed_to": date(2020, 12, 31), "end": None}, "2020-01-01"),
    ],
)
def test_until_now_makes_no_windows_that_can_never_have_bars(line, last):
    until_now = universe(InstrumentSpec(symbol="S", **line), start=date(2000, 1, 1), end=None)
    assert list(dagsters_windows(until_now, NOW))[-1] == last
    assert until_now.grid_of("S_1d").keys(NOW)[-1] == last


def test_until_now_may_be_said_for_one_instrument_alone():
    both = universe(
        InstrumentSpec(symbol="SPY", source="yahoo", end=None),
        InstrumentSpec(symbol="QQQ", source="yahoo"),
        end=date(2025, 1, 1),
    )
    assert both.grid_of("SPY_1d").keys(NOW)[-1] == "2026-01-01"
    assert both.grid_of("QQQ_1d").keys(NOW) == ["2024-01-01"]
    assert list(dagsters_windows(both, NOW))[-1] == "2026-01-01"


def test_data_that_ends_before_the_span_has_one_window():
    late = universe(InstrumentSpec(symbol="AAPL", source="bundled"), start=date(2020, 5, 1))
    assert late.grid_of("AAPL_1d").keys(NOW) == ["2020-01-01"]


def test_the_last_day_of_the_bundled_bars_is_that_of_the_file():
    source = BundledSource()
    last = {source.listing(symbol)[1] for symbol in source.symbols()}
    assert last == {InstrumentSpec(symbol="AAPL", source="bundled").last_data}


def test_the_windows_of_many_instruments_are_told_from_their_spans_once(monkeypatch):
    lines = [InstrumentSpec(symbol=f"S{number}", source="yahoo") for number in range(50)]
    many, asked = universe(*lines), []
    whole = type(many)._span_of
    monkeypatch.setattr(type(many), "_span_of", lambda *given: asked.append(1) or whole(*given))
    assert [many.grid.keys(NOW) for _ in lines][-1][-1] == "2026-01-01"
    assert len(asked) == 50
