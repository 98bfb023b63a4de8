"""Commands on a full disk: one paragraph, nothing torn, and going on."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from trading_pipeline.cli import run_command
from trading_pipeline.cli.run_command import PassReport
from trading_pipeline.defs.automation.job_runs import _without_event_log_notes
from trading_pipeline.errors import ConfigurationError, DiskFullError
from trading_pipeline.features.sets.registry import FeatureSpec

ROOT = Path(__file__).resolve().parents[2]
NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


def refusing(error):
    def refuse(*_, **__):
        raise error

    return refuse


def test_a_full_disk_is_one_paragraph_with_the_folder_and_the_mend(call, fresh_world, monkeypatch):
    storage = sqlite3.OperationalError("database or disk is full")
    monkeypatch.setattr(run_command, "run_pass", refusing(storage))
    ended = call("run")
    assert ended.code == 1
    assert f"The disk that holds {fresh_world.runtime}" in ended.err.replace("\n", "")
    assert "Free some space there and run the same command again" in ended.error
    assert "Traceback" not in ended.err


def test_debug_shows_where_the_disk_was_full(call, fresh_world, monkeypatch):
    monkeypatch.setattr(run_command, "run_pass", refusing(NO_ROOM))
    with pytest.raises(OSError, match="No space left"):
        call("--debug", "run")


def test_an_error_that_nobody_foresaw_still_shows_its_traceback(call, fresh_world, monkeypatch):
    monkeypatch.setattr(run_command, "run_pass", refusing(ZeroDivisionError("of the program")))
    with pytest.raises(ZeroDivisionError):
        call("run")


def test_a_full_disk_ends_the_pass_and_not_only_one_instrument():
    report = PassReport()
    with pytest.raises(ConfigurationError), report.failure_of("AAPL_1d"):
        raise ConfigurationError("The feature failed.") from NO_ROOM
    assert report.failures == {}


@pytest.mark.parametrize(
    ("error", "kind"),
    [(NO_ROOM, DiskFullError), (FileNotFoundError(errno.ENOENT, "No file"), ConfigurationError)],
)
def test_a_formula_is_not_blamed_for_the_disk_but_for_its_own_errors(make_bars, error, kind):
    spec = FeatureSpec(
        name="a",
        version=1,
        inputs=("close",),
        lookback=1,
        warmup=1,
        compute=refusing(error),
        meaning="Nothing; it fails.",
    )
    with pytest.raises(kind) as caught:
        spec.values(make_bars(10))
    assert type(caught.value) is kind
    assert ("The feature 'a' failed" in str(caught.value)) is (kind is ConfigurationError)


def test_the_note_of_an_event_that_was_not_stored_is_left_out_and_nothing_else(capsys):
    with _without_event_log_notes():
        sys.stderr.write("Exception while writing logger call to event log: (...)\n")
        sys.stderr.write("Warning: something else\n")
    assert capsys.readouterr().err == "Warning: something else\n"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None, reason="a small disk needs unshare")
def test_a_small_disk_stops_a_run_in_a_paragraph_and_leaves_sound_files(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    main = "from trading_pipeline.cli import main; main()"
    program = f"{sys.executable} -c '{main}'"
    script = (
        f"mount -t tmpfs -o size=1m tmpfs {disk} || exit 77\n"
        f"{program} run AAPL_1d > {tmp_path}/first 2>&1; echo $? > {tmp_path}/code\n"
        f"mount -o remount,size=2g {disk}\n"
        f"{program} doctor --offline > {tmp_path}/second 2>&1\n"
    )
    settings = {
        "TRADING_PIPELINE_RUNTIME_DIR": str(disk),
        "COLUMNS": "200",
    }
    environment = dict(os.environ) | settings
    ended = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode == 77 or "unshare" in ended.stderr:
        pytest.skip("mounting is not permitted here")
    first = (tmp_path / "first").read_text()
    assert (tmp_path / "code").read_text().strip() == "1"
    assert f"The disk that holds {disk} is full" in first
    assert "Traceback" not in first
    assert len(first) < 1_500
    assert ended.returncode == 0, (tmp_path / "second").read_text()
