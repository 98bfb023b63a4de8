"""Tests of repeating requests: how often, how long, and what is never repeated."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime

import pytest

from trading_pipeline.errors import (
    MissingDataError,
    PermanentFetchError,
    RangeUnavailableError,
    RetryableFetchError,
)
from trading_pipeline.market_data.sources.connection.retry import (
    RetryPolicy,
    retry_after_seconds,
    with_retries,
)


class Clock:
    """Time that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.waits = []

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    def policy(self, **settings):
        settings = {"uniform": lambda _, longest: longest} | settings
        return RetryPolicy(sleep=self.sleep, clock=lambda: self.now, **settings)


def failing(times, error=None):
    """A call that fails so often, and then answers 'bars'."""
    calls = []

    def call():
        calls.append(1)
        if len(calls) <= times:
            raise error or RetryableFetchError(f"failure {len(calls)}.")
        return "bars"

    call.calls = calls
    return call


def test_a_first_answer_is_not_waited_for():
    clock = Clock()
    assert with_retries(failing(0), clock.policy(), what="x") == "bars"
    assert clock.waits == []


def test_waits_double_up_to_the_longest():
    clock = Clock()
    policy = clock.policy(attempts=7, longest_wait_seconds=6.0)
    assert with_retries(failing(6), policy, what="x") == "bars"
    assert clock.waits == [1.0, 2.0, 4.0, 6.0, 6.0, 6.0]


def test_jitter_is_drawn_from_zero_to_the_whole_wait():
    drawn = []

    def uniform(low, high):
        drawn.append((low, high))
        return random.Random(1).uniform(low, high)

    clock = Clock()
    with_retries(failing(3), clock.policy(uniform=uniform), what="x")
    assert drawn == [(0.0, 1.0), (0.0, 2.0), (0.0, 4.0)]
    assert all(0 <= wait <= high for wait, (_, high) in zip(clock.waits, drawn, strict=True))


def test_attempts_are_bounded_and_told():
    clock, call = Clock(), failing(99)
    with pytest.raises(
        RetryableFetchError, match=r"failure 4\. It was tried 4 time\(s\)"
    ) as caught:
        with_retries(call, clock.policy(attempts=4), what="x")
    assert len(call.calls) == 4
    assert caught.value.attempts == 4


def test_total_time_is_bounded_before_a_wait_begins():
    clock, call = Clock(), failing(99)
    with pytest.raises(RetryableFetchError, match="in 7 s"):
        with_retries(call, clock.policy(attempts=99, total_seconds=10.0), what="x")
    assert clock.waits == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("kind", [PermanentFetchError, RangeUnavailableError, MissingDataError])
def test_what_cannot_pass_is_raised_at_once(kind):
    clock, call = Clock(), failing(99, kind("no"))
    with pytest.raises(kind, match=r"^no$"):
        with_retries(call, clock.policy(), what="x")
    assert (len(call.calls), clock.waits) == (1, [])


def test_errors_of_others_pass_untouched():
    with pytest.raises(ZeroDivisionError):
        with_retries(lambda: 1 / 0, Clock().policy(), what="x")


def test_the_wait_that_a_provider_asks_for_is_kept():
    clock = Clock()
    error = RetryableFetchError("busy.", retry_after_seconds=12.0)
    with_retries(failing(1, error), clock.policy(), what="x")
    assert clock.waits == [13.0]


def test_a_provider_that_asks_for_too_long_is_not_asked_again():
    clock, call = Clock(), failing(9, RetryableFetchError("busy.", retry_after_seconds=3600.0))
    with pytest.raises(RetryableFetchError, match="asks to wait 3600 s") as caught:
        with_retries(call, clock.policy(), what="x")
    assert (len(call.calls), clock.waits) == (1, [])
    assert caught.value.retry_after_seconds == 3600.0


def test_a_single_attempt_adds_nothing_to_the_error():
    with pytest.raises(RetryableFetchError, match=r"^failure 1\.$"):
        with_retries(failing(9), Clock().policy(attempts=1), what="x")


def test_each_wait_is_logged_with_its_numbers(caplog):
    with caplog.at_level(logging.WARNING, "trading_pipeline"):
        with_retries(failing(2), Clock().policy(), what="yahoo: AAPL_1d")
    assert len(caplog.records) == 2
    assert "yahoo: AAPL_1d failed (attempt 1 of 5), next one in 1.0 s" in caplog.text
    assert caplog.records[1].wait_seconds == 2.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"retry-after": " 3 "}, 3.0),
        ({"Retry-After": "Tue, 05 Mar 2013 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Tue, 05 Mar 2013 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_header_is_read_as_seconds_or_a_date(headers, seconds):
    now = datetime(2013, 3, 5, 12, tzinfo=UTC)
    assert retry_after_seconds(headers, now) == seconds
