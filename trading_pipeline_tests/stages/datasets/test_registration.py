"""The registration of files: what is refused, what stays untouched."""

import json
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from trading_pipeline.errors import DatasetFormatError, PermanentFetchError
from trading_pipeline.market_data.sources.files import BARS_FILE, RECORD_FILE, DatasetRecord
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.settings.universe_writer import archive_instrument
from trading_pipeline.stages.datasets.registration import usual_currency
from trading_pipeline.stages.datasets.seen import bars_are_fetched
from trading_pipeline.stages.verification import verify_everything
from trading_pipeline.stages.workspace import open_workspace
from trading_pipeline_tests.stage_calls import (
    actions_are_pending,
    backtest_is_pending,
    cross_features_are_pending,
    pending_bars,
    pending_chain,
    refresh_bars,
    refresh_dataset,
    study_is_pending,
)
from trading_pipeline_tests.stages.datasets.test_profiles import ANSWERS, inbox, index_bars

__all__ = ["inbox"]


def conflicting(frame):
    """A second row with the stamp of the first one and another close."""
    again = frame.iloc[[0]].assign(close=frame["close"].iloc[0] + 0.1)
    return pd.concat([frame.iloc[[0]], again, frame.iloc[1:]])


def high_below_low(frame):
    """The eighth bar with high and low changed for each other."""
    spoiled = frame.copy()
    spoiled.loc[7, ["high", "low"]] = frame.loc[7, ["low", "high"]].to_numpy()
    return spoiled


def negative(frame):
    return frame.assign(low=frame["low"].mask(frame.index == 7, -1.0))


def with_holes(frame):
    return frame.assign(close=frame["close"].mask(frame.index % 9 == 4))


def a_day_missing(frame):
    return frame[~frame["timestamp"].dt.date.astype(str).eq("2012-03-06")]


def refresh(name="nifty.csv", **knobs):
    return refresh_dataset(open_workspace(load_settings()), name, **knobs)


def put(folder, frame, *, name="nifty.csv", answers=ANSWERS):
    frame.to_csv(folder / name, index=False)
    (folder / f"{name}.yaml").write_text(answers, encoding="utf-8")


def spec_of(name):
    return load_catalog(load_settings().config).universe.by_id[name]


@pytest.mark.parametrize(
    ("spoil", "wrong", "mend"),
    [
        (conflicting, "duplicate_ts (1 found at 2012-03-05 03:45 UTC)", "--duplicates first"),
        (high_below_low, "ohlc (1 found at 2012-03-05 03:52 UTC)", "correct or take out"),
        (negative, "positive (1 found at 2012-03-05 03:52 UTC)", "correct or take out"),
        (with_holes, "gap (125 found at 2012-03-05 03:49 UTC, ", "--max-missing"),
        (a_day_missing, "gap (375 found at 2012-03-06 03:45 UTC)", "--max-missing"),
        (
            lambda frame: frame.assign(timestamp=frame["timestamp"] + pd.DateOffset(years=80)),
            "future (1,125 found at 2092-03-05 03:45 UTC)",
            "--date-order",
        ),
    ],
)
def test_bars_that_a_check_would_keep_out_are_refused_and_nothing_is_registered(
    inbox, fresh_world, spoil, wrong, mend
):
    put(inbox, spoil(index_bars()), answers=f"{ANSWERS}calendar: XBOM\n")
    universe = fresh_world.runtime / "config" / "universe.yaml"
    before = universe.read_text("utf-8")
    outcome = refresh()
    assert (outcome.status, outcome.instrument) == ("refused", "")
    assert wrong in outcome.reason
    assert mend in outcome.reason
    assert universe.read_text("utf-8") == before
    assert not list(load_settings().datasets.glob("*"))
    assert fresh_world.counts()["instruments"] == 0


def test_dates_that_the_calendar_does_not_reach_are_refused(inbox):
    put(inbox, index_bars(first="1990-03-05"), answers=f"{ANSWERS}calendar: XBOM\n")
    outcome = refresh()
    assert outcome.status == "refused"
    assert "The calendar XBOM has none of the file's bars" in outcome.reason
    assert "--calendar" in outcome.reason


