"""This file holds the sources by name, as universe.yaml names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.market_data.bundled_source import BundledSource
from trading_pipeline.market_data.files_source import FilesSource
from trading_pipeline.market_data.source import MarketDataSource
from trading_pipeline.market_data.synthetic_paths import SyntheticSettings
from trading_pipeline.market_data.synthetic_source import SyntheticSource
from trading_pipeline.settings.environment import load_settings

__all__ = ["source", "source_names"]


def source_names() -> list[str]:
    """Every name that `source` takes."""
    return sorted(_FACTORIES)


def source(name: str, settings: Mapping[str, Any] | None = None) -> MarketDataSource:
    """The source of that name, with its settings by keyword.

    Raises `UnknownNameError` for a name that nothing here has and `ConfigurationError` for a setting
    that the source does not take.

    >>> source("synthetic", {"seed": 3}).name
    'synthetic'
    """
    if name not in _FACTORIES:
        raise UnknownNameError(
            f"There is no source {name!r}. {did_you_mean(name, _FACTORIES)}",
            name=name,
            kind="source",
        )
    return _FACTORIES[name](dict(settings or {}))


def _bundled(settings: dict[str, Any]) -> MarketDataSource:
    _refuse_unknown("bundled", settings, [])
    return BundledSource()


def _synthetic(settings: dict[str, Any]) -> MarketDataSource:
    _refuse_unknown("synthetic", settings, list(SyntheticSettings.__dataclass_fields__))
    return SyntheticSource(SyntheticSettings(**settings))


def _files(settings: dict[str, Any]) -> MarketDataSource:
    _refuse_unknown("files", settings, ["folder"])
    return FilesSource(Path(settings.get("folder") or load_settings().datasets))


def _refuse_unknown(name: str, settings: dict[str, Any], known: list[str]) -> None:
    for key in settings:
        if key not in known:
            raise ConfigurationError(
                f"The source {name!r} takes no setting {key!r}. {did_you_mean(key, known)}",
                source=name,
                setting=key,
            )


_FACTORIES: dict[str, Callable[[dict[str, Any]], MarketDataSource]] = {
    "bundled": _bundled,
    "files": _files,
    "synthetic": _synthetic,
}
