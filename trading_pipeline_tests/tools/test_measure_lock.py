"""A small version of the measurement: four writers and two readers, none waits long."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "measure_lock.py"


@pytest.mark.slow
def test_four_writers_and_two_readers_all_get_their_turns(monkeypatch):
    spec = importlib.util.spec_from_file_location("measure_lock", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "measure_lock", module)  # for the processes it starts
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec.loader.exec_module(module)
    found = module.measure(writers=4, readers=2, seconds=3.0)
    assert [work.error for work in found] == [""] * 6
    fewest, most = (pick(work.operations for work in found) for pick in (min, max))
    assert fewest >= 2
    assert most - fewest <= 2 + most // 4
