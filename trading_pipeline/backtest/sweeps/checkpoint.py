"""A file that keeps the finished combinations of a sweep; a later call goes on from there."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from trading_pipeline.backtest.arrays import BoolArray, FloatArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.written_files import replace_file

__all__ = ["Checkpoint", "Progressed"]

_SECONDS_BETWEEN = 5.0
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile)


@dataclass(eq=False)
class Progressed:
    """What a sweep has done so far, one row a combination.

    `stats`: the loop's statistics, NaN where a combination is not finished or failed. `errors`: by
    number, why a combination failed.
    """

    stats: FloatArray
    finished: BoolArray
    errors: dict[int, str] = field(default_factory=dict)

    @classmethod
    def nothing(cls, count: int) -> Progressed:
        """Before the first combination."""
        return cls(np.full((count, codes.S_COUNT), np.nan), np.zeros(count, dtype=np.bool_))

    @property
    def done(self) -> int:
        """Number of finished combinations."""
        return int(np.count_nonzero(self.finished))


class Checkpoint:
    """One file; `identity` says in hashes, by name, what the sweep works on."""

    def __init__(self, path: Path, identity: dict[str, str]) -> None:
        self.path, self.identity = path, identity
        self._saved_at = time.monotonic()

    def load(self, count: int) -> Progressed:
        """What the file holds; nothing done where there is no file.

        Raises `ConfigurationError` for a file of another sweep, and for one that cannot be read.
        """
        if not self.path.exists():
            return Progressed.nothing(count)
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                told = json.loads(str(held["told"]))
                identity = dict(told["identity"])
                errors = {int(number): str(text) for number, text in told["errors"].items()}
                stats, finished = held["stats"], held["finished"]
        except _UNREADABLE as bad:
            raise ConfigurationError(
                f"The checkpoint {self.path} cannot be read as one of a sweep: {bad}. Name another "
                "file, or remove it and start anew.",
                path=str(self.path),
            ) from bad
        changed = [name for name, value in self.identity.items() if identity.get(name) != value]
        if changed or stats.shape != (count, codes.S_COUNT) or finished.shape != (count,):
            raise ConfigurationError(
                f"The checkpoint {self.path} belongs to a sweep with other "
                f"{', '.join(changed) or 'rows'}; its rows are no part of this one. Name another "
                "file, or remove it and start anew.",
                path=str(self.path),
                changed=changed,
            )
        return Progressed(stats, finished.astype(np.bool_), errors)

    def save(self, done: Progressed, *, at_once: bool = False) -> None:
        """Write the file, whole or not at all; unless `at_once`, a few seconds apart.

        Rows that a thread finishes meanwhile are in the next one.
        """
        if not at_once and time.monotonic() - self._saved_at < _SECONDS_BETWEEN:
            return
        finished = done.finished.copy()
        stats = np.where(finished[:, None], done.stats, np.nan)
        told = json.dumps({"identity": self.identity, "errors": done.errors})

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, stats=stats, finished=finished, told=np.array(told))

        try:
            replace_file(self.path, write)
        except OSError as error:
            raise ConfigurationError(
                f"The checkpoint {self.path} cannot be written: {error}. Name a file in a folder "
                "with room that this user may write to.",
                path=str(self.path),
            ) from error
        self._saved_at = time.monotonic()
