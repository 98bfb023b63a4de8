"""Users' files on their way from the inbox to bars and results."""

import json

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError, DatasetFormatError, UnknownNameError
from trading_pipeline.market_data.sources.files import DatasetRecord, FilesSource
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.backtests.scenario_inputs import is_asked_for, why_none_is_asked_for
from trading_pipeline.stages.workspace import open_workspace
from trading_pipeline_tests.stage_calls import refresh_bars, refresh_dataset

ANSWERS = "tz: Asia/Kolkata\nsymbol: NIFTY\n"


def index_bars(days=3, *, first="2012-03-05"):
    """Minute bars of the Indian session 09:15 to 15:30, as an index has them, naive local time."""
    rng = np.random.default_rng(4)
    dates = pd.bdate_range(first, periods=days)
    stamps = np.concatenate(
        [pd.date_range(day + pd.Timedelta("9h15min"), periods=375, freq="min") for day in dates]
    )
    close = 5_000 * np.exp(np.cumsum(rng.normal(0, 1e-4, len(stamps))))
    open_ = np.concatenate(([5_000.0], close[:-1]))
    return pd.DataFrame(
        {
            "timestamp": stamps,
            "open": open_.round(2),
            "high": (np.maximum(open_, close) + 0.5).round(2),
            "low": (np.minimum(open_, close) - 0.5).round(2),
            "close": close.round(2),
            "volume": 0,
        }
    )


@pytest.fixture
def inbox(fresh_world):
    folder = fresh_world.runtime / "inbox"
    folder.mkdir(parents=True)
    index_bars().to_csv(folder / "nifty.csv", index=False)
    return folder


def refresh(name="nifty.csv"):
    return refresh_dataset(open_workspace(load_settings()), name)


def test_a_file_without_a_zone_waits_and_says_how_to_answer(inbox):
    outcome = refresh()
    assert (outcome.status, outcome.instrument, outcome.rows) == ("waiting", "", 1125)
    assert outcome.metadata["columns"].startswith("timestamp: timestamp, open: open, ")
    assert outcome.metadata["problem_count"] == 1125  # each row has no volume
    assert "--tz Asia/Kolkata" in outcome.questions[0]
    assert "NIFTY_1m" not in load_catalog(load_settings().config).instruments


def test_a_side_car_answers_and_the_file_becomes_an_instrument(inbox):
    refresh()
    (inbox / "nifty.csv.yaml").write_text(ANSWERS, encoding="utf-8")
    outcome = refresh()
    assert (outcome.status, outcome.instrument) == ("ok", "NIFTY_1m")
    instrument = load_catalog(load_settings().config).instrument("NIFTY_1m")
    assert (instrument.calendar, instrument.asset_class, instrument.currency) == (
        "XBOM", "index", "INR",
    )  # fmt: skip
    record = DatasetRecord.read(load_settings().datasets / "NIFTY_1m")
    assert record.answers == {"tz": "Asia/Kolkata", "symbol": "NIFTY"}
    assert (record.rows, str(record.first)) == (1125, "2012-03-05 03:45:00+00:00")


def test_the_bars_are_those_of_the_file_on_the_projects_clock(inbox):
    (inbox / "nifty.csv.yaml").write_text(ANSWERS, encoding="utf-8")
    refresh()
    workspace = open_workspace(load_settings())
    windows = [w for w in workspace.windows() if w.key == "2012-01-01"]
    outcomes = refresh_bars(workspace, "NIFTY_1m", windows)
    # the world's universe ended before the file's bars: its span grew with the registration
    assert [(o.status, o.rows) for o in outcomes] == [("ok", 1125)]
    stored = workspace.bars.read_span("NIFTY_1m", None, None)
    given = index_bars().set_index("timestamp").tz_localize("Asia/Kolkata")
    assert (stored.index == given.index.tz_convert("UTC")).all()
    np.testing.assert_array_equal(stored["close"], given["close"])


def test_an_unchanged_file_changes_nothing_and_a_changed_one_is_registered_again(inbox):
    (inbox / "nifty.csv.yaml").write_text(ANSWERS, encoding="utf-8")
    first = refresh()
    again = refresh()
    assert (first.changed, again.changed) == (True, False)
    assert again.content_hash == first.content_hash
    index_bars(days=4).to_csv(inbox / "nifty.csv", index=False)
    longer = refresh()
    assert (longer.changed, longer.rows) == (True, 1500)
    record = DatasetRecord.read(load_settings().datasets / "NIFTY_1m")
    assert record.listing[1].isoformat() == "2012-03-08"
    assert (
        load_catalog(load_settings().config).instrument("NIFTY_1m").listed_to == record.listing[1]
    )


