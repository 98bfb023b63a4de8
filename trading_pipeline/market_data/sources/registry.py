"""Sources of bars by name, as universe.yaml names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.market_data.sources.alpaca.source import AlpacaSource
from trading_pipeline.market_data.sources.bundled.source import BundledSource
from trading_pipeline.market_data.sources.ccxt.source import CcxtSource
from trading_pipeline.market_data.sources.connection.network_source import (
    NetworkSource,
    connection_from,
)
from trading_pipeline.market_data.sources.files import FilesSource
from trading_pipeline.market_data.sources.own import OwnSource
from trading_pipeline.market_data.sources.protocol import MarketDataSource
from trading_pipeline.market_data.sources.synthetic.paths import SyntheticSettings
from trading_pipeline.market_data.sources.synthetic.source import SyntheticSource
from trading_pipeline.market_data.sources.yahoo.source import YahooSource
from trading_pipeline.own_code import OwnCode, Registry, load_own_code
from trading_pipeline.settings.environment import PipelineSettings, load_settings

__all__ = [
    "Sources",
    "network_source",
    "network_source_names",
    "own_sources",
    "source",
    "source_names",
]


Factory = Callable[[dict[str, Any]], MarketDataSource]


class Sources(Registry[Factory]):
    """The shipped sources and those of a user's files, by the name in universe.yaml."""

    def __init__(self, own: OwnCode[Factory] | None = None) -> None:
        super().__init__("source", _FACTORIES, own)

    def source(self, name: str, settings: Mapping[str, Any] | None = None) -> MarketDataSource:
        """The source of that name, with its settings by keyword.

        Raises `UnknownNameError` for an unknown name, `OwnCodeError` for one whose file cannot be
        used, and `ConfigurationError` for a setting that the source does not take.
        """
        return self.get(name)(dict(settings or {}))


def own_sources(folder: Path | None) -> Sources:
    """The shipped sources, and one for each Python file of a folder."""
    return Sources(load_own_code(folder, "source", _own_source, _FACTORIES))


def source_names() -> list[str]:
    """Names of the shipped sources, sorted."""
    return list(Sources().names())


def source(name: str, settings: Mapping[str, Any] | None = None) -> MarketDataSource:
    """The shipped source of that name, with its settings by keyword.

    >>> source("synthetic", {"seed": 3}).name
    'synthetic'
    """
    return Sources().source(name, settings)


def network_source_names() -> list[str]:
    """Names of the sources whose provider is asked over the network."""
    return sorted(_ON_NETWORK)


def network_source(name: str, environment: PipelineSettings) -> NetworkSource:
    """A network source of its own with these settings; `UnknownNameError` for another name."""
    if name not in _ON_NETWORK:
        raise UnknownNameError(
            f"There is no source {name!r} on the network. {did_you_mean(name, _ON_NETWORK)}",
            name=name,
            kind="source",
        )
    return _ON_NETWORK[name](environment)


def _own_source(module: ModuleType) -> tuple[str, Factory]:
    found = OwnSource.from_module(module)

    def give(settings: dict[str, Any]) -> MarketDataSource:
        _refuse_unknown(found.name, settings, [])
        return found

    return found.name, give


def _bundled(settings: dict[str, Any]) -> MarketDataSource:
    _refuse_unknown("bundled", settings, [])
    return BundledSource()


def _synthetic(settings: dict[str, Any]) -> MarketDataSource:
    _refuse_unknown("synthetic", settings, list(SyntheticSettings.__dataclass_fields__))
    return SyntheticSource(SyntheticSettings(**settings))


def _files(settings: dict[str, Any]) -> MarketDataSource:
    _refuse_unknown("files", settings, ["folder"])
    return FilesSource(Path(settings.get("folder") or load_settings().datasets))


def _yahoo(environment: PipelineSettings) -> NetworkSource:
    cache = environment.cache / "yfinance"
    return YahooSource(connection=connection_from(environment), cache=cache)


def _ccxt(environment: PipelineSettings) -> NetworkSource:
    return CcxtSource(connection=connection_from(environment), keys=environment.ccxt_keys)


def _alpaca(environment: PipelineSettings) -> NetworkSource:
    return AlpacaSource(
        connection=connection_from(environment),
        api_key=environment.alpaca_api_key,
        secret_key=environment.alpaca_secret_key,
        feed=environment.alpaca_feed,
    )


def _kept(name: str) -> Factory:
    """A network source with the environment's settings, made again only when they change.

    It keeps connections, cookies and lists of markets for the windows that follow.
    """

    def find(settings: dict[str, Any]) -> MarketDataSource:
        _refuse_unknown(name, settings, [])
        environment = load_settings()
        known = _made.get(name)
        if known is None or known[0] != environment:
            known = _made[name] = (environment, network_source(name, environment))
        return known[1]

    return find


def _refuse_unknown(name: str, settings: dict[str, Any], known: list[str]) -> None:
    for key in settings:
        if key not in known:
            raise ConfigurationError(
                f"The source {name!r} takes no setting {key!r}. {did_you_mean(key, known)}",
                source=name,
                setting=key,
            )


_ON_NETWORK: dict[str, Callable[[PipelineSettings], NetworkSource]] = {
    "yahoo": _yahoo,
    "ccxt": _ccxt,
    "alpaca": _alpaca,
}
_made: dict[str, tuple[PipelineSettings, MarketDataSource]] = {}
_FACTORIES: dict[str, Factory] = {
    "bundled": _bundled,
    "files": _files,
    "synthetic": _synthetic,
    **{name: _kept(name) for name in _ON_NETWORK},
}