def test_what_blocked_is_kept_in_the_profiles_file(inbox):
    put(inbox, conflicting(index_bars()))
    refresh()
    (path,) = (load_settings().runtime / "cache" / "dataset_profile" / "nifty.csv").glob("*.json")
    (finding,) = json.loads(path.read_text("utf-8"))["findings"]
    assert (finding["check_name"], finding["ts"]) == ("duplicate_ts", "2012-03-05T03:45:00+00:00")
    assert "conflicting values" in finding["detail"]


def test_the_answers_that_are_named_let_the_bars_in(inbox):
    put(inbox, conflicting(index_bars()), answers=f"{ANSWERS}duplicates: last\n")
    assert refresh().instrument == "NIFTY_1m"
    put(inbox, with_holes(index_bars()), answers=f"{ANSWERS}max_missing: 0.2\n")
    assert refresh().instrument == "NIFTY_1m"
    workspace = open_workspace(load_settings())
    checks = workspace.catalog.universe.checks_of("NIFTY_1m")
    assert checks["gap_error_fraction"] == 0.2
    outcomes = refresh_bars(workspace, "NIFTY_1m", workspace.windows_of("NIFTY_1m"))
    assert [(each.status, each.rows) for each in outcomes] == [("ok", 1000)]


def test_a_refusal_is_looked_at_anew_where_the_checks_became_milder(inbox, fresh_world):
    put(inbox, with_holes(index_bars()))
    assert refresh().status == "refused"
    text = fresh_world.runtime / "config" / "universe.yaml"
    text.write_text(text.read_text("utf-8") + "checks: {gap_error_fraction: 0.2}\n", "utf-8")
    assert refresh().instrument == "NIFTY_1m"


def test_a_registered_file_that_fails_now_stays_as_it_was(inbox):
    put(inbox, index_bars())
    refresh()
    folder = load_settings().datasets / "NIFTY_1m"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}, spec_of("NIFTY_1m")
    put(inbox, conflicting(index_bars(days=4)))
    assert refresh().status == "refused"
    assert (
        {path.name: path.read_bytes() for path in folder.iterdir()},
        spec_of("NIFTY_1m"),
    ) == before


def test_an_archived_instrument_stays_archived_until_somebody_asks_for_it(inbox):
    put(inbox, index_bars())
    refresh()
    config = load_settings().config
    for name in ("FB_1d", "NIFTY_1m"):
        archive_instrument(config, name)
    text = (config / "universe.yaml").read_text("utf-8")
    for frame in (index_bars(), index_bars(days=4)):
        put(inbox, frame)
        outcome = refresh()
        assert (outcome.status, outcome.instrument) == ("archived", "")
        assert outcome.reason == (
            "NIFTY_1m is archived; bring it back with: trading-pipeline universe add NIFTY "
            "--timeframe 1m."
        )
        assert (config / "universe.yaml").read_text("utf-8") == text
    assert refresh(bring_back=True).instrument == "NIFTY_1m"
    assert list(load_catalog(config).universe.archived_by_id) == ["FB_1d"]


def test_what_the_user_set_beside_a_file_in_the_universe_stays_when_it_grows(inbox):
    put(inbox, index_bars(), answers=f"{ANSWERS}currency: USD\n")
    refresh()
    path = load_settings().config / "universe.yaml"
    path.write_text(
        path.read_text("utf-8")
        .replace('"symbol": "NIFTY"', '"symbol": "NIFTY", "multiplier": 50.0')
        .replace("symbol: NIFTY", "symbol: NIFTY, multiplier: 50.0"),
        "utf-8",
    )
    assert spec_of("NIFTY_1m").multiplier == 50.0
    put(inbox, index_bars(days=4))
    refresh()
    kept = spec_of("NIFTY_1m")
    assert (kept.multiplier, kept.currency, str(kept.listed_to)) == (50.0, "USD", "2012-03-08")


