"""The gate of a provider: how many requests run at the same time, and how often.

A connection is a lock file in the runtime folder, so the count holds over threads, runs and
processes alike, and a killed process gives its connection back. Beside the lock stands a token
bucket, so that short bursts pass and the mean rate holds. Rates are requests per minute.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_pipeline.errors import ConfigurationError, RetryableFetchError

__all__ = ["ProviderGate"]

_BURST_SECONDS = 10.0
"""A bucket holds what comes in during this time."""
_PAUSE_SECONDS = 0.02


class ProviderGate:
    """Turns at a provider, shared by every process that uses the same folder.

    `requests_per_minute` None: only the number of connections is limited. `sleep` and `clock` (Unix
    time) are replaced in tests.
    """

    def __init__(
        self,
        provider: str,
        folder: Path,
        *,
        connections: int = 1,
        requests_per_minute: float | None = None,
        wait_seconds: float = 300.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.provider = provider
        self._stem = folder / re.sub(r"[^A-Za-z0-9-]", "-", provider)
        self._connections = connections
        self._rate = None if requests_per_minute is None else requests_per_minute / 60 / connections
        self._wait_seconds = wait_seconds
        self._sleep = sleep
        self._clock = clock

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold a connection for the time of the block, which makes one request.

        Raises `RetryableFetchError` where none is free within the wait.
        """
        descriptor = self._take()
        try:
            self._draw(descriptor)
            yield
        finally:
            os.close(descriptor)  # the lock ends with it

    def _take(self) -> int:
        started = self._clock()
        while True:
            for number in range(self._connections):
                descriptor = self._open(number)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return descriptor
                except BlockingIOError:
                    os.close(descriptor)
            if self._clock() - started >= self._wait_seconds:
                raise RetryableFetchError(
                    f"All {self._connections} connection(s) to {self.provider} were in use by "
                    f"other runs for {self._wait_seconds:g} s. Wait for them, or raise "
                    "TRADING_PIPELINE_SOURCE_CONNECTIONS.",
                    provider=self.provider,
                )
            self._sleep(_PAUSE_SECONDS)

    def _open(self, number: int) -> int:
        path = self._stem.with_name(f"{self._stem.name}.{number}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise ConfigurationError(
                f"The lock file {path} cannot be opened: {error.strerror}. Allow this user to "
                "write there, or point TRADING_PIPELINE_RUNTIME_DIR at another folder.",
                path=str(path),
            ) from error

    def _draw(self, descriptor: int) -> None:
        """Take a token from the bucket in the lock file, and wait for one where it is empty."""
        if self._rate is None:
            return
        full = max(1.0, self._rate * _BURST_SECONDS)
        tokens, at = _read(descriptor, full)
        now = self._clock()
        tokens = min(full, tokens + max(0.0, now - at) * self._rate)
        if tokens < 1.0:
            wait = (1.0 - tokens) / self._rate
            self._sleep(wait)
            tokens, now = 1.0, now + wait
        with contextlib.suppress(OSError):  # on a full disk only the pace is lost
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps([tokens - 1.0, now]).encode(), 0)


def _read(descriptor: int, full: float) -> tuple[float, float]:
    try:
        tokens, at = json.loads(os.pread(descriptor, 100, 0))
        return min(float(tokens), full), float(at)
    except (ValueError, TypeError):
        return full, 0.0
