"""`datasets add`, run as a user would."""

import json

from trading_pipeline.defs.instance import open_instance
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline_tests.stages.datasets.test_profiles import index_bars
from trading_pipeline_tests.stages.datasets.test_registration import conflicting

WAITING = (
    "name: {name}\nstrategy: {{type: sma_crossover, params: {{fast: 10, slow: 30}}}}\n"
    "instruments: [{of}]\n"
)
FLAGS = ("--tz", "Asia/Kolkata", "--symbol", "NIFTY", "--json")


def test_a_file_from_anywhere_becomes_bars_and_a_second_call_changes_nothing(
    call, fresh_world, tmp_path
):
    path = tmp_path / "my nifty file.csv"
    index_bars().to_csv(path, index=False)
    ended = call("datasets", "add", path, *FLAGS)
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert (told["instrument"], told["bars"], told["calendar"]) == ("NIFTY_1m", 1125, "XBOM")
    assert (told["currency"], told["calendar_from"], told["currency_from"]) == (
        "INR",
        "guessed from the hours of the sessions",
        "it follows from the calendar",
    )
    assert (load_settings().inbox / "my-nifty-file.csv").is_file()
    before = fresh_world.counts()
    again = call("datasets", "add", path, *FLAGS)
    assert json.loads(again.out) == told
    assert fresh_world.counts() == before


def test_files_that_name_an_instrument_still_to_come_do_not_stop_its_registration(
    call, fresh_world, tmp_path
):
    fresh_world.write("scenarios/waiting.yaml", WAITING.format(name="waiting", of="NIFTY_1m"))
    fresh_world.write(
        "studies/waiting.yaml",
        "name: waiting\nstrategy: sma_crossover\nscenario: waiting\nspace: {fast: {values: [5]}}\n",
    )
    fresh_world.write("cross_features.yaml", "peers: [NIFTY_1m]\n")
    path = tmp_path / "nifty.csv"
    index_bars().to_csv(path, index=False)
    assert call("datasets", "inspect", path, *FLAGS[:2]).code == 0
    ended = call("datasets", "add", path, *FLAGS)
    assert ended.code == 0, ended.err
    catalog = load_catalog(load_settings().config)
    catalog.require_instruments_of(catalog.scenario("waiting"))
    pairs = open_instance(load_settings()).get_dynamic_partitions("instrument_scenarios")
    assert "NIFTY_1m|waiting" in pairs


def test_what_is_left_open_is_refused_before_anything_is_copied(call, fresh_world, tmp_path):
    path = tmp_path / "nifty.csv"
    index_bars().to_csv(path, index=False)
    ended = call("datasets", "add", path)
    assert ended.code == 1
    assert "--tz Asia/Kolkata" in ended.error
    assert not load_settings().inbox.exists()


def test_what_cannot_be_bars_is_refused_with_the_reason(call, fresh_world, tmp_path):
    path = tmp_path / "bars.zip"
    path.write_bytes(b"PK\x03\x04" + bytes(60))
    ended = call("datasets", "add", path)
    assert ended.code == 1
    assert "cannot become bars" in ended.error
    assert "Traceback" not in ended.err
    missing = call("datasets", "add", tmp_path / "not there.csv")
    assert missing.code in (1, 2)
    assert "not there.csv" in missing.error


def state(world):
    """Everything that a registration writes."""
    settings = load_settings()
    instance = open_instance(settings)
    return {
        "universe": (settings.config / "universe.yaml").read_text("utf-8"),
        "registered": {
            p.relative_to(world.runtime): p.read_bytes()
            for p in settings.datasets.glob("**/*")
            if p.is_file()
        },
        "inbox": {p.name: p.read_bytes() for p in settings.inbox.glob("*")},
        "keys": [
            sorted(instance.get_dynamic_partitions(key)) for key in ("datasets", "instruments")
        ],
        "warehouse": world.rows("SELECT instrument, active FROM instruments ORDER BY 1"),
        "bars": world.counts()["bars"],
    }


def test_a_file_whose_bars_are_blocked_leaves_nothing_and_says_which_and_how_to_mend(
    call, fresh_world, tmp_path
):
    fresh_world.full_pass().reference_data()
    before = state(fresh_world)
    path = tmp_path / "nifty.csv"
    conflicting(index_bars()).to_csv(path, index=False)
    ended = call("datasets", "add", path, *FLAGS)
    assert ended.code == 1
    assert "duplicate_ts (1 found at 2012-03-05 03:45 UTC)" in ended.error
    assert "--duplicates first" in ended.error
    assert "Nothing of it stays registered" in ended.error
    assert "Traceback" not in ended.err
    assert state(fresh_world) == before
    mended = call("datasets", "add", path, *FLAGS, "--duplicates", "first")
    assert mended.code == 0, mended.err
    assert json.loads(mended.out)["bars"] == 1125


def test_a_registered_file_that_fails_now_stays_as_it_was(call, fresh_world, tmp_path):
    path = tmp_path / "nifty.csv"
    index_bars().to_csv(path, index=False)
    assert call("datasets", "add", path, *FLAGS).code == 0
    before = state(fresh_world)
    conflicting(index_bars(days=4)).to_csv(path, index=False)
    assert call("datasets", "add", path, *FLAGS).code == 1
    assert state(fresh_world) == before
    assert not list(load_settings().inbox.glob(".*"))


def test_an_archived_instrument_comes_back_by_an_explicit_add_alone(call, fresh_world, tmp_path):
    path = tmp_path / "nifty.csv"
    index_bars().to_csv(path, index=False)
    assert call("datasets", "add", path, *FLAGS).code == 0
    assert call("universe", "remove", "FB_1d").code == 0
    assert call("universe", "remove", "NIFTY_1m").code == 0
    assert call("datasets", "add", path, *FLAGS).code == 0
    universe = load_catalog(load_settings().config).universe
    assert "NIFTY_1m" in universe.by_id
    assert list(universe.archived_by_id) == ["FB_1d"]


def test_add_says_where_calendar_and_currency_come_from(call, fresh_world, tmp_path):
    path = tmp_path / "nifty.csv"
    index_bars().to_csv(path, index=False)
    given = ("--tz", "Asia/Kolkata", "--symbol", "NIFTY", "--calendar", "XNSE", "--currency", "USD")
    wrong = call("datasets", "add", path, *given)
    assert wrong.code == 1
    assert "'XNSE'" in wrong.error
    ended = call("datasets", "add", path, *given[:4], "--currency", "USD")
    assert ended.code == 0, ended.err
    assert (
        "Calendar XBOM: guessed from the hours of the sessions; change it with --calendar. "
        "Currency USD: as you said; change it with --currency."
    ) in " ".join(ended.out.split())
