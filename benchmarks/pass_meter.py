"""Measures a pass: CPU and memory of all its processes, openings, Dagster's runs and events."""

from __future__ import annotations

import logging
import os
import resource
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import dagster as dg
from dagster_shared.serdes import serialize_value

from benchmarks.pass_world import PassWorld
from trading_pipeline.defs.instance import open_instance
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.storage import warehouse as warehouse_module

__all__ = ["Cost", "Meter", "cpu_seconds", "folder_bytes", "measured", "openings", "quiet"]

_TICKS, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a pass cost; seconds, bytes, numbers."""

    cpu: float
    wall: float
    memory: int
    opens: int
    runs: int
    events: int
    event_bytes: int
    materializations: int
    materialization_bytes: int
    grown: int

    @property
    def memory_mb(self) -> float:
        """Largest memory in MB."""
        return self.memory / 1e6

    @property
    def event_kb(self) -> float:
        """JSON of all events in kB."""
        return self.event_bytes / 1e3

    @property
    def kb_each(self) -> float:
        """JSON of a materialization on average, kB."""
        return self.materialization_bytes / 1e3 / max(self.materializations, 1)

    @property
    def grown_kb(self) -> float:
        """Growth of Dagster's folder in kB."""
        return self.grown / 1e3


class Meter:
    """Runs from `with` to its end; `cost` afterwards, since reading the events takes time."""

    def __init__(self, world: PassWorld) -> None:
        self._world = world
        self._folder = world.runtime / "dagster"

    def __enter__(self) -> Meter:
        self._bytes = folder_bytes(self._folder)
        self._before = set(_run_ids())
        self._stop, self._memory = threading.Event(), 0
        self._looks = threading.Thread(target=self._look, daemon=True)
        self._looks.start()
        self._opens = openings.count
        self._cpu, self._wall = cpu_seconds(), time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wall = time.perf_counter() - self._wall
        self._cpu = cpu_seconds() - self._cpu
        self._opens = openings.count - self._opens
        self._stop.set()
        self._looks.join()
        self._grown = folder_bytes(self._folder) - self._bytes

    def cost(self) -> Cost:
        """What the block cost."""
        events, sizes = 0, 0
        made, made_bytes = 0, 0
        runs = [run for run in _run_ids() if run not in self._before]
        with _instance() as instance:
            for run in runs:
                for entry in instance.all_logs(run):
                    size = len(serialize_value(entry))
                    events, sizes = events + 1, sizes + size
                    if entry.dagster_event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
                        made, made_bytes = made + 1, made_bytes + size
        return Cost(
            cpu=self._cpu,
            wall=self._wall,
            memory=self._memory,
            opens=self._opens,
            runs=len(runs),
            events=events,
            event_bytes=sizes,
            materializations=made,
            materialization_bytes=made_bytes,
            grown=self._grown,
        )

    def _look(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_LOOKS):
            self._memory = max(self._memory, sum(map(_memory_of, _family())))


measured = Meter


@dataclass
class _Openings:
    """How often this process has opened the warehouse, and CPU seconds in its connections."""

    count: int = 0
    seconds: float = field(default=0.0)


openings = _Openings()
_attached = warehouse_module.attached


@contextmanager
def _counted(path: Path, *, read_only: bool) -> Iterator[Any]:
    openings.count += 1
    began = time.process_time()
    try:
        with _attached(path, read_only=read_only) as connection:
            yield connection
    finally:
        openings.seconds += time.process_time() - began


warehouse_module.attached = _counted


def cpu_seconds() -> float:
    """CPU seconds of this process and of all that it started, ended or not."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = sum(_cpu_of(pid) for pid in _family() if pid != os.getpid())
    return time.process_time() + ended.ru_utime + ended.ru_stime + alive


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def quiet() -> None:
    """Dagster's lines and warnings are not part of the tables."""
    logging.getLogger("dagster").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    with open_instance(load_settings()) as instance:
        yield instance


def _run_ids() -> list[str]:
    with _instance() as instance:
        return [run.run_id for run in instance.get_runs()]


def _family() -> list[int]:
    """This process and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(text.rpartition(")")[2].split()[1])
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _cpu_of(pid: int) -> float:
    """CPU seconds of a process and of those that it has waited for."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    return sum(map(int, text.rpartition(")")[2].split()[11:15])) / _TICKS


def _memory_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0
