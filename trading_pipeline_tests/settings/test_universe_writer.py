"""Tests of changes of the user's universe file."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.universe import InstrumentSpec
from trading_pipeline.settings.universe_writer import (
    add_instrument,
    archive_instrument,
)

BTC = InstrumentSpec(
    symbol="BTC/USDT",
    timeframe="1h",
    source="ccxt",
    exchange="kraken",
    calendar="24/7",
    asset_class="crypto",
    currency="USDT",
)
COMMENTED = """\
# my universe
start: 2001-01-01   # a Monday
instruments:
  # the index
  - {symbol: SPY, source: yahoo}  # an ETF
  - symbol: TSLA
    source: yahoo      # by hand
    listed_from: 2010-06-29

# until the sample ends
end: 2013-03-01
"""


def active(folder):
    return list(load_catalog(folder).instruments)


def written(folder, text, name="universe.yaml"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "config"


def test_a_first_instrument_makes_the_file(folder):
    change = add_instrument(folder, BTC)
    assert (change.path, change.instrument) == (folder / "universe.yaml", "BTC-USDT_1h")
    assert change.changed
    assert change.layout_kept
    instrument = load_catalog(folder).instrument("BTC-USDT_1h")
    assert (instrument.exchange, instrument.calendar) == ("kraken", "24/7")
    assert "AAPL_1d" in active(folder)


def test_comments_and_layout_stay_and_only_one_line_comes(folder):
    written(folder, COMMENTED)
    assert add_instrument(folder, BTC).layout_kept
    before, after = COMMENTED.splitlines(), (folder / "universe.yaml").read_text().splitlines()
    (new,) = [line for line in after if line not in before]
    assert [line for line in after if line != new] == before
    assert after.index(new) == before.index("    listed_from: 2010-06-29") + 1
    assert new.startswith('  - {symbol: "BTC/USDT"')
    assert {"SPY_1d", "TSLA_1d", "BTC-USDT_1h"} <= set(active(folder))


def test_the_same_instrument_again_changes_nothing(folder):
    add_instrument(folder, BTC)
    before = (folder / "universe.yaml").read_bytes()
    assert not add_instrument(folder, BTC).changed
    assert (folder / "universe.yaml").read_bytes() == before


def test_other_values_are_refused_by_name_and_replaced_on_demand(folder):
    written(folder, COMMENTED)
    other = InstrumentSpec(symbol="TSLA", source="alpaca")
    with pytest.raises(ConfigurationError, match="source: yahoo, not alpaca") as caught:
        add_instrument(folder, other)
    assert caught.value.instrument == "TSLA_1d"
    assert (folder / "universe.yaml").read_text() == COMMENTED
    assert add_instrument(folder, other, replace=True).layout_kept
    assert load_catalog(folder).instrument("TSLA_1d").source == "alpaca"
    assert "# the index" in (folder / "universe.yaml").read_text()
    assert "by hand" not in (folder / "universe.yaml").read_text()


@pytest.mark.parametrize("name", ["TSLA_1d", "AAPL_1d"])
def test_an_archived_instrument_leaves_and_comes_back_as_it_was(folder, name):
    written(folder, COMMENTED)
    before = load_catalog(folder).instrument(name)
    assert archive_instrument(folder, name).layout_kept
    assert name not in active(folder)
    assert not archive_instrument(folder, name).changed
    with pytest.raises(UnknownNameError, match=r"is archived.*universe add"):
        load_catalog(folder).instrument(name)
    assert add_instrument(folder, load_catalog(folder).universe.archived_by_id[name]).changed
    assert load_catalog(folder).instrument(name) == before
    assert (folder / "universe.yaml").read_text() == COMMENTED


def test_an_archived_instrument_may_come_back_with_other_values(folder):
    add_instrument(folder, BTC)
    archive_instrument(folder, "BTC-USDT_1h")
    add_instrument(folder, BTC.model_copy(update={"exchange": "binance"}))
    assert load_catalog(folder).instrument("BTC-USDT_1h").exchange == "binance"
    assert (folder / "universe.yaml").read_text().count("BTC") == 1


def test_a_scenario_may_go_on_naming_an_archived_instrument(folder):
    written(
        folder / "scenarios",
        "name: mine\nstrategy: {type: buy_and_hold}\ninstruments: [FB_1d, IBM_1d]\n",
        "mine.yaml",
    )
    archive_instrument(folder, "FB_1d")
    assert load_catalog(folder).scenario("mine").instruments == ("FB_1d", "IBM_1d")


def test_unknown_ids_offer_the_closest(folder):
    with pytest.raises(UnknownNameError, match="Did you mean 'AAPL_1d'"):
        archive_instrument(folder, "APPL_1d")
    written(folder, "archived: [APPL_1d]\n")
    with pytest.raises(UnknownNameError, match=r"universe\.yaml.*Did you mean 'AAPL_1d'"):
        load_catalog(folder)


def test_the_last_instrument_stays(folder):
    for name in active(folder)[:-1]:
        archive_instrument(folder, name)
    (last,) = active(folder)
    with pytest.raises(ConfigurationError, match="last instrument"):
        archive_instrument(folder, last)
    assert active(folder) == [last]


@pytest.mark.parametrize(
    "text",
    [
        "{start: 2001-01-01, instruments: [{symbol: SPY, source: yahoo}]}\n",
        "instruments: []\n",
        "start: 2001-01-01\narchived: [FB_1d, IBM_1d]\n",
        "start: 2001-01-01\r\nend:\r\n",
        "start: 2001-01-01",
        "# nothing yet\n",
        "",
        "instruments:\n- {symbol: SPY, source: yahoo}\n- symbol: QQQ\n  source: yahoo\n",
        "instruments: &all\n  - &one {symbol: SPY, source: yahoo}\n  - {<<: *one, symbol: QQQ}\n",
    ],
)
def test_every_layout_holds_the_same_values_afterwards(folder, text):
    written(folder, text)
    if text.startswith("instruments: []"):
        with pytest.raises(ConfigurationError, match="lists no instrument"):
            add_instrument(folder, BTC)
        assert (folder / "universe.yaml").read_text() == text
        return
    before = load_catalog(folder)
    add_instrument(folder, BTC)
    archive_instrument(folder, "MSFT_1d")
    archive_instrument(folder, "GOOG_1d")
    after = load_catalog(folder)
    assert set(after.instruments) == {*before.instruments, "BTC-USDT_1h"} - {"MSFT_1d", "GOOG_1d"}
    assert (after.universe.start, after.universe.end) == (
        before.universe.start,
        before.universe.end,
    )
    add_instrument(folder, after.universe.archived_by_id["MSFT_1d"])
    assert set(active(folder)) == {*before.instruments, "BTC-USDT_1h"} - {"GOOG_1d"}


def test_a_layout_that_cannot_be_edited_is_written_anew_and_told(folder):
    written(folder, "# a remark\n" + "{instruments: [{symbol: SPY, source: yahoo}]}\n")
    assert not add_instrument(folder, BTC).layout_kept
    assert "remark" not in (folder / "universe.yaml").read_text()


def test_a_json_file_stays_one(folder):
    written(folder, '{"start": "2001-01-01"}', "universe.json")
    change = add_instrument(folder, BTC)
    archive_instrument(folder, "IBM_1d")
    assert change.path.name == "universe.json"
    data = json.loads((folder / "universe.json").read_text())
    assert data["archived"] == ["IBM_1d"]
    assert data["instruments"][0]["symbol"] == "BTC/USDT"
    assert not (folder / "universe.yaml").exists()


def test_a_wrong_file_is_named_and_stays(folder):
    written(folder, "strat: 2000-01-01\n")
    with pytest.raises(ConfigurationError, match=r"universe\.yaml.*Did you mean 'start'"):
        add_instrument(folder, BTC)
    assert (folder / "universe.yaml").read_text() == "strat: 2000-01-01\n"


def test_a_write_that_fails_leaves_the_file_as_it_was(folder, monkeypatch):
    written(folder, COMMENTED)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        add_instrument(folder, BTC)
    assert (folder / "universe.yaml").read_text() == COMMENTED
    assert sorted(path.name for path in folder.iterdir()) == [".universe.lock", "universe.yaml"]


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ConfigurationError, match="taken"):
        add_instrument(tmp_path / "taken", BTC)


def test_writers_at_the_same_time_lose_nothing(folder):
    names = [f"SYM{number}" for number in range(12)]
    threads = [
        threading.Thread(target=add_instrument, args=(folder, InstrumentSpec(symbol=n, source="x")))
        for n in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {f"{name}_1d" for name in names} <= set(active(folder))


def test_words_that_yaml_reads_otherwise_are_quoted(folder):
    for symbol in ("ON", "NO", "1234", "Y", "null"):
        add_instrument(folder, InstrumentSpec(symbol=symbol, source="yahoo"))
    found = load_catalog(folder).instruments
    assert {"ON_1d", "NO_1d", "1234_1d", "Y_1d", "null_1d"} <= set(found)
    assert Path(folder / "universe.yaml").read_text().count("- {") == 5


def test_dates_of_membership_survive_a_change_of_the_file(folder):
    text = (
        "instruments:\n  - {symbol: AAPL, source: bundled, members: [{from: 2004-01-01, "
        "to: 2010-06-30}]}\n"
    )
    written(folder, text)
    archive_instrument(folder, "AAPL_1d")
    spec = load_catalog(folder).universe.archived_by_id["AAPL_1d"]
    add_instrument(folder, spec)
    assert str(load_catalog(folder).universe.members["AAPL_1d"]) == "2004-01-01 to 2010-06-30"
    (folder / "universe.yaml").unlink()
    with pytest.raises(ConfigurationError, match=r"members: None, not .*2004-01-01 to 2010-06-30"):
        add_instrument(folder, spec)
    add_instrument(folder, spec, replace=True)
    assert load_catalog(folder).universe.members["AAPL_1d"] == spec.membership


def test_until_now_on_a_line_is_written_and_read_again(folder):
    written(folder, COMMENTED)
    assert add_instrument(folder, InstrumentSpec(symbol="QQQ", source="yahoo", end=None)).changed
    assert "end: null" in (folder / "universe.yaml").read_text()
    universe = load_catalog(folder).universe
    assert universe.grid_of("QQQ_1d").end is None
    assert str(universe.grid_of("SPY_1d").end) == "2013-03-01"


def test_a_span_that_ends_before_it_starts_is_refused_before_the_file_is_written(folder):
    written(folder, COMMENTED)
    late = InstrumentSpec(symbol="QQQ", source="yahoo", start="2020-01-01")
    with pytest.raises(ConfigurationError, match=r"span of QQQ_1d ends at 2013-03-01.*end: null"):
        add_instrument(folder, late)
    assert (folder / "universe.yaml").read_text() == COMMENTED
