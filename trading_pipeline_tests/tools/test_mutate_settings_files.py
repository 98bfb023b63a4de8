"""A sample of damaged files of settings: each is read, or refused in one paragraph."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "mutate_settings_files.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("mutate_settings_files", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_text_is_read_before_it_is_damaged(script, tmp_path):
    for number, (place, text) in enumerate(script.texts()):
        config, tally = tmp_path / str(number), script.Tally()
        path = config / place
        path.parent.mkdir(parents=True)
        path.write_text(text)
        script._read(config, path, place, tally)
        assert dict(tally.outcomes) == {"read": 1}, place


def test_200_damaged_files_give_no_raw_exception(script):
    tally = script.run(200, seed=7)
    assert tally.faults == []
    assert tally.outcomes["ConfigurationError"] > 100
    assert tally.outcomes["read"] > 10


def test_a_raw_exception_would_be_found(script, monkeypatch):
    def fail(_):
        raise KeyError("x")

    monkeypatch.setattr(script, "load_catalog", fail)
    assert "KeyError" in script.run(3, seed=1).faults[0]
