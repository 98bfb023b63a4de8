"""A source that a user wrote: checked as it is asked, with errors that name file and line."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.errors import ConfigurationError, DataFetchError
from trading_pipeline.market_data.sources.protocol import (
    ActionRequest,
    BarBatch,
    BarRequest,
    MarketDataSource,
    SourceCapabilities,
)
from trading_pipeline.own_code import explained, only_class

__all__ = ["OwnSource"]

Answer = TypeVar("Answer")
_METHODS = ("capabilities", "fetch_bars", "fetch_actions")
_FIX = (
    "Write one class with the methods capabilities(self), fetch_bars(self, request) and "
    "fetch_actions(self, request); MarketDataSource in "
    "trading_pipeline.market_data.sources.protocol says what they give."
)


class OwnSource:
    """The source of a user's file; what its class offers beside the protocol is passed through."""

    def __init__(self, name: str, source: Any, path: Path) -> None:
        self.name, self._source, self._path = name, source, path

    @classmethod
    def from_module(cls, module: ModuleType) -> OwnSource:
        """The one class of a user's file that fetches bars.

        Raises `ConfigurationError` where there is none, or it lacks a method of the protocol.
        """
        found = only_class(module, "source", lambda each: hasattr(each, "fetch_bars"), _FIX)
        missing = [
            name
            for name in _METHODS
            if getattr(found, name, None) in (None, getattr(MarketDataSource, name))
        ]
        if missing:
            raise ConfigurationError(
                f"The class {found.__name__} lacks the method {' and '.join(missing)}. {_FIX}",
                line=inspect.getsourcelines(found)[1],
            )
        made = found()
        return cls(made.name, made, Path(str(module.__file__)))

    def capabilities(self) -> SourceCapabilities:
        """What may be asked; needs no network."""
        return self._answer("capabilities", SourceCapabilities)

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        """Bars of the span asked for."""
        return self._answer("fetch_bars", BarBatch, request)

    def fetch_actions(self, request: ActionRequest) -> list[CorporateAction]:
        """Corporate actions of the span, by ex-date."""
        return self._answer("fetch_actions", list, request)

    def __getattr__(self, name: str) -> Any:
        """Optional parts of a source, such as `listing`."""
        return getattr(self._source, name)

    def _answer(self, method: str, kind: type[Answer], *request: object) -> Answer:
        called = getattr(self._source, method)
        with explained(self._path, DataFetchError, f"{method} of the source '{self.name}'"):
            found = called(*request)
        if isinstance(found, kind):
            return found
        raise DataFetchError(
            f"{self._path}, line {inspect.getsourcelines(called)[1]}: {method} of the source "
            f"'{self.name}' gave a {type(found).__name__}, and must give a {kind.__name__}.",
            source=self.name,
        )
