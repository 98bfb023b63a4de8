"""Tests of claims: they end with their owner, and a dead one is told from one at work."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trading_pipeline.settings.claims import (
    claimed,
    is_held,
    make_claim,
    mark,
    owner_of,
    release_claim,
    remove_dead,
    state_of,
    take_claim,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def holder(tmp_path):
    """A process that holds the claim `c`."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom trading_pipeline.settings.claims import take_claim\n"
            "take_claim(sys.argv[1]); print('held', flush=True); sys.stdin.read()",
            str(tmp_path / "c"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline() == "held\n"
    with process:
        yield process
        process.kill()


def test_a_claim_is_held_by_one_and_leaves_no_file(tmp_path):
    path = tmp_path / "c"
    descriptor = take_claim(path)
    assert is_held(path)
    assert take_claim(path) is None
    assert not remove_dead(path)
    release_claim(path, descriptor)
    assert not is_held(path)
    assert list(tmp_path.iterdir()) == []
    with claimed(path):
        assert is_held(path)
    assert list(tmp_path.iterdir()) == []


def test_the_claim_of_a_killed_process_is_dead_at_once_and_can_be_taken(tmp_path, holder):
    path = tmp_path / "c"
    assert is_held(path)
    assert not remove_dead(path)
    assert owner_of(path).startswith(f"process {holder.pid} on {socket.gethostname()} (")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert path.exists()
    assert not is_held(path)
    assert owner_of(path) is None  # a process long gone is never named
    descriptor = take_claim(path)
    assert owner_of(path).startswith(f"process {os.getpid()} ")
    release_claim(path, descriptor)


def test_a_process_that_has_the_id_of_a_dead_owner_does_not_keep_its_claim(tmp_path):
    path = tmp_path / "c"
    path.write_text(f'{{"pid": {os.getpid()}, "host": "{socket.gethostname()}"}}')
    assert not is_held(path)
    assert owner_of(path) is None
    assert remove_dead(path)
    assert not path.exists()


def test_a_claim_removed_while_it_was_taken_is_taken_anew(tmp_path):
    path, wrong = tmp_path / "c", []

    def work():
        for _ in range(200):
            descriptor = make_claim(path)
            if not path.exists() or take_claim(path) is not None:
                wrong.append("two have it")
            release_claim(path, descriptor)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        remove_dead(path)
    assert wrong == []


def test_the_word_of_a_claim_can_be_changed_and_its_owner_stays_known(tmp_path):
    path = tmp_path / "c"
    descriptor = make_claim(path, state="waits ")
    assert state_of(path) == "waits "
    mark(descriptor, "holds ")
    assert state_of(path) == "holds "
    assert f"process {os.getpid()} " in owner_of(path, "reading")
    assert "reading since" in owner_of(path, "reading")
    release_claim(path, descriptor)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_that_outlives_the_owner_is_not_called_by_the_name_of_the_dead(tmp_path):
    path = tmp_path / "c"
    owner = os.fork()
    if owner == 0:
        take_claim(path)
        if os.fork() == 0:
            (tmp_path / "child").write_text(str(os.getpid()))
            signal.pause()
        os._exit(0)
    os.waitpid(owner, 0)
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        pass
    try:
        assert is_held(path)
        assert owner_of(path).startswith(f"a process that was started by process {owner} ")
    finally:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
