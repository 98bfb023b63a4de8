"""`doctor`: checks everything that a run needs, and says how to fix what is wrong."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from trading_pipeline.cli.deep_check import examine_content
from trading_pipeline.cli.live_models_check import examine_live_models
from trading_pipeline.cli.own_code_check import examine_own_code
from trading_pipeline.cli.provider_check import Finding, examine_providers
from trading_pipeline.cli.session import print_table
from trading_pipeline.errors import (
    ConfigurationError,
    OwnCodeError,
    TradingPipelineError,
    WarehouseError,
)
from trading_pipeline.settings.environment import PipelineSettings, load_settings
from trading_pipeline.settings.scenario_files.scenario_file import scenario_notes

if TYPE_CHECKING:
    from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["examine", "run_doctor"]

_PACKAGES = (
    "dagster",
    "dagster-webserver",
    "dagster-duckdb",
    "duckdb",
    "pandas",
    "numpy",
    "pyarrow",
    "numba",
    "ta-lib",
    "scikit-learn",
    "skops",
    "exchange-calendars",
    "pydantic",
    "yfinance",
    "ccxt",
    "alpaca-py",
)


def run_doctor(*, as_json: bool, offline: bool = False, deep: bool = False) -> None:
    """Print all findings; exit code 1 where something needed is wrong.

    A provider that does not answer is `unreachable`, and an error only where an instrument uses it.
    `offline`: the providers are not asked. `deep`: everything that is stored is verified.
    """
    settings = load_settings()
    findings = [
        *examine(settings),
        *(examine_content(settings) if deep else ()),
        *examine_own_code(settings),
        *examine_live_models(settings),
        *examine_providers(settings, offline=offline),
    ]
    if as_json:
        typer.echo(json.dumps([asdict(finding) | {"ok": finding.ok} for finding in findings]))
    else:
        print_table(("check", "", "detail"), map(_table_row, findings))
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


def _table_row(finding: Finding) -> tuple[str, str, str]:
    colour = "green" if finding.ok else "red" if finding.needed else "yellow"
    return finding.check, f"[{colour}]{finding.state}[/]", escape(finding.detail)


def examine(settings: PipelineSettings) -> list[Finding]:
    """Every check in turn; one that fails does not stop the others."""
    checks: tuple[tuple[str, Callable[[PipelineSettings], str]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("ta-lib", _talib),
        ("runtime folder", _runtime),
        ("catalog", _catalog),
        ("warehouse", _warehouse),
        ("dagster instance", _instance),
    )
    findings = []
    for name, check in checks:
        try:
            findings.append(Finding(name, "ok", check(settings)))
        except Exception as error:  # one that fails does not stop the others
            findings.append(Finding(name, "wrong", _told(error, settings)))
    return findings


def _told(error: Exception, settings: PipelineSettings) -> str:
    """What an error says, on one line."""
    from trading_pipeline.storage.path_failures import folder_error

    if not isinstance(error, TradingPipelineError):
        found = folder_error(error, settings.runtime, settings.config)
        if found is not None:
            return str(found)
        if not isinstance(error, (OSError, ImportError, ValueError)):
            return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return str(error)


def _python(_: PipelineSettings) -> str:
    if sys.version_info < (3, 11):  # noqa: UP036 - a user may call it with an older interpreter
        raise ValueError(f"Python {platform.python_version()} is too old; 3.11 or later is needed.")
    return f"{platform.python_version()} ({sys.executable})"


def _packages(_: PipelineSettings) -> str:
    missing = []
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise ImportError(
            f"Not installed: {', '.join(missing)}. Run 'uv sync' or 'pip install -e .'."
        )
    return ", ".join(found)


def _talib(_: PipelineSettings) -> str:
    import numpy as np
    import talib

    value = float(talib.SMA(np.arange(1.0, 6.0), timeperiod=5)[-1])
    if value != 3.0:
        raise ValueError(
            f"TA-Lib's SMA of 1 to 5 is {value}, not 3: reinstall the package 'ta-lib'."
        )
    library = getattr(talib, "__ta_version__", b"unknown").decode().split()[0]
    return f"C library {library}, wrapper {talib.__version__}"


def _runtime(settings: PipelineSettings) -> str:
    import shutil
    import tempfile

    from trading_pipeline.storage.path_failures import wrong_folders

    settings.runtime.mkdir(parents=True, exist_ok=True)
    names = ("cache", "models", "output", "inbox", "datasets", "dagster", "config")
    wrong = wrong_folders({name: getattr(settings, name) for name in names})
    if wrong:
        raise OSError(" ".join(wrong))
    with tempfile.TemporaryFile(dir=settings.runtime):
        pass
    free = shutil.disk_usage(settings.runtime).free / 1e9
    if free < 1.0:
        raise OSError(f"{settings.runtime} has only {free:.2f} GB left; free some space.")
    return f"{settings.runtime}, {free:.0f} GB free"


def _catalog(settings: PipelineSettings) -> str:
    from trading_pipeline.stages.market_data.usable_catalog import catalog_of_files

    catalog = catalog_of_files(settings)
    wrong = [  # files of own code have findings of their own
        f"{each.error} {each.way_out}"
        for each in catalog.wrong
        if not isinstance(each.error, OwnCodeError)
    ]
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    own = settings.config if settings.config.is_dir() else "none of your own yet"
    told = (
        f"{len(catalog.instruments)} instruments, {len(catalog.scenarios)} scenarios, "
        f"{len(catalog.portfolios)} portfolios, "
        f"{len(catalog.studies)} studies, {len(catalog.models)} models; your files: {own}"
    )
    return "\n".join([told, *scenario_notes(catalog.scenario_files.values())])


def _warehouse(settings: PipelineSettings) -> str:
    from trading_pipeline.storage.schema import SCHEMA_VERSION
    from trading_pipeline.storage.stores.bars import BarStore
    from trading_pipeline.storage.warehouse import Warehouse

    if not settings.warehouse_path.exists():
        return f"not there yet; the first run makes {settings.warehouse_path}"
    warehouse = Warehouse(
        settings.warehouse_path, wait_seconds=min(2.0, settings.warehouse_wait_seconds)
    )
    bars = sum(BarStore(warehouse).counts().values())
    with warehouse.write():
        pass  # nobody else holds it
    trials = _ledger(warehouse)
    size = settings.warehouse_path.stat().st_size / 1e6
    return f"schema version {SCHEMA_VERSION}, {bars:,} bars, {trials}, {size:.1f} MB, not locked"


def _ledger(warehouse: Warehouse) -> str:
    from trading_pipeline.storage.stores.trial_ledger import TrialLedger

    ledger = TrialLedger(warehouse)
    check = ledger.verify()
    if check.faults:
        raise WarehouseError(
            f"The ledger of trials has {len(check.faults)} fault(s) in {check.rows:,} rows: "
            f"{check.faults[0]} The count that deflates results may be wrong. See all with: "
            "trading-pipeline trials verify"
        )
    return f"{ledger.count():,} trials in {check.rows:,} unbroken rows"


def _instance(settings: PipelineSettings) -> str:
    from trading_pipeline.defs.instance import open_instance, ui_command
    from trading_pipeline.storage.path_failures import damaged_databases

    with open_instance(settings) as instance:
        damaged = damaged_databases(settings.dagster)
        if damaged:
            raise OSError(
                f"{', '.join(map(str, damaged))} cannot be read whole. They hold the history of "
                f"runs: move {settings.dagster} away, and the next run makes new ones."
            )
        runs = instance.get_runs_count()
    return f"{settings.dagster}, {runs} runs; UI: {ui_command(settings)}"
