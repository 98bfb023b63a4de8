"""Asks Yahoo's chart route through yfinance, and says what its answers mean.

yfinance brings the browser's handshake, the cookie and the crumb. Its tables are not used: by
default they turn an outage into an empty one, and they come from a cache that outlives a
restatement.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from trading_pipeline.errors import (
    DataFetchError,
    PermanentFetchError,
    RangeUnavailableError,
    RetryableFetchError,
)
from trading_pipeline.market_data.sources.connection.errors import (
    no_json_error,
    redacted,
    status_error,
    transport_error,
)

__all__ = ["YahooSession", "new_http_session"]

_URL = "https://query2.finance.yahoo.com/v8/finance/chart/"
_LOCK = threading.Lock()
"""yfinance keeps one session, cookie and crumb for the whole process."""


@lru_cache(maxsize=8)
def new_http_session(timeout_seconds: float) -> Any:
    """The one HTTP session of the process, whose every request ends within the time-out."""
    from curl_cffi import requests as curl

    class TimedSession(curl.Session[Any]):
        """A browser-like session; yfinance's own requests for cookies would wait 30 s each."""

        def request(self, method: Any, url: str, *args: Any, **options: Any) -> Any:
            wait = options.get("timeout") or timeout_seconds
            options["timeout"] = min(wait, timeout_seconds)
            response = super().request(method, url, *args, **options)
            self.last_headers = dict(response.headers)
            return response

    return TimedSession(impersonate="chrome")


@lru_cache(maxsize=1)
def _keep_cookies_in(folder: Path) -> None:
    """Let yfinance keep its files there and not in the user's home."""
    from yfinance.cache import set_cache_location

    folder.mkdir(parents=True, exist_ok=True)
    set_cache_location(str(folder))


class YahooSession:
    """Asks for charts; `http_session` makes the session of curl_cffi or requests on first use."""

    def __init__(
        self, timeout_seconds: float, http_session: Callable[[float], Any], cache: Path | None
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._http_session = http_session
        self._cache = cache

    def chart(self, symbol: str, params: Mapping[str, Any], *, what: str) -> dict[str, Any]:
        """`chart.result[0]` of one answer.

        Raises `RetryableFetchError` for an outage, `PermanentFetchError` for a symbol that Yahoo
        does not have, and `RangeUnavailableError` for a range that it no longer has.
        """
        status, text, headers = self._get(symbol, params, what)
        document = _json(text)
        error = (document or {}).get("chart", {}).get("error") if document else None
        if error:
            raise _told_error(symbol, what, status, error, headers)
        if status >= 400:
            raise status_error("yahoo", what, status, text=text, headers=headers)
        if document is None:
            raise no_json_error("yahoo", what, text)
        results = document.get("chart", {}).get("result")
        if not results:
            raise no_json_error("yahoo", what, f"a chart without a result: {text[:200]}")
        found: dict[str, Any] = results[0]
        return found

    def _get(
        self, symbol: str, params: Mapping[str, Any], what: str
    ) -> tuple[int, str, Mapping[str, str]]:
        import yfinance
        from yfinance.data import YfData
        from yfinance.exceptions import YFException, YFRateLimitError

        with _LOCK:
            yfinance.config.debug.hide_exceptions = False
            logging.getLogger("yfinance").setLevel(logging.CRITICAL)  # our errors say it better
            if self._cache is not None:
                _keep_cookies_in(self._cache)
            session = self._http_session(self._timeout_seconds)
            try:
                response = YfData(session=session).get(
                    url=_URL + quote(symbol, safe="^=.-"),
                    params=dict(params),
                    timeout=self._timeout_seconds,
                )
            except YFRateLimitError:  # tells nothing of the answer, so its headers were kept
                headers = getattr(session, "last_headers", {})
                raise status_error("yahoo", what, 429, headers=headers) from None
            except YFException as error:
                raise RetryableFetchError(
                    f"yahoo could not be asked for {what}: {redacted(str(error))}.", source="yahoo"
                ) from None
            except OSError as error:  # the base of the errors of both HTTP libraries
                raise transport_error("yahoo", what, error) from None
        return int(response.status_code), str(response.text), dict(response.headers)


def _json(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return (
        document if isinstance(document, dict) and isinstance(document.get("chart"), dict) else None
    )


def _told_error(
    symbol: str, what: str, status: int, error: Mapping[str, Any], headers: Mapping[str, str]
) -> DataFetchError:
    """What Yahoo's own words mean; the wordings were seen in its answers of 2024 to 2026."""
    told = redacted(str(error.get("description") or error.get("code") or error)).rstrip(".") + "."
    low = told.casefold()
    if "not available for starttime" in low or "must be within the last" in low:
        return RangeUnavailableError(
            f"yahoo no longer has the range of {what}: {told} Set 'listed_from' of the instrument "
            "to a later day in universe.yaml, or bring the older bars as a file.",
            source="yahoo",
            status=status,
        )
    if "data doesn't exist for startdate" in low:
        return RangeUnavailableError(
            f"yahoo has no bar in the range of {what}: {told} Correct 'listed_from' and "
            "'listed_to' of the instrument in universe.yaml.",
            source="yahoo",
            status=status,
        )
    if status == 404 or "no data found" in low or str(error.get("code")) == "Not Found":
        return PermanentFetchError(
            f"yahoo has no symbol {symbol!r} (asked for {what}): {told} Correct the symbol in "
            "universe.yaml, or archive it with 'trading-pipeline universe remove'.",
            source="yahoo",
            symbol=symbol,
            status=status,
        )
    if status == 200:
        status = 400
    return status_error("yahoo", what, status, text=told, headers=headers)
