"""Tests of typed errors: which can pass, what they say, what they never say."""

from __future__ import annotations

import pytest

from trading_pipeline.errors import PermanentFetchError, RetryableFetchError
from trading_pipeline.market_data.sources.connection.errors import (
    no_json_error,
    redacted,
    shape_error,
    status_error,
    transport_error,
)


@pytest.mark.parametrize("status", [408, 418, 425, 429, 500, 502, 503, 504, 520, 599])
def test_a_busy_or_broken_server_can_pass(status):
    error = status_error("yahoo", "AAPL_1d", status)
    assert isinstance(error, RetryableFetchError)
    assert (error.source, error.status) == ("yahoo", status)


@pytest.mark.parametrize(
    ("status", "advice"),
    [(400, "will fail again"), (401, "keys"), (403, "keys"), (404, "symbol"), (451, "legal")],
)
def test_a_refusal_cannot_pass_and_says_what_to_do(status, advice):
    error = status_error("alpaca", "AAPL_1d", status)
    assert isinstance(error, PermanentFetchError)
    assert advice in str(error)


def test_the_wait_that_is_asked_for_travels_with_the_error():
    error = status_error("x", "y", 429, headers={"Retry-After": "9"})
    assert error.retry_after_seconds == 9.0
    assert "retry_after_seconds" not in status_error("x", "y", 429).values


def test_pages_are_told_by_their_words():
    page = "<html><head><style>p {}</style></head><body><h1>Bad\n gateway</h1></body></html>"
    assert "said: Bad gateway." in str(status_error("x", "y", 502, text=page))
    assert "no JSON: Bad gateway." in str(no_json_error("x", "y", page))
    assert "no JSON: nothing." in str(no_json_error("x", "y", ""))


def test_long_answers_are_cut():
    assert len(str(status_error("x", "y", 500, text="word " * 1000))) < 400


class ReadTimeout(OSError):  # noqa: N818
    """As HTTP libraries name it."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ReadTimeout("slow"), "did not answer in time"),
        (OSError("Operation timed out after 20 s"), "did not answer in time"),
        (ConnectionResetError("reset"), "could not be reached"),
    ],
)
def test_a_request_without_an_answer_can_pass(error, said):
    found = transport_error("yahoo", "AAPL_1d", error)
    assert isinstance(found, RetryableFetchError)
    assert said in str(found)


@pytest.mark.parametrize("make", [status_error, transport_error])
def test_secrets_and_query_strings_are_in_no_text(make):
    text = "GET https://x.test/a?crumb=abc&key=K123456 for K123456"
    args = (500,) if make is status_error else (OSError(text),)
    options = {"text": text} if make is status_error else {}
    told = str(make("x", "y", *args, secrets=["K123456", "", "ab"], **options))
    assert "K123456" not in told
    assert "crumb=abc" not in told
    assert "https://x.test/a?..." in told


def test_short_secrets_do_not_tear_words_apart():
    assert redacted("a message", ["a", ""]) == "a message"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Failed to perform, curl: (6) Could not resolve host: q.test. See https://x", "looked up"),
        (
            "HTTPSConnectionPool(host='q.test', port=443): Max retries exceeded (Caused by "
            "NameResolutionError(\"Failed to resolve 'q.test'\"))",
            "looked up",
        ),
        ("[Errno 111] Connection refused", "the connection was refused"),
        ("Unable to connect to proxy: Tunnel failed: 403", "the proxy did not let it through"),
        ("SSL: CERTIFICATE_VERIFY_FAILED", "see certificates and clock"),
        ("[Errno 101] Network is unreachable", "no way to it"),
        ("Connection aborted by the other side", "the connection was dropped"),
    ],
)
def test_a_usual_reason_is_a_short_sentence_and_the_raw_text_a_value(text, said):
    error = transport_error("yahoo", "SPY_1d", OSError(text))
    assert said in str(error)
    assert len(str(error)) < 120
    assert text[:20] in error.told
    assert text[:20] not in str(error)


def test_the_reason_is_looked_for_behind_an_error_that_only_names_the_request():
    try:
        try:
            raise OSError("Failed to resolve 'api.test'")
        except OSError as error:
            raise RuntimeError("kraken GET https://api.test/0/public/Assets") from error
    except RuntimeError as error:
        told = str(transport_error("ccxt-kraken", "its markets", error))
    assert told == (
        "ccxt-kraken could not be reached for its markets (its name could not be looked up: is "
        "there a network?)."
    )


KEY = "sk-1234567890/+="


@pytest.mark.parametrize(
    "made",
    [
        lambda text: status_error("x", "y", 401, text=text, secrets=[KEY]),
        lambda text: no_json_error("x", "y", text, [KEY]),
        lambda text: shape_error("x", "y", "bars", ValueError(text), [KEY]),
        lambda text: transport_error("x", "y", OSError(text), [KEY]),
    ],
)
@pytest.mark.parametrize("before", [0, 290, 295, 299])
def test_a_key_is_gone_wherever_the_answer_is_cut(made, before):
    error = made("z" * before + f" {KEY} refused")
    assert "sk-1" not in str(error) + repr(error.values)


@pytest.mark.parametrize("written", [KEY, "sk-1234567890%2F%2B%3D"])
def test_a_key_is_known_as_part_of_an_address_too(written):
    assert redacted(f"GET /v1/{written}/bars", [KEY]) == "GET /v1/***/bars"


def test_name_and_password_of_a_proxy_are_not_shown():
    assert redacted("no way to http://me:pass@proxy:80/") == "no way to http://***@proxy:80/"