def test_files_of_other_years_change_no_other_instruments_bars_and_results(world):
    folder = world.runtime / "inbox"
    folder.mkdir()
    before = world.counts()
    windows = world.workspace.windows_of("AAPL_1d")
    for name, first in (("old", "1998-06-01"), ("new", "2012-03-05")):
        put(
            folder,
            index_bars(first=first),
            name=f"{name}.csv",
            answers=f"{ANSWERS}calendar: XBOM\n".replace("NIFTY", name),
        )
        assert refresh(f"{name}.csv").instrument == f"{name}_1m"
        workspace = world.workspace
        assert (
            refresh_bars(workspace, f"{name}_1m", workspace.windows_of(f"{name}_1m"))[0].rows
            == 1125
        )
    workspace = world.workspace
    assert workspace.windows_of("AAPL_1d") == windows
    assert [w.key for w in workspace.windows_of("new_1m")] == ["2012-01-01"]
    assert [w.key for w in (workspace.windows()[0], workspace.windows()[-1])] == [
        "1998-01-01",
        "2012-01-01",
    ]
    assert not actions_are_pending(workspace, "AAPL_1d")
    assert pending_chain(workspace, "AAPL_1d", ["direction"], windows) == {}
    assert not cross_features_are_pending(workspace, "AAPL_1d", windows)
    assert not any(
        backtest_is_pending(workspace, "AAPL_1d", name) for name in workspace.catalog.scenarios
    )
    assert not study_is_pending(workspace, "AAPL_1d", "sma_grid")
    kept = ("models", "backtest_results", "trials")
    grown = world.counts()
    assert [grown[name] - before[name] for name in kept] == [0, 0, 0]


def test_windows_outside_an_instruments_span_are_not_listed_and_not_fetched(world):
    folder = world.runtime / "inbox"
    folder.mkdir()
    put(folder, index_bars())
    refresh()
    workspace = world.workspace
    (outside,) = workspace.windows(["2012-01-01"])
    assert pending_bars(workspace, "IBM_1d", [outside])
    (outcome,) = refresh_bars(world.tampered, "IBM_1d", [outside])
    assert (outcome.status, outcome.rows) == ("not_listed", 0)


def test_no_currency_is_guessed_for_an_exchange_without_a_usual_one():
    assert (usual_currency("XETR"), usual_currency("24/5"), usual_currency("XWAR")) == (
        "EUR", "XXX", "XXX",
    )  # fmt: skip


@pytest.mark.parametrize("damage", ["bars cut", "bars removed", "record cut", "record removed"])
def test_a_damaged_registered_file_is_named_and_adding_it_again_makes_it_good(inbox, damage):
    put(inbox, index_bars())
    instrument = refresh().instrument
    workspace = open_workspace(load_settings())
    name, _, how = damage.rpartition(" ")
    path = (
        workspace.settings.datasets / instrument / {"bars": BARS_FILE, "record": RECORD_FILE}[name]
    )
    sound = path.read_bytes()
    if how == "cut":
        path.write_bytes(sound[: len(sound) // 2])
    else:
        path.unlink()
    with pytest.raises((DatasetFormatError, PermanentFetchError), match="datasets add"):
        refresh_bars(workspace, instrument, workspace.windows_of(instrument))
    found = [each for kind in verify_everything(workspace) for each in kind.damages]
    assert [each.what for each in found] in ([], [f"registered file {instrument}"])
    assert found or damage == "record removed"  # then nothing says that a file was there
    assert refresh().instrument == instrument
    assert (path.read_bytes() == sound) or name == "record"  # its time of registration is new
    workspace = open_workspace(load_settings())
    refresh_bars(workspace, instrument, workspace.windows_of(instrument))
    assert not [each for kind in verify_everything(workspace) for each in kind.damages]


def test_another_file_is_fetched_though_the_clock_was_set_back_meanwhile(inbox):
    put(inbox, index_bars())
    instrument = refresh().instrument
    workspace = open_workspace(load_settings())
    windows = workspace.windows_of(instrument)
    refresh_bars(workspace, instrument, windows)
    record = DatasetRecord.read(workspace.settings.datasets / instrument)
    assert bars_are_fetched(workspace, record, windows)
    earlier = replace(
        record, registered_at=record.registered_at - timedelta(days=9), bars_sha256="another"
    )
    assert not bars_are_fetched(workspace, earlier, windows)
    later = replace(record, registered_at=record.registered_at + timedelta(days=9))
    assert bars_are_fetched(workspace, later, windows)
