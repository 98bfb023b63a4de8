"""Retries of requests that failed for a reason that may pass. Waits are in seconds.

Exponential backoff with full jitter: the wait before attempt n is drawn evenly between 0 and
`first_wait * 2 ** (n - 2)`, so that many clients that were turned away together do not come back
together (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from trading_pipeline.errors import RetryableFetchError

__all__ = ["RetryPolicy", "retry_after_seconds", "with_retries"]

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how long a request is repeated.

    `attempts`: at most, the first included. `total_seconds`: no wait begins that would end later
    than this after the first attempt. `sleep`, `clock`, `uniform` are replaced in tests.
    """

    attempts: int = 5
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 30.0
    total_seconds: float = 180.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)
    uniform: Callable[[float, float], float] = field(
        default=random.uniform, repr=False, compare=False
    )

    def wait_seconds(self, failed: int, asked: float | None) -> float:
        """The wait after `failed` attempts; never shorter than what the provider `asked` for."""
        longest = min(
            self.longest_wait_seconds, self.first_wait_seconds * 2.0 ** min(failed - 1, 60)
        )
        jitter = self.uniform(0.0, longest)
        return jitter if asked is None else asked + min(jitter, 1.0)


def with_retries(call: Callable[[], Answer], policy: RetryPolicy, *, what: str) -> Answer:
    """The answer of `call`, repeated while it raises `RetryableFetchError`; each wait is logged.

    A value `retry_after_seconds` of the error is honoured: where the provider asks for more than
    the time that is left, it is not asked again. Every other error passes at once. The last error
    is raised with what was tried.
    """
    started = policy.clock()
    for attempt in range(1, policy.attempts + 1):
        try:
            return call()
        except RetryableFetchError as error:
            if policy.attempts == 1:
                raise  # nothing was tried again, so there is nothing to add
            asked = error.values.get("retry_after_seconds")
            wait = policy.wait_seconds(attempt, asked)
            spent = policy.clock() - started
            if attempt == policy.attempts or spent + wait > policy.total_seconds:
                raise RetryableFetchError(
                    f"{error} It was tried {attempt} time(s) in {spent:.0f} s{_asked(asked)}. Try "
                    "again later; what was fetched before is kept.",
                    **error.values | {"attempts": attempt},
                ) from error.__cause__
            _log.warning(
                "%s failed (attempt %d of %d), next one in %.1f s: %s",
                what,
                attempt,
                policy.attempts,
                wait,
                error,
                extra={"attempt": attempt, "wait_seconds": wait},
            )
            policy.sleep(wait)
    raise AssertionError("a policy has at least one attempt")


def retry_after_seconds(
    headers: Mapping[str, str] | None, now: datetime | None = None
) -> float | None:
    """Seconds that the header Retry-After asks to wait, given in seconds or as a date (RFC 9110,
    10.2.3).

    None without the header or where it says nothing; a date that has passed is 0.

    >>> retry_after_seconds({"Retry-After": "120"})
    120.0
    """
    text = str(
        (headers or {}).get("Retry-After") or (headers or {}).get("retry-after") or ""
    ).strip()
    if not text:
        return None
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def _asked(seconds: float | None) -> str:
    return "" if seconds is None else f"; the provider asks to wait {seconds:.0f} s"
