"""Run passes on disks that are too small, enlarge the disks, and compare with a pass with room.

    sudo uv run python tools/fill_disk.py --sizes 3-17

Each size, in MB: a disk in memory (tmpfs) is mounted for the runtime folder of a tiny workspace,
the one of `kill_passes.py`, and `trading-pipeline run` is carried out there. Where the disk is too
small the command must end with exit code 1 and one paragraph that names the disk, and leave no
unfinished file. Then the disk is enlarged and the command runs again: it must complete, and every
table and file must equal those of a pass that had room. `--compile` puts the compiled code on the
small disk too, where users have it; each size then takes a minute more. Exit code 1 where something
is not so; 2 without the right to mount.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

__all__ = ["Outcome", "faults_of_failure", "main", "prove"]

INSTRUMENT = "AAPL_1d"
ROOM_MB = 200
_PROGRAM = "from trading_pipeline.cli.app import main; main()"
_LONGEST_SECONDS = 600.0


@dataclass(frozen=True)
class Outcome:
    """What became of one size: how the first pass ended, and what is wrong."""

    size_mb: int
    exit_code: int
    told: str
    faults: list[str]


def prove(sizes: list[int], folder: Path, *, compiles: bool = False) -> Iterator[Outcome]:
    """One outcome a size; `folder` is empty and is filled, its mounts are gone afterwards."""
    from tools.kill_passes import contents, run_undisturbed  # loads all that a pass needs

    roomy = folder / "roomy"
    run_undisturbed(roomy)
    wanted = contents(roomy)
    for size in sizes:
        with _disk(folder / f"disk-{size}", size) as disk:
            yield _outcome(disk, size, wanted, compiles=compiles)


def faults_of_failure(exit_code: int, told: str) -> list[str]:
    """What is wrong with how a command on a full disk ended; `told` is its standard error."""
    found = []
    if exit_code != 1:
        found.append(f"exit code {exit_code} instead of 1")
    if "Traceback" in told or "Exception ignored" in told:
        found.append(f"a traceback: {told[-600:]}")
    errors = re.split(r"(?m)^Error: ", told)[1:]
    if len(errors) != 1:
        found.append(f"{len(errors)} errors instead of one: {told[-600:]}")
    elif "\n\n" in errors[0].strip() or "is full" not in " ".join(errors[0].split()):
        found.append(f"not one paragraph about a full disk: {errors[0][:600]}")
    return found


def _outcome(disk: Path, size: int, wanted: dict[str, str], *, compiles: bool) -> Outcome:
    from tools.kill_passes import contents, differences, prepare, unfinished

    prepare(disk)
    code, told = _run(disk, compiles=compiles)
    faults = [] if code == 0 else faults_of_failure(code, told)
    if code == 0 or not faults:
        left = sorted(disk.rglob("*.tmp"))
        faults += [f"unfinished after it: {path.relative_to(disk)}" for path in left]
    _call("mount", "-o", f"remount,size={ROOM_MB}m", str(disk))
    again, told_again = _run(disk, compiles=compiles)
    if again != 0:
        faults.append(f"the pass after it ended with {again}: {told_again[-600:]}")
    else:
        faults += differences("after it", wanted, contents(disk))
    faults += [f"left over: {name}" for name in unfinished(disk)]
    return Outcome(size, code, " ".join(told.split()), faults)


def _run(runtime: Path, *, compiles: bool = False) -> tuple[int, str]:
    """Exit code and standard error of `trading-pipeline run`."""
    if not compiles:
        return _run_in_a_fork(runtime)
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "run", INSTRUMENT],
        cwd=ROOT,
        env={
            **os.environ,
            "TRADING_PIPELINE_RUNTIME_DIR": str(runtime),
            "NUMBA_CACHE_DIR": str(runtime / "cache" / "numba"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST_SECONDS,
    )
    return ended.returncode, ended.stderr


def _run_in_a_fork(runtime: Path) -> tuple[int, str]:
    """The same without the time of imports; compiled code is where this process has it."""
    from trading_pipeline.cli.app import main as command_line

    with tempfile.TemporaryFile() as told:
        child = os.fork()
        if not child:
            code: int | str | None = 99
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                os.dup2(told.fileno(), 2)
                os.environ["TRADING_PIPELINE_RUNTIME_DIR"] = str(runtime)
                sys.argv = ["trading-pipeline", "run", INSTRUMENT]
                command_line()
                code = 0
            except SystemExit as ended:
                code = ended.code or 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code if isinstance(code, int) else 1)
        _, status = os.waitpid(child, 0)
        told.seek(0)
        return os.waitstatus_to_exitcode(status), told.read().decode(errors="replace")


@contextmanager
def _disk(place: Path, size_mb: int) -> Iterator[Path]:
    """A disk in memory of that size, for the block."""
    place.mkdir()
    _call("mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(place))
    try:
        yield place
    finally:
        _call("umount", "--lazy", str(place))  # a pass may still be at work, where this was ended


def _call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


def main(arguments: list[str] | None = None) -> int:
    """Print a line a size, and the counts; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="3-17", help="in MB: 5, or 3-17")
    parser.add_argument("--compile", action="store_true", help="compiled code on the disk too")
    given = parser.parse_args(arguments)
    if sys.platform != "linux" or os.geteuid() != 0:
        sys.stderr.write("Disks can be mounted on Linux by root only: run this with sudo.\n")
        return 2
    first, _, last = given.sizes.partition("-")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that disks are unmounted
    sizes = list(range(int(first), int(last or first) + 1))
    outcomes = []
    with tempfile.TemporaryDirectory() as name:
        for outcome in prove(sizes, Path(name), compiles=given.compile):
            outcomes.append(outcome)
            sys.stdout.write(
                f"{outcome.size_mb:3} MB: exit code {outcome.exit_code}, "
                f"{len(outcome.faults)} faults\n"
            )
            sys.stdout.writelines(f"    {fault}\n" for fault in outcome.faults)
            sys.stdout.flush()
    full = sum(outcome.exit_code != 0 for outcome in outcomes)
    faults = sum(len(outcome.faults) for outcome in outcomes)
    sys.stdout.write(
        f"{len(outcomes)} disks, {full} too small, {len(outcomes) - full} large enough; "
        f"{faults} faults\n"
    )
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
