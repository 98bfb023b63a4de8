"""This file holds every error the package raises on purpose.

TradingPipelineError
+-- DataFetchError
|   +-- RetryableFetchError        a time-out, a busy server: worth another try
|   +-- PermanentFetchError        no key, unknown symbol: another try changes nothing
|   +-- RangeUnavailableError      the provider no longer has (or never had) that range
|   +-- MissingDataError           the answer lacks bars that the calendar expects
+-- DataQualityError               bars that failed a blocking check
+-- InsufficientDataError          a request in which nothing at all can be done
+-- DatasetFormatError             a user's file that cannot be read as bars
+-- ConfigurationError             a setting or YAML file that is wrong
|   +-- UnknownNameError           a name that nothing has; carries close matches
|   +-- ScenarioError
|   +-- StrategyError
|   +-- OwnCodeError               a user's own Python file that cannot be used
+-- DataLeakageError               a model saw what it is tested on
+-- LookaheadError                 a feature or strategy reads the future
+-- ModelTrainingError
+-- ModelIntegrityError            a model file that is not what was saved
+-- OptimizationError
+-- RunCancelledError              a long run that its caller stopped
+-- WarehouseError
    +-- WarehouseBusy              another process holds the file
    +-- WarehouseVersionError      written by a newer version
    +-- WarehouseCorruptError      the file cannot be opened as a warehouse
    +-- DiskFullError              no room for what has to be written

Each error says in one paragraph what was expected, what was found, and what to do next; the values
stand in `values`, so that a program need not parse the sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = [
    "ConfigurationError",
    "DataFetchError",
    "DataLeakageError",
    "DataQualityError",
    "DatasetFormatError",
    "DiskFullError",
    "InsufficientDataError",
    "LookaheadError",
    "MissingDataError",
    "ModelIntegrityError",
    "ModelTrainingError",
    "OptimizationError",
    "OwnCodeError",
    "PermanentFetchError",
    "RangeUnavailableError",
    "RetryableFetchError",
    "RunCancelledError",
    "ScenarioError",
    "StrategyError",
    "TradingPipelineError",
    "UnknownNameError",
    "WarehouseBusy",
    "WarehouseCorruptError",
    "WarehouseError",
    "WarehouseVersionError",
    "did_you_mean",
]


class TradingPipelineError(Exception):
    """Base of all errors of the package.

    Keyword arguments become `values` and attributes of the same name.

    >>> error = InsufficientDataError("IBM_1d has 3 bars, 30 are needed.", rows=3)
    >>> error.rows, error.values
    (3, {'rows': 3})
    """

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.values = values
        for name, value in values.items():
            setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        # Only reached for names that were not given as a value; it tells type checkers that any
        # value may stand here.
        raise AttributeError(f"{type(self).__name__!r} carries no value {name!r}")


class DataFetchError(TradingPipelineError):
    """A source did not give the bars that were asked for."""


class RetryableFetchError(DataFetchError):
    """The request failed in a way that can pass: time-out, busy server, dropped connection."""


class PermanentFetchError(DataFetchError):
    """The request can never succeed as it stands: missing key, unknown symbol, refused timeframe."""


class RangeUnavailableError(DataFetchError):
    """The provider does not have the range that was asked for."""


class MissingDataError(DataFetchError):
    """The answer is empty or short where the calendar has sessions."""


class DataQualityError(TradingPipelineError, ValueError):
    """Bars that failed a blocking check; nothing may be built on them."""


class InsufficientDataError(TradingPipelineError, ValueError):
    """A request in which nothing at all can be done with the data there is."""


class DatasetFormatError(TradingPipelineError, ValueError):
    """A user's file that cannot be read as bars."""


class ConfigurationError(TradingPipelineError, ValueError):
    """A setting or a YAML file that is wrong; found before anything runs."""


class UnknownNameError(ConfigurationError, LookupError):
    """A name (instrument, scenario, study, window ...) that nothing here has."""


class ScenarioError(ConfigurationError):
    """A scenario that cannot be run as it is written."""


class StrategyError(ConfigurationError):
    """A strategy or its parameters are wrong."""


class OwnCodeError(ConfigurationError):
    """A user's own Python file that cannot be used; it stops only what asks for it by name."""


class DataLeakageError(TradingPipelineError, ValueError):
    """The model saw bars that the backtest trades on; its result would be worthless."""


class LookaheadError(TradingPipelineError, ValueError):
    """A feature or strategy changes when later bars are taken away: it reads the future."""


class ModelTrainingError(TradingPipelineError):
    """An estimator could not be fitted."""


class ModelIntegrityError(TradingPipelineError):
    """A model's files are missing or are not the ones that were saved."""


class OptimizationError(TradingPipelineError, ValueError):
    """A study that cannot be run as it is written."""


class RunCancelledError(TradingPipelineError):
    """A long run that its caller asked to stop; nothing of it is kept."""


class WarehouseError(TradingPipelineError):
    """The warehouse file cannot be used."""


class WarehouseBusy(WarehouseError):  # noqa: N818 - "busy" is a state that passes
    """Another process holds the warehouse for longer than the wait that was allowed."""


class WarehouseVersionError(WarehouseError):
    """The warehouse was written by a newer version of the package."""


class WarehouseCorruptError(WarehouseError):
    """The file is not a DuckDB database, or is damaged."""


class DiskFullError(WarehouseError):
    """The disk of the runtime folder has no room left; nothing can go on until there is some."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the closest known names; lists all of them where none is close.

    >>> did_you_mean("AAPL_1D", ["AAPL_1d", "IBM_1d"])
    "Did you mean 'AAPL_1d'?"
    >>> did_you_mean("x", ["AAPL_1d", "IBM_1d"])
    'Known: AAPL_1d, IBM_1d.'
    >>> did_you_mean("x", [])
    'None is known.'
    """
    names = sorted(set(known))
    folded = {known_name.casefold(): known_name for known_name in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    if close:
        return "Did you mean " + " or ".join(f"'{folded[match]}'" for match in close) + "?"
    if not names:
        return "None is known."
    shown = ", ".join(names[:20])
    return f"Known: {shown}{', ...' if len(names) > 20 else '.'}"
