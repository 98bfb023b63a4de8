"""This file holds the tests of `datasets add`, run as a user would."""

import json

from trading_pipeline.settings.environment import load_settings
from trading_pipeline_tests.stages.test_dataset_stage import index_bars

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
    assert (load_settings().inbox / "my-nifty-file.csv").is_file()
    before = fresh_world.counts()
    again = call("datasets", "add", path, *FLAGS)
    assert json.loads(again.out) == told
    assert fresh_world.counts() == before


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
