"""This file holds how Alpaca is asked through alpaca-py, and its failures as typed errors.

The client has no time-out of its own and sleeps by itself on 429 and 504; both are taken over here.
It gives raw answers, since its classes refuse values that the market data route really sends.
"""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib import metadata
from typing import Any, TypeVar

from trading_pipeline.errors import DataFetchError, PermanentFetchError
from trading_pipeline.market_data.sources.connection.errors import (
    no_json_error,
    status_error,
    transport_error,
)

__all__ = ["AlpacaClients", "client_version", "load_client"]

Answer = TypeVar("Answer")
NO_KEYS = (
    "Alpaca needs keys for stocks: set TRADING_PIPELINE_ALPACA_API_KEY and "
    "TRADING_PIPELINE_ALPACA_SECRET_KEY in the environment or in .env."
)


def client_version() -> str:
    """Name and version of the client, for the fetch log."""
    return f"alpaca-py {metadata.version('alpaca-py')}"


@lru_cache(maxsize=1)
def load_client() -> None:
    """Import alpaca-py, whose import alone takes a second and warns of a part that is not used here.

    alpaca-py 0.44 reads websockets' old interface; can go with the first release that does not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("alpaca.data.historical")


class AlpacaClients:
    """The clients of stocks, coins and corporate actions, each made on first use.

    `url_override`: another host for all of them.
    """

    def __init__(
        self,
        api_key: str | None,
        secret_key: str | None,
        timeout_seconds: float,
        url_override: str | None = None,
    ) -> None:
        self._keys = (api_key, secret_key)
        self._timeout_seconds = timeout_seconds
        self._url = url_override
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def has_keys(self) -> bool:
        """True where both keys are set."""
        return all(self._keys)

    def stocks(self) -> Any:
        """The client of stock bars; `PermanentFetchError` without keys."""
        load_client()
        from alpaca.data.historical.stock import StockHistoricalDataClient

        return self._client("stocks", StockHistoricalDataClient)

    def coins(self) -> Any:
        """The client of crypto bars, with or without keys."""
        load_client()
        from alpaca.data.historical.crypto import CryptoHistoricalDataClient

        return self._client("coins", CryptoHistoricalDataClient)

    def actions(self) -> Any:
        """The client of corporate actions; `PermanentFetchError` without keys."""
        load_client()
        from alpaca.data.historical.corporate_actions import CorporateActionsClient

        return self._client("actions", CorporateActionsClient)

    def once(self, call: Callable[[], Answer], *, what: str) -> Answer:
        """The answer of one call of a client, its failures as typed errors."""
        load_client()
        from alpaca.common.exceptions import APIError

        try:
            return call()
        except DataFetchError:
            raise
        except APIError as error:
            response = getattr(error, "response", None)
            raise status_error(
                "alpaca",
                what,
                int(getattr(error, "status_code", None) or 500),
                text=str(error),
                headers=dict(response.headers) if response is not None else {},
                secrets=[key for key in self._keys if key],
            ) from None
        except (
            ValueError,
            TypeError,
            AttributeError,
        ) as error:  # before OSError: JSON errors are both
            raise no_json_error("alpaca", what, f"{type(error).__name__}: {error}") from None
        except OSError as error:
            secrets = [key for key in self._keys if key]
            raise transport_error("alpaca", what, error, secrets) from None

    def _client(self, name: str, kind: Any) -> Any:
        with self._lock:
            if name not in self._made:
                if name != "coins" and not self.has_keys:
                    raise PermanentFetchError(NO_KEYS, source="alpaca")
                api_key, secret_key = self._keys if self.has_keys else (None, None)
                client = kind(api_key, secret_key, raw_data=True, url_override=self._url)
                adapter = _timed_adapter(self._timeout_seconds)
                client._session.mount("https://", adapter)
                client._session.mount("http://", adapter)
                client._retry = 0  # repeating is the caller's, with its own waits
                self._made[name] = client
            return self._made[name]


def _timed_adapter(timeout_seconds: float) -> Any:
    from requests.adapters import HTTPAdapter

    class TimedAdapter(HTTPAdapter):
        """Gives every request a time-out."""

        def send(self, *args: Any, **options: Any) -> Any:
            options["timeout"] = options.get("timeout") or timeout_seconds
            return super().send(*args, **options)

    return TimedAdapter()
