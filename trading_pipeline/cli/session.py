"""What every command that runs something opens: workspace, definitions, console."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trading_pipeline.settings.environment import load_settings

if TYPE_CHECKING:
    from trading_pipeline.defs.automation.full_pass import FullPass

__all__ = ["open_pass", "print_table", "stderr_console", "stdout_console"]


def stdout_console() -> Console:
    """Where results go."""
    return Console(highlight=False)


def stderr_console() -> Console:
    """Where progress goes."""
    return Console(stderr=True, highlight=False)


def print_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output that folds long cells; a cell may hold Rich's markup."""
    table = Table(show_header=True)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    stdout_console().print(table)


def open_pass(study: str | None = None) -> FullPass:
    """A pass over the pipeline in this process, on the project's own instance.

    Files that are wrong are left out, see `usable_catalog`. `study`: the one that is asked for;
    files that it does not use are told in a line each. Raises the error of a universe that cannot
    be read, and that of the study or its scenario.
    """
    from trading_pipeline.stages.workspace import open_workspace

    settings = load_settings()  # wrong files are found before Dagster is loaded
    workspace = open_workspace(settings)
    from trading_pipeline.stages.market_data.check_catalog import check_one_study
    from trading_pipeline.stages.market_data.usable_catalog import usable_catalog

    workspace = replace(workspace, catalog=usable_catalog(workspace.catalog))
    if study is not None:
        check_one_study(workspace.catalog, workspace.catalog.study(study))
        for each in workspace.catalog.wrong:
            if each.is_left_out:
                stderr_console().print(f"Left out: {escape(str(each.error))}", soft_wrap=True)
    _quiet_dagster()
    from trading_pipeline.defs.all_assets import build_definitions
    from trading_pipeline.defs.automation.full_pass import FullPass

    return FullPass(workspace, build_definitions(workspace.catalog))


def _quiet_dagster() -> None:
    """Dagster's event lines are for its own log; people see the progress display."""
    logging.getLogger("dagster").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
