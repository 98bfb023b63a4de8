"""Sources that a user adds as files: what is found, what is refused, and what wrong answers say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trading_pipeline.errors import (
    ConfigurationError,
    DataFetchError,
    OwnCodeError,
    PermanentFetchError,
)
from trading_pipeline.market_data.sources.instrument_check import check_with_source
from trading_pipeline.market_data.sources.protocol import (
    ActionRequest,
    BarRequest,
    MarketDataSource,
)
from trading_pipeline.market_data.sources.registry import own_sources, source_names

SMALLEST = """\
from datetime import UTC, datetime

import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.sources.protocol import BarBatch, SourceCapabilities


class Mine:
    def capabilities(self):
        return SourceCapabilities(timeframes=(Timeframe.D1,), needs_network=False)

    def fetch_bars(self, request):
        days = pd.date_range(request.start, request.end, freq="B", inclusive="left", name="ts")
        prices = dict.fromkeys(("open", "high", "low", "close"), 10.0)
        frame = pd.DataFrame(prices | {"volume": 1.0}, index=days)
        return BarBatch(
            frame=frame,
            price_basis="as_traded",
            fetched_at=datetime.now(UTC),
            client_version="mine 1",
        )

    def fetch_actions(self, request):
        return []
"""
SPAN = {"start": datetime(2024, 1, 1, tzinfo=UTC), "end": datetime(2024, 1, 8, tzinfo=UTC)}


@pytest.fixture
def folder(tmp_path):
    """A folder of sources; gives them after files were written."""

    def write(**files):
        for stem, text in files.items():
            (tmp_path / f"{stem}.py").write_text(text)
        return own_sources(tmp_path)

    return write


def test_the_smallest_file_is_a_source_called_after_it(folder, stock):
    sources = folder(mine=SMALLEST)
    assert sources.names() == (*sorted({*source_names(), "mine"}),)
    found = sources.source("mine")
    assert isinstance(found, MarketDataSource)
    assert found.name == "mine"
    assert len(found.fetch_bars(BarRequest(instrument=stock, **SPAN)).frame) == 5
    assert found.fetch_actions(ActionRequest(instrument=stock, **SPAN)) == []
    assert check_with_source(found, stock) == "mine has 1d bars of any symbol"
    with pytest.raises(ConfigurationError, match="'mine' takes no setting 'key'"):
        sources.source("mine", {"key": 1})


def test_what_the_class_offers_beside_the_protocol_is_passed_through(folder, stock):
    listing = "\n    def listing(self, symbol):\n        return 'ever', 'now'\n"
    found = folder(mine=SMALLEST + listing).source("mine")
    assert check_with_source(found, stock) == "X has bars from ever to now"


def test_the_name_of_the_class_wins_over_that_of_the_file(folder):
    named = SMALLEST.replace("class Mine:\n", 'class Mine:\n    name = "bars"\n\n')
    assert folder(mine=named).source("bars").name == "bars"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Mine(:\n", "line 1: SyntaxError"),
        ("class Mine:\n    pass\n", r"line 1: No class .* is a source \(found: Mine\)"),
        (
            SMALLEST.partition("    def fetch_actions")[0],
            "line 9: .*lacks the method fetch_actions",
        ),
        (SMALLEST + SMALLEST.replace("class Mine", "class Other"), "2 classes.*Mine and Other"),
        (SMALLEST.replace("class Mine:", "class Mine:\n    name = 'yahoo'"), "it is a shipped one"),
        (
            "from trading_pipeline.market_data.sources.protocol import MarketDataSource\n\n"
            "class Mine(MarketDataSource):\n    def fetch_bars(self, request):\n        ...\n",
            "line 3: .*lacks the method capabilities and fetch_actions",
        ),
    ],
)
def test_a_wrong_file_names_file_line_and_fix_and_stops_no_other(folder, text, message):
    sources = folder(bad=text, mine=SMALLEST)
    with pytest.raises(OwnCodeError, match=message):
        sources.source("bad")
    assert sources.source("mine").name == "mine"
    assert sources.source("bundled").name == "bundled"


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("return [][0]", DataFetchError, "line 14: fetch_bars of the source 'mine' failed: IndexE"),
        ("return None", DataFetchError, "line 13: fetch_bars .* gave a NoneType.* a BarBatch"),
        ("raise PermanentFetchError('no key')", PermanentFetchError, "line 14: .*failed: no key"),
    ],
)
def test_a_wrong_answer_names_file_and_line(folder, stock, body, kind, message):
    text = SMALLEST.replace("        days =", f"        {body}\n        days =").replace(
        "import pandas as pd\n",
        "import pandas as pd; from trading_pipeline.errors import PermanentFetchError\n",
    )
    found = folder(mine=text).source("mine")
    with pytest.raises(kind, match=message) as caught:
        found.fetch_bars(BarRequest(instrument=stock, **SPAN))
    assert type(caught.value) is kind


def test_two_folders_have_sources_of_one_name_in_one_process(tmp_path):
    for name, timeframe in (("a", "D1"), ("b", "W1")):
        (tmp_path / name).mkdir()
        text = SMALLEST.replace("Timeframe.D1", f"Timeframe.{timeframe}")
        (tmp_path / name / "mine.py").write_text(text)
    both = [own_sources(tmp_path / name).source("mine") for name in ("a", "b")]
    assert [each.capabilities().timeframes[0].value for each in both] == ["1d", "1w"]
