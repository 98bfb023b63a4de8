"""Asks Alpaca through alpaca-py; its failures become typed errors.

The client has no time-out of its own and sleeps by itself on 429 and 504; both are taken over here.
It gives raw answers, since its classes refuse values that the market data route really sends.
"""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, TypeVar

from trading_pipeline.errors import DataFetchError, PermanentFetchError
from trading_pipeline.market_data.sources.connection.errors import (
    no_json_error,
    status_error,
    transport_error,
)

__all__ = ["AlpacaClients", "load_client"]

Answer = TypeVar("Answer")
ClientKind = Literal["stocks", "coins", "actions"]
_CLASSES: dict[ClientKind, tuple[str, str]] = {
    "stocks": ("stock", "StockHistoricalDataClient"),
    "coins": ("crypto", "CryptoHistoricalDataClient"),
    "actions": ("corporate_actions", "CorporateActionsClient"),
}
NO_KEYS = (
    "Alpaca needs keys for stocks: set TRADING_PIPELINE_ALPACA_API_KEY and "
    "TRADING_PIPELINE_ALPACA_SECRET_KEY in the environment or in .env."
)


@lru_cache(maxsize=1)
def load_client() -> None:
    """Import alpaca-py, whose import alone takes a second and warns of a part that is not used
    here.

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
        self._secrets = [key for key in self._keys if key]
        self._timeout_seconds = timeout_seconds
        self._url = url_override
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def has_keys(self) -> bool:
        """True where both keys are set."""
        return all(self._keys)

    def client(self, kind: ClientKind) -> Any:
        """The client of a kind; `PermanentFetchError` without keys, except for coins."""
        load_client()
        with self._lock:
            if kind not in self._made:
                if kind != "coins" and not self.has_keys:
                    raise PermanentFetchError(NO_KEYS, source="alpaca")
                module, name = _CLASSES[kind]
                made = getattr(importlib.import_module(f"alpaca.data.historical.{module}"), name)
                api_key, secret_key = self._keys if self.has_keys else (None, None)
                client = made(api_key, secret_key, raw_data=True, url_override=self._url)
                for prefix in ("https://", "http://"):
                    client._session.mount(prefix, _timed_adapter(self._timeout_seconds))
                client.get = _without_nulls(client.get)
                client._retry = 0  # the caller retries, with its own waits
                self._made[kind] = client
            return self._made[kind]

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
                secrets=self._secrets,
            ) from None
        except (ValueError, TypeError, AttributeError) as error:
            # before OSError, as JSON errors of requests are both
            told = f"{type(error).__name__}: {error}"
            raise no_json_error("alpaca", what, told, self._secrets) from None
        except OSError as error:
            raise transport_error("alpaca", what, error, self._secrets) from None


def _without_nulls(get: Callable[..., Any]) -> Callable[..., Any]:
    """Answers in which null stands for nothing: alpaca-py cannot read `"bars": null`."""

    def asked(*args: Any, **options: Any) -> Any:
        answer = get(*args, **options)
        if not isinstance(answer, dict):
            return answer
        return {
            key: _known(value) if key != "next_page_token" else value
            for key, value in answer.items()
        }

    return asked


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if each is not None}
    return {} if value is None else value


def _timed_adapter(timeout_seconds: float) -> Any:
    from requests.adapters import HTTPAdapter

    class TimedAdapter(HTTPAdapter):
        """Gives every request a time-out."""

        def send(self, *args: Any, **options: Any) -> Any:
            options["timeout"] = options.get("timeout") or timeout_seconds
            return super().send(*args, **options)

    return TimedAdapter()
