"""How the tool judges the end of a command on a full disk. Mounting disks is not for tests."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "fill_disk.py"

SPEC = importlib.util.spec_from_file_location("fill_disk", SCRIPT)
fill_disk = importlib.util.module_from_spec(SPEC)
sys.modules["fill_disk"] = fill_disk  # a dataclass looks its module up
SPEC.loader.exec_module(fill_disk)
PARAGRAPH = "Error: The disk that holds /x is full: 0.0 MB of 3.1 MB are free.\n"


def test_one_paragraph_about_the_disk_and_exit_code_1_are_right():
    assert fill_disk.faults_of_failure(1, f"universe ...\n{PARAGRAPH}") == []


@pytest.mark.parametrize(
    ("code", "told", "fault"),
    [
        (0, PARAGRAPH, "exit code 0"),
        (1, f"Traceback (most recent call last):\n{PARAGRAPH}", "traceback"),
        (1, "", "0 errors"),
        (1, PARAGRAPH * 2, "2 errors"),
        (1, "Error: The disk is full.\n\nAnd more.\n", "not one paragraph"),
        (1, "Error: The run failed.\n", "not one paragraph"),
    ],
)
def test_other_ends_are_faults(code, told, fault):
    assert fault in " ".join(fill_disk.faults_of_failure(code, told))


def test_without_the_right_to_mount_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert fill_disk.main(["--sizes", "3"]) == 2
    assert "by root only" in capsys.readouterr().err
