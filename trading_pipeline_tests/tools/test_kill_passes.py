"""A small version of the kills: a killed pass, and two at once, end as an undisturbed one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOGETHER = """
import json, sys
from pathlib import Path
from tools.kill_passes import *
from tools.kill_passes import _fork, _pointed_at, _wait
folder = Path(sys.argv[1])
proof = prove(1, 3, folder)
both = folder / "both"
prepare(both)
children = [_fork(both), _fork(both)]
codes = [_wait(child, 300.0) for child in children]
def runs(runtime):
    with _pointed_at(runtime), open_instance(load_settings()) as instance:
        return sorted(run.job_name for run in instance.get_runs())
print(json.dumps({
    "proof": [proof.failed, proof.differences, proof.leftovers],
    "kills": proof.killed + proof.ended_before,
    "codes": codes,
    "apart": differences("both", contents(folder / "undisturbed"), contents(both)),
    "left": unfinished(both),
    "runs": [runs(folder / "undisturbed"), runs(both)],
}))
"""


@pytest.mark.long
def test_a_killed_pass_and_two_at_once_end_as_an_undisturbed_one(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", TOGETHER, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["proof"] == [[], [], []]
    assert found["kills"] == 1
    assert found["codes"] == [0, 0]
    assert found["apart"] == []
    assert found["left"] == []
    alone, together = found["runs"]
    assert alone
    assert together == alone