def test_a_file_that_cannot_be_bars_is_refused_with_the_reason(inbox):
    (inbox / "notes.csv").write_text("who,what\nme,nothing\n", encoding="utf-8")
    outcome = refresh("notes.csv")
    assert outcome.status == "refused"
    assert "No column for open, high, low, close" in outcome.reason
    assert outcome.metadata["problems"] == "missing_column 4"


def test_a_file_over_the_limit_is_refused_unread(inbox, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_DATASET_MAX_BYTES", "1000")
    outcome = refresh()
    assert outcome.status == "refused"
    assert "at most 1,000 are allowed" in outcome.reason
    assert outcome.rows == 0
    monkeypatch.delenv("TRADING_PIPELINE_DATASET_MAX_BYTES")
    assert refresh().status == "waiting"


def test_names_outside_the_inbox_and_unknown_ones_are_refused(inbox):
    (inbox.parent / "secret.csv").write_text("a,b\n", encoding="utf-8")
    with pytest.raises(DatasetFormatError, match="not the name of a file in the inbox"):
        refresh("../secret.csv")
    with pytest.raises(UnknownNameError, match=r"Did you mean 'nifty\.csv'"):
        refresh("nify.csv")


def test_a_wrong_side_car_is_named(inbox):
    (inbox / "nifty.csv.yaml").write_text("zone: Asia/Kolkata\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"nifty\.csv\.yaml.*Unknown key 'zone'"):
        refresh()


def test_a_file_does_not_take_the_place_of_another_sources_instrument(inbox):
    frame = index_bars(days=60).assign(
        timestamp=pd.bdate_range("2012-01-02", periods=60 * 375)[: 60 * 375]
    )
    frame.iloc[:60].to_csv(inbox / "daily.csv", index=False)
    (inbox / "daily.csv.yaml").write_text("symbol: AAPL\ncalendar: XNYS\n", encoding="utf-8")
    with pytest.raises(DatasetFormatError, match=r"AAPL_1d.*from the source 'bundled'"):
        refresh("daily.csv")


def test_a_broken_record_and_an_unregistered_instrument_are_typed_errors(inbox):
    (inbox / "nifty.csv.yaml").write_text(ANSWERS, encoding="utf-8")
    refresh()
    folder = load_settings().datasets
    (folder / "NIFTY_1m" / "dataset.json").write_text(json.dumps({"rows": 1}), encoding="utf-8")
    with pytest.raises(DatasetFormatError, match="datasets add"):
        DatasetRecord.read(folder / "NIFTY_1m")
    assert FilesSource(folder).capabilities().needs_network is False


def test_a_scenario_without_instruments_means_those_listed_in_its_dates(inbox, fresh_world):
    (inbox / "nifty.csv.yaml").write_text(ANSWERS, encoding="utf-8")
    refresh()
    fresh_world.write(
        "scenarios/all.yaml",
        "name: all\nstrategy: {type: sma_crossover, params: {fast: 10, slow: 30}}\n"
        "dates: {start: 2002-01-01, end: 2004-01-01}\n",
    )
    workspace = open_workspace(load_settings())
    everyone = workspace.catalog.scenario("all")
    assert is_asked_for(workspace, everyone, "AAPL_1d")
    assert not is_asked_for(workspace, everyone, "NIFTY_1m")
    listed = everyone.model_copy(update={"instruments": ("NIFTY_1m",)})
    assert is_asked_for(workspace, listed, "NIFTY_1m")
    assert not is_asked_for(workspace, listed, "AAPL_1d")


def test_an_instrument_that_no_scenario_asks_for_is_told_why(inbox, fresh_world):
    (inbox / "nifty.csv.yaml").write_text(ANSWERS, encoding="utf-8")
    refresh()
    fresh_world.write(
        "scenarios/all.yaml",
        "name: all\nstrategy: {type: sma_crossover, params: {fast: 10, slow: 30}}\n"
        "dates: {start: 2002-01-01, end: 2004-01-01}\n",
    )
    workspace = open_workspace(load_settings())
    told = why_none_is_asked_for(workspace, "NIFTY_1m")
    assert "NIFTY_1m has bars from 2012-03-05 to 2012-03-07" in told
    assert "all (ends at 2004-01-01)" in told
    assert "sma_crossover (lists other instruments)" in told
    assert str(load_settings().config / "scenarios") in told
    assert why_none_is_asked_for(workspace, "AAPL_1d") == ""
