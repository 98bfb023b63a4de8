"""The tree of errors that the package raises on purpose.

TradingPipelineError
+-- DataFetchError
|   +-- RetryableFetchError        a time-out or a busy server: try again
|   +-- PermanentFetchError        no key or an unknown symbol: trying again changes nothing
|   +-- RangeUnavailableError      the provider does not have that range (any more)
|   +-- MissingDataError           the answer lacks bars that the calendar expects
+-- DataQualityError               bars failed a blocking check
+-- InsufficientDataError          there is not enough data to do anything
+-- DatasetFormatError             a user's file cannot be read as bars
+-- ConfigurationError             a setting or a YAML file is wrong
|   +-- UnknownNameError           no such name; the message offers close matches
|   +-- ScenarioError              a scenario cannot run as written
|   +-- StrategyError              a strategy or its parameters are wrong
|   +-- OwnCodeError               a user's own Python file cannot be used
+-- DataLeakageError               a model was trained on what it is tested on
+-- LookaheadError                 a feature or strategy reads the future
+-- ModelTrainingError             an estimator could not be fitted
+-- ModelIntegrityError            a model's files are not the ones that were saved
+-- OptimizationError              a study cannot run as written
+-- RunCancelledError              the caller stopped a long run
+-- RuntimeFolderError             a file or folder of the project cannot be read or written
+-- WorkerError                    a worker died, has other code, or its scheduler is not there
+-- WarehouseError
    +-- WarehouseBusy              another process holds the file
    +-- WarehouseVersionError      written by a newer version of the package
    +-- WarehouseCorruptError      not a DuckDB database, or damaged
    +-- DiskFullError              no room left on the disk

Each message says in one paragraph what was expected, what was found, and what to do next. The
values are also in `values`, so that a program need not parse the sentence.
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
    "RuntimeFolderError",
    "ScenarioError",
    "StrategyError",
    "TradingPipelineError",
    "UnknownNameError",
    "WarehouseBusy",
    "WarehouseCorruptError",
    "WarehouseError",
    "WarehouseVersionError",
    "WorkerError",
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
        # Called only for a name that was not given; it also lets type checkers accept any value.
        raise AttributeError(f"{type(self).__name__!r} carries no value {name!r}")


class DataFetchError(TradingPipelineError):
    """A source did not deliver the bars that were requested."""


class RetryableFetchError(DataFetchError):
    """A failure that may pass: a time-out, a busy server, a dropped connection."""


class PermanentFetchError(DataFetchError):
    """A request that cannot succeed as it is: no key, unknown symbol, unsupported timeframe."""


class RangeUnavailableError(DataFetchError):
    """The provider does not have the range that was requested."""


class MissingDataError(DataFetchError):
    """The answer is empty or too short, although the calendar has sessions."""


class DataQualityError(TradingPipelineError, ValueError):
    """Bars failed a blocking check; nothing may be built on them."""


class InsufficientDataError(TradingPipelineError, ValueError):
    """There is not enough data to do any of what was requested."""


class DatasetFormatError(TradingPipelineError, ValueError):
    """A user's file cannot be read as bars."""


class ConfigurationError(TradingPipelineError, ValueError):
    """A setting or a YAML file is wrong; found before anything runs."""


class UnknownNameError(ConfigurationError, LookupError):
    """No instrument, scenario, study, window or the like has this name."""


class ScenarioError(ConfigurationError):
    """A scenario cannot run as it is written."""


class StrategyError(ConfigurationError):
    """A strategy or its parameters are wrong."""


class OwnCodeError(ConfigurationError):
    """A user's own Python file cannot be used; it stops only what asks for it by name."""


class DataLeakageError(TradingPipelineError, ValueError):
    """The model was trained on bars that the backtest trades; the result would be worthless."""


class LookaheadError(TradingPipelineError, ValueError):
    """A feature or strategy changes when later bars are removed: it reads the future."""


class ModelTrainingError(TradingPipelineError):
    """An estimator could not be fitted."""


class ModelIntegrityError(TradingPipelineError):
    """A model's files are missing or are not the ones that were saved."""


class OptimizationError(TradingPipelineError, ValueError):
    """A study cannot run as it is written."""


class RunCancelledError(TradingPipelineError):
    """The caller stopped a long run; nothing of it is kept."""


class RuntimeFolderError(TradingPipelineError):
    """A file or folder of the project, or Dagster's records in it, cannot be read or written."""


class WorkerError(TradingPipelineError):
    """A worker died, has other code than this process, or its scheduler is not there."""


class WarehouseError(TradingPipelineError):
    """The warehouse file cannot be used."""


class WarehouseBusy(WarehouseError):  # noqa: N818 - "busy" is a state that passes
    """Another process held the warehouse for longer than the allowed wait."""


class WarehouseVersionError(WarehouseError):
    """The warehouse was written by a newer version of the package."""


class WarehouseCorruptError(WarehouseError):
    """The file is not a DuckDB database, or is damaged."""


class DiskFullError(WarehouseError):
    """The disk of the runtime folder is full; nothing can continue until there is room."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the closest known names, or lists all of them if none is close.

    >>> did_you_mean("AAPL_1D", ["AAPL_1d", "IBM_1d"])
    "Did you mean 'AAPL_1d'?"
    >>> did_you_mean("x", ["AAPL_1d", "IBM_1d"])
    'Known: AAPL_1d, IBM_1d.'
    >>> did_you_mean("x", [])
    'None is known.'
    """
    name = name[:200]  # the comparison takes time that grows with its length
    names = sorted(set(known))
    folded = {known_name.casefold(): known_name for known_name in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    if close:
        return "Did you mean " + " or ".join(f"'{folded[match]}'" for match in close) + "?"
    if not names:
        return "None is known."
    shown = ", ".join(names[:20])
    return f"Known: {shown}{', ...' if len(names) > 20 else '.'}"
