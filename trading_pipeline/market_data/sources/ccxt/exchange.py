"""One crypto exchange behind ccxt: how it is made and asked; its failures become typed errors.

ccxt takes an answer with status 200 whose body is not JSON (a page of an outage) for an empty one,
so every answer's body is looked at. Its classes do not tell what can pass: 451 is a NetworkError,
400 an ExchangeNotAvailable. So the status is remembered and decides.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import (
    ConfigurationError,
    DataFetchError,
    PermanentFetchError,
    RetryableFetchError,
    did_you_mean,
)
from trading_pipeline.market_data.sources.connection.errors import (
    no_json_error,
    redacted,
    status_error,
    transport_error,
)
from trading_pipeline.market_data.sources.connection.network_source import (
    ProviderConnection,
    client_version,
)
from trading_pipeline.settings.environment import ExchangeKeys

__all__ = ["MARKETS", "BarPage", "CcxtExchange", "exchange_names"]

MARKETS = "its markets"

Answer = TypeVar("Answer")
_WITHOUT_CAP = 500
"""Bars a page where ccxt does not say how many an exchange gives."""


@lru_cache(maxsize=1)
def exchange_names() -> tuple[str, ...]:
    """Every exchange that ccxt knows."""
    import ccxt

    return tuple(ccxt.exchanges)


@dataclass(frozen=True)
class BarPage:
    """One answer: rows (milliseconds, open, high, low, close, volume) from the asked stamp on.

    `first`, `last`: stamps of all that the exchange sent, before ccxt left out what is too old;
    None where it sent nothing.
    """

    rows: list[list[Any]]
    first: int | None
    last: int | None


class CcxtExchange:
    """One exchange with its list of markets, loaded once.

    `derivatives`: whether markets other than spot are wanted. `prepare` gets the client of ccxt
    before its first request. Raises `ConfigurationError` for an exchange that ccxt does not know.
    """

    def __init__(
        self,
        name: str,
        connection: ProviderConnection,
        keys: ExchangeKeys | None = None,
        *,
        derivatives: bool = False,
        prepare: Callable[[Any], None] | None = None,
    ) -> None:
        import ccxt

        if name not in exchange_names():
            raise ConfigurationError(
                f"There is no exchange {name!r}. {did_you_mean(name, exchange_names())}",
                exchange=name,
            )
        options: dict[str, Any] = {
            "enableRateLimit": True,
            "timeout": int(connection.timeout_seconds * 1000),
        }
        if name == "binance" and not derivatives:
            # its lists of futures come from other hosts, which refuse some places
            options["options"] = {"fetchMarkets": {"types": ["spot"]}}
        self._secrets: list[str] = []
        if keys is not None:
            given = {"apiKey": keys.key, "secret": keys.secret, "password": keys.password}
            secrets = {n: each.get_secret_value() for n, each in given.items() if each is not None}
            options |= secrets
            self._secrets = list(secrets.values())
        self.name = name
        self.provider = f"ccxt-{name}"
        self._connection = connection
        self._errors = ccxt
        self._lock = threading.RLock()
        self._status = 0
        self._body = ""
        self._no_json: str | None = None
        self._asked_for_markets = True
        self._headers: dict[str, str] = {}
        self.client = getattr(ccxt, name)(options)
        self._sent: list[int] = []
        self._remember_statuses()
        self._remember_rows()
        if prepare is not None:
            prepare(self.client)

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        """The project's timeframes that the exchange has."""
        known = self.client.timeframes or {}
        return tuple(each for each in Timeframe if each.value in known)

    def page_rows(self, symbol: str) -> int:
        """Most bars that one answer holds."""
        market_type = "swap" if ":" in symbol else "spot"
        found = self.client.features.get(market_type) if self.client.features else None
        found = (found or {}).get("linear", found) if market_type == "swap" else found
        return int(((found or {}).get("fetchOHLCV") or {}).get("limit") or _WITHOUT_CAP)

    def require_market(self, instrument: Instrument) -> dict[str, Any]:
        """The exchange's market of the symbol; it is looked for anew before it is called unknown.

        Raises `PermanentFetchError` for a symbol or timeframe that the exchange does not have.
        """
        if instrument.timeframe not in self.timeframes:
            raise PermanentFetchError(
                f"The exchange {self.name!r} has no {instrument.timeframe.value} bars (asked for "
                f"{instrument.id}); it has {', '.join(each.value for each in self.timeframes)}. "
                "Change the timeframe or the exchange in universe.yaml.",
                source="ccxt",
                instrument=instrument.id,
            )
        for reload in (False, True):
            loaded = bool(self.client.markets)
            if reload or not loaded:  # a list that is there is no answer of the exchange
                self.ask(partial(self.client.load_markets, reload), what=MARKETS)
            market: dict[str, Any] | None = (self.client.markets or {}).get(instrument.symbol)
            if market is not None:
                return market
            if not loaded:
                break  # they are as new as they can be
        symbols = list(self.client.markets or {})
        raise PermanentFetchError(
            f"The exchange {self.name!r} has no symbol {instrument.symbol!r}. "
            f"{did_you_mean(instrument.symbol, symbols)} Correct it in universe.yaml.",
            source="ccxt",
            exchange=self.name,
            symbol=instrument.symbol,
        )

    def bars(self, instrument: Instrument, since: int, limit: int) -> BarPage:
        """One page of bars from `since` (milliseconds) on."""
        timeframe = instrument.timeframe.value
        what = f"{instrument.id} from {self.client.iso8601(since)}"

        def call() -> BarPage:
            self._sent = []
            rows: list[list[Any]] = self.client.fetch_ohlcv(
                instrument.symbol, timeframe, since, limit
            )
            if not rows and self._no_json is None and _has_rows_of_none(json.loads(self._body)):
                # ccxt leaves rows without a time stamp out, and what is left looks like no trade
                raise RetryableFetchError(
                    f"{self.provider} answered {what} with rows without a time stamp.",
                    source="ccxt",
                    exchange=self.name,
                )
            sent = self._sent or [int(row[0]) for row in rows if row and row[0] is not None]
            return BarPage(rows, min(sent, default=None), max(sent, default=None))

        return self.ask(call, what=what)

    def ask(self, call: Callable[[], Answer], *, what: str) -> Answer:
        """The answer of one call of the client; failures are typed and, where they can pass,
        repeated."""
        rate = 60_000.0 / max(1.0, float(self.client.rateLimit or 1.0))

        def once() -> Answer:
            with self._lock:
                return self._once(call, what)

        return self._connection.ask(self.provider, once, what=what, requests_per_minute=rate)

    def _once(self, call: Callable[[], Answer], what: str) -> Answer:
        self._status, self._body, self._no_json = 0, "", None
        self._asked_for_markets = what == MARKETS or not self.client.markets
        try:
            answer = call()
        except DataFetchError:
            raise
        except self._errors.BaseError as error:
            raise self._typed(error, what) from None
        except Exception as error:
            # The client stumbled over an answer of another shape; ours to tell, never to swallow.
            if self._no_json is None:
                raise PermanentFetchError(
                    f"{self.provider} answered {what} with something that {client_version('ccxt')} "
                    f"cannot read ({type(error).__name__}: {redacted(str(error), self._secrets)}). "
                    "See whether a newer version of ccxt can.",
                    source="ccxt",
                    exchange=self.name,
                ) from None  # what it said may hold keys
            raise self._outage(what, self._no_json) from None
        if self._no_json is not None:
            raise self._outage(what, self._no_json)
        return answer

    def _typed(self, error: Exception, what: str) -> DataFetchError:
        if self._no_json is not None:
            return self._outage(what, self._no_json)
        text = str(error)
        if self._status >= 400:
            return status_error(
                self.provider,
                what,
                self._status,
                text=self._body or text,
                headers=self._headers,
                secrets=self._secrets,
            )
        if isinstance(error, self._errors.NetworkError):
            return transport_error(self.provider, what, error, self._secrets)
        return PermanentFetchError(
            f"{self.provider} refused {what}: {redacted(text, self._secrets)}. Correct the "
            "instrument in universe.yaml, or the keys in the environment.",
            source="ccxt",
            exchange=self.name,
        )

    def _remember_statuses(self) -> None:
        original = self.client.on_rest_response

        def remember(
            code: int, reason: str, url: str, method: str, headers: Any, *rest: Any
        ) -> Any:
            self._status, self._headers = int(code), dict(headers)
            self._body = str(rest[0] if rest else "")
            if self._status < 400 and not _is_json(self._body):
                self._no_json = self._body  # one of several answers that a call may need
            return original(code, reason, url, method, headers, *rest)

        self.client.on_rest_response = remember

    def _remember_rows(self) -> None:
        """Keep the stamps of all rows that an exchange sent."""
        original = self.client.parse_ohlcvs

        def remember(
            ohlcvs: Any,
            market: Any = None,
            timeframe: str = "1m",
            since: int | None = None,
            limit: int | None = None,
            tail: bool = False,
        ) -> Any:
            everything = original(ohlcvs, market, timeframe)
            self._sent = [int(row[0]) for row in everything if row and row[0]]
            return original(ohlcvs, market, timeframe, since, limit, tail)

        self.client.parse_ohlcvs = remember

    def _outage(self, what: str, page: str) -> DataFetchError:
        """The error of an answer that is not JSON, of which no market is remembered.

        A list of markets that came from an outage would make every symbol unknown.
        """
        if self._asked_for_markets:
            self.client.markets = self.client.markets_by_id = None
        return no_json_error(self.provider, what, page, self._secrets)


def _is_json(body: str) -> bool:
    try:
        return isinstance(json.loads(body), (dict, list))
    except (ValueError, RecursionError):
        return False


def _has_rows_of_none(document: Any) -> bool:
    """True where some list of the answer holds a list whose values are all null."""
    if isinstance(document, dict):
        return any(_has_rows_of_none(each) for each in document.values())
    if not isinstance(document, list):
        return False
    rows = [each for each in document if isinstance(each, list) and each]
    return any(all(value is None for value in row) for row in rows)
