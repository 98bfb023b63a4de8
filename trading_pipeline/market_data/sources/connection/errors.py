"""A provider's failure as a typed error, without keys in its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from trading_pipeline.errors import DataFetchError, PermanentFetchError, RetryableFetchError
from trading_pipeline.market_data.sources.connection.retry import retry_after_seconds

__all__ = ["no_json_error", "redacted", "shape_error", "status_error", "transport_error"]

_PASSING = frozenset({408, 418, 425, 429})
_ADVICE = {
    401: "The keys are missing or wrong: correct them in the environment or in .env.",
    403: "The provider refuses these keys or this address: check that they are right, and what the "
    "plan allows.",
    404: "There is no such symbol or page: correct the symbol in universe.yaml.",
    451: "The provider does not serve this place for legal reasons: use another source or "
    "exchange.",
}
_REASONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("resolve", "getaddrinfo", "name or service not known", "name resolution"),
        "its name could not be looked up: is there a network?",
    ),
    (("proxy",), "the proxy did not let it through"),
    (("certificate", "ssl", "tls"), "the encrypted connection failed: see certificates and clock"),
    (("refused",), "the connection was refused"),
    (("unreachable", "no route"), "there is no way to it from this network"),
    (("reset", "aborted", "closed", "broken pipe", "disconnected"), "the connection was dropped"),
)
"""Words of HTTP libraries in small letters, and what they mean."""
_QUERY = re.compile(r"\?[^\s'\"<>)]*")
_CREDENTIALS = re.compile(r"//[^/@\s'\"]+@")
_LONGEST = 300
_LONGEST_READ = 10_000
_SHORTEST_SECRET = 6
"""Anything shorter is no key, and would tear words apart."""


def status_error(
    source: str,
    what: str,
    status: int,
    *,
    text: str = "",
    headers: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
) -> DataFetchError:
    """The error of an HTTP status: 408, 418, 425, 429 and 5xx can pass, every other cannot."""
    told = _excerpt(text, secrets)
    said = f" and said: {told}" if told else ""
    values: dict[str, Any] = {"source": source, "status": status}
    if status in _PASSING or status >= 500:
        wait = retry_after_seconds(headers)
        return RetryableFetchError(
            f"{source} answered {status} to {what}{said}.",
            **values | ({} if wait is None else {"retry_after_seconds": wait}),
        )
    advice = _ADVICE.get(status, "See what the provider says; the same request will fail again.")
    return PermanentFetchError(f"{source} answered {status} to {what}{said}. {advice}", **values)


def no_json_error(
    source: str, what: str, text: str, secrets: Iterable[str] = ()
) -> RetryableFetchError:
    """The error of an answer that should be JSON and is not: a page of an outage or of a proxy."""
    return RetryableFetchError(
        f"{source} answered {what} with something that is no JSON: "
        f"{_excerpt(text, secrets) or 'nothing'}.",
        source=source,
    )


def shape_error(
    source: str, what: str, noun: str, error: Exception, secrets: Iterable[str] = ()
) -> RetryableFetchError:
    """The error of an answer that is JSON but does not have the shape of `noun`."""
    return RetryableFetchError(
        f"{source} answered {what} with {noun} of another shape ({type(error).__name__}: "
        f"{_excerpt(str(error), secrets)}).",
        source=source,
    )


def transport_error(
    source: str, what: str, error: BaseException, secrets: Iterable[str] = ()
) -> RetryableFetchError:
    """The error of a request that got no answer: a time-out, a dropped connection, no network.

    A usual reason is told in plain words; the library's own text is the value `told`.
    """
    text = str(error)
    kind = type(error).__name__
    told = f"{kind}: {_excerpt(text, secrets)}"
    low = " ".join(f"{type(each).__name__} {each}" for each in _behind(error)).casefold()
    if "timeout" in kind.casefold() or "timed out" in text.casefold():
        reason, short = "did not answer in time", ""
    else:
        reason = "could not be reached"
        short = next((why for words, why in _REASONS if any(w in low for w in words)), told)
    because = f" ({short})" if short else ""
    return RetryableFetchError(f"{source} {reason} for {what}{because}.", source=source, told=told)


def _behind(error: BaseException) -> list[BaseException]:
    """The error and those that it came from: ccxt's own name the request, not the reason."""
    found: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in found:
        found.append(each)
        each = each.__cause__ or each.__context__
    return found


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the given secrets, and without query strings and the names and passwords of
    addresses, which may be some.

    >>> redacted("GET https://x.test/a?crumb=1 with key abc123", ["abc123"])
    'GET https://x.test/a?... with key ***'
    """
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            for written in (secret, quote(secret, safe=""), quote_plus(secret)):
                text = text.replace(written, "***")
    return _QUERY.sub("?...", _CREDENTIALS.sub("//***@", text))


def _excerpt(text: str, secrets: Iterable[str] = ()) -> str:
    """The words of an answer on one line, without tags and secrets, cut to a readable length.

    Secrets go first: a cut through one would leave its beginning.
    """
    plain = redacted(text[:_LONGEST_READ], secrets)
    plain = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", plain, flags=re.S)
    words = " ".join(plain.split()).rstrip(".")
    return words if len(words) <= _LONGEST else words[:_LONGEST] + "..."
