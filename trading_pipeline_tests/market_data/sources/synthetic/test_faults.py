"""Tests of planted faults: each check fires on its fault and on nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.market_data.quality.checks import check_bars
from trading_pipeline.market_data.sources.protocol import BarRequest
from trading_pipeline.market_data.sources.synthetic.faults import FAULT_KINDS, parse_faults
from trading_pipeline.market_data.sources.synthetic.paths import SyntheticSettings
from trading_pipeline.market_data.sources.synthetic.source import SyntheticSource

YEAR = Window(datetime(2012, 1, 1, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC))
MONTH = Window(datetime(2012, 3, 1, tzinfo=UTC), datetime(2012, 4, 1, tzinfo=UTC))
NOW = datetime(2014, 1, 1, tzinfo=UTC)


def series(timeframe: str = "1d", calendar: str = "XNYS") -> Instrument:
    return Instrument(
        symbol="X", timeframe=Timeframe(timeframe), source="synthetic", calendar=calendar
    )


def fetched(
    instrument: Instrument, window: Window, *faults: str, now: datetime = NOW
) -> pd.DataFrame:
    # without jumps, so that the only surprises are the planted ones
    source = SyntheticSource(
        SyntheticSettings(faults=faults, jump_probability=0.0), clock=lambda: now
    )
    request = BarRequest(instrument=instrument, start=window.start, end=window.end)
    return source.fetch_bars(request).frame


def fired(instrument: Instrument, window: Window, *faults: str) -> dict[str, str]:
    found = check_bars(
        fetched(instrument, window, *faults), instrument=instrument, window=window, now=NOW
    )
    return {finding.check_name: finding.severity for finding in found}


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ("gap", {"gap": "WARN"}),
        ("duplicate", {"duplicate_ts": "ERROR"}),
        ("conflict", {"duplicate_ts": "ERROR"}),
        ("unsorted", {"order": "ERROR"}),
        ("off_grid", {"grid": "ERROR"}),
        ("extra_bar", {"extra_bar": "WARN"}),
        ("ohlc", {"ohlc": "ERROR"}),
        ("negative_price", {"positive": "ERROR"}),
        ("not_a_number", {"schema": "ERROR"}),
        ("stale", {"stale": "WARN"}),
        ("spike", {"spike": "WARN"}),
        ("split", {"level_shift": "WARN"}),
        ("other_company", {"identity": "ERROR", "gap": "ERROR", "coverage": "WARN"}),
        ("no_volume", {"zero_volume": "WARN"}),
    ],
)
@pytest.mark.parametrize(
    ("instrument", "window"), [(series(), YEAR), (series("30m"), MONTH)], ids=["days", "minutes"]
)
def test_each_check_fires_on_its_fault_and_on_nothing_else(instrument, window, fault, wanted):
    if fault == "other_company":
        window = YEAR
        instrument = series()
    assert fired(instrument, window) == {}
    found = fired(instrument, window, f"{fault}@2012-03-12")
    if fault == "off_grid":  # the bar that was moved is missing where it belongs
        found.pop("gap", None)
        found.pop("extra_bar", None)
    assert found == wanted


def test_a_source_that_stops_is_not_fresh():
    now = datetime(2012, 6, 1, tzinfo=UTC)
    bars = fetched(series(), YEAR, "late@2012-05-30", now=now)
    found = check_bars(bars, instrument=series(), window=YEAR, now=now)
    assert [(f.check_name, f.severity, f.value) for f in found] == [("freshness", "WARN", 2.0)]


def test_a_restated_bar_changes_once_its_moment_has_come():
    fault, moment = "restated@2012-05-30", datetime(2012, 5, 30, tzinfo=UTC)
    before = fetched(series(), YEAR, fault, now=moment - timedelta(seconds=1))
    after = fetched(series(), YEAR, fault, now=moment)
    assert (after["volume"] - before["volume"]).tolist() == [0.0] * (len(before) - 1) + [1.0]


@pytest.mark.parametrize("kind", [k for k in FAULT_KINDS if k not in ("late", "other_company")])
def test_a_fault_is_the_same_whatever_span_is_asked(kind):
    whole = fetched(series(), YEAR, f"{kind}@2012-03-12")
    for first in ("2012-03-05", "2012-03-14", "2012-03-20"):
        start = datetime.fromisoformat(first).replace(tzinfo=UTC)
        part = fetched(series(), Window(start, YEAR.end), f"{kind}@2012-03-12")
        wanted = whole.loc[whole.index >= pd.Timestamp(start)]
        pd.testing.assert_frame_equal(part, wanted, check_exact=True)


def test_without_faults_nothing_is_changed_and_the_version_stays():
    instrument = series()
    request = BarRequest(instrument=instrument, start=YEAR.start, end=YEAR.end)
    plain = SyntheticSource(clock=lambda: NOW).fetch_bars(request)
    empty = SyntheticSource(SyntheticSettings(faults=()), clock=lambda: NOW).fetch_bars(request)
    planted = SyntheticSource(
        SyntheticSettings(faults=("gap@2012-03-12",)), clock=lambda: NOW
    ).fetch_bars(request)
    assert plain.client_version == empty.client_version != planted.client_version
    assert len(planted.frame) == len(plain.frame) - 2


def test_wrong_words_for_a_fault_are_refused():
    with pytest.raises(UnknownNameError, match=r"no synthetic fault 'spikes'.*'spike'"):
        parse_faults(["spikes@2012-03-05"])
    for text in ("spike", "spike@", "spike@tomorrow"):
        with pytest.raises(ConfigurationError, match="names no moment"):
            SyntheticSettings(faults=(text,))
