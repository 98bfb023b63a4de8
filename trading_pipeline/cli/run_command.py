"""`run`, and what it shares with `demo`: a pass over instruments and all that follows."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from trading_pipeline.cli.kernel_warm_up import KernelWarmUp
from trading_pipeline.cli.progress_display import show_progress
from trading_pipeline.cli.result_table import result_tables, stage_table, study_table
from trading_pipeline.cli.session import open_pass, stderr_console, stdout_console
from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR
from trading_pipeline.errors import TradingPipelineError, UnknownNameError, WarehouseError
from trading_pipeline.reporting.page.cells import named_instruments
from trading_pipeline.storage.disk_space import is_full_disk

if TYPE_CHECKING:
    from trading_pipeline.defs.automation.full_pass import FullPass, Worked
    from trading_pipeline.settings.catalog import Catalog

__all__ = [
    "PassReport",
    "print_hindsight",
    "print_report",
    "print_results",
    "print_warnings",
    "run_pass",
    "stop_on_failures",
    "work_through",
]


class PassReport:
    """Time and runs by stage, and the newest results."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.runs: dict[str, int] = defaultdict(int)
        self.results: list[dict[str, Any]] = []
        self.studies: list[dict[str, Any]] = []
        self.failures: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self.hindsight = ""
        self.index = ""

    @contextmanager
    def failure_of(self, what: str) -> Iterator[None]:
        """Keep an error of the package under what it stopped, and go on after the block."""
        try:
            yield
        except WarehouseError:
            raise  # nothing that follows could work either
        except TradingPipelineError as error:
            if os.environ.get("TRADING_PIPELINE_DEBUG") or is_full_disk(error):
                raise
            self.failures[what] = str(error)

    def add_failures(self, worked: Worked, ending: str = "") -> None:
        """Keep what stopped parts of a batch, under the name of each and `ending`."""
        for part, error in worked[1].items():
            name = "|".join(filter(None, (part.instrument_id, *(() if ending else part.names))))
            self.failures[f"{name}{ending}"] = str(error)

    @contextmanager
    def stage(self, name: str, full_pass: FullPass) -> Iterator[None]:
        """Count time and runs of the block under a stage's name."""
        started, before = time.perf_counter(), len(full_pass.runner.runs)
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - started
            self.runs[name] += len(full_pass.runner.runs) - before


def run_pass(instrument: str | None, *, as_json: bool, refetch: bool = False) -> None:
    """Bring one instrument or all of them up to date, and print what was done.

    `refetch` asks the sources for all bars again, those of final windows too.
    """
    full_pass = open_pass()
    catalog = full_pass.workspace.catalog
    chosen = [catalog.instrument(instrument).id] if instrument else list(catalog.instruments)
    for name, file in catalog.scenario_files.items():
        if file.note and name == file.name:
            stderr_console().print(file.note, markup=False, soft_wrap=True)
    with show_progress(stderr_console()), KernelWarmUp() as warm_up, full_pass.workers:
        report = work_through(full_pass, chosen, warm_up, refetch=refetch)
    print_report(report, as_json=as_json)
    stop_on_failures(report)


def work_through(
    full_pass: FullPass,
    instruments: Sequence[str],
    warm_up: KernelWarmUp | None = None,
    *,
    refetch: bool = False,
) -> PassReport:
    """Everything that the catalog asks of these instruments, in the order of the lineage.

    What fails stops its own instrument (or its own result) alone; failures stand in the report.
    """
    from trading_pipeline.stages.backtests.scenario_inputs import why_none_is_asked_for
    from trading_pipeline.stages.coverage import models_of_a_pass
    from trading_pipeline.stages.market_data.check_catalog import check_models
    from trading_pipeline.stages.reports.leaderboard import hindsight_of, is_of_catalog

    report, catalog = PassReport(), full_pass.workspace.catalog
    with report.stage("universe", full_pass):
        full_pass.reference_data()
    report.failures |= {each.name: str(each.error) for each in catalog.wrong if each.is_left_out}
    waiting = _waiting_scenarios(catalog, instruments)
    report.failures |= {f"scenarios/{name}": text for name, text in waiting.items()}
    unusable = check_models(catalog, full_pass.workspace.registries)
    report.failures |= {name: str(error) for name, error in unusable.items()}
    usable = {
        name: catalog.model(name)
        for name in models_of_a_pass(full_pass.workspace)
        if f"models/{name}" not in unusable
    }
    crossing = [name for name, model in usable.items() if model.cross_features]
    alone = [name for name in usable if name not in crossing]
    with report.stage("bars to predictions", full_pass):
        _, failed = full_pass.chains(instruments, alone, refetch=refetch, patterns=True)
        report.failures |= {name: str(error) for name, error in failed.items()}
    sound = [name for name in instruments if name not in failed]
    if len(catalog.instruments) > 1:
        with report.stage("cross features", full_pass):
            report.add_failures(full_pass.all_cross_features(sound), ", compared")
            compared = [name for name in sound if f"{name}, compared" not in report.failures]
            if crossing:
                _, failed = full_pass.chains(compared, crossing)
                report.failures |= {f"{n}, compared": str(error) for n, error in failed.items()}
                compared = [name for name in compared if name not in failed]
                report.add_failures(full_pass.all_model_cards(compared, crossing), ", compared")
    with report.stage("model cards", full_pass):
        report.add_failures(full_pass.all_model_cards(sound, alone), ", model cards")
    if warm_up is not None:
        with report.stage("backtests and tear sheets", full_pass):
            warm_up.wait()  # what is not compiled by now is compiled for these
    _run_backtests(full_pass, report, sound, left_out=waiting)
    _run_portfolios(full_pass, report, sound, left_out=waiting)
    with report.stage("leaderboard", full_pass):
        full_pass.leaderboard()
    with full_pass.workspace.for_batch(sound) as known:
        reasons = {name: why_none_is_asked_for(known, name) for name in sound}
    report.left_out |= {name: reason for name, reason in reasons.items() if reason}
    report.results = sorted(
        (
            row
            for row in full_pass.workspace.results.newest()
            if is_of_catalog(row, catalog)
            and set(str(row["instruments"]).split(INSTRUMENT_SEPARATOR)) <= set(sound)
        ),
        key=lambda row: list(catalog.all_scenarios).index(row["scenario"]),
    )
    report.hindsight = hindsight_of(full_pass.workspace, report.results)
    report.index = str(full_pass.workspace.reports / "index.html")
    return report


def _run_backtests(
    full_pass: FullPass, report: PassReport, instruments: Sequence[str], *, left_out: Container[str]
) -> None:
    """The scenarios that ask for these instruments, and the studies of these scenarios."""
    from trading_pipeline.stages.backtests.scenario_inputs import is_asked_for
    from trading_pipeline.stages.backtests.study import study_summary

    catalog = full_pass.workspace.catalog
    with full_pass.workspace.for_batch(instruments) as known:
        asked_for = {
            name: [
                scenario.name
                for scenario in catalog.scenarios.values()
                if scenario.name not in left_out and is_asked_for(known, scenario, name)
            ]
            for name in instruments
        }
    with report.stage("backtests and tear sheets", full_pass):
        report.add_failures(full_pass.backtests(asked_for))
    studied = {
        name: [
            study.name
            for study in catalog.studies.values()
            if study.scenario in asked_for[name] and study.covers(name)
        ]
        for name in instruments
    }
    with report.stage("optimization", full_pass):
        report.add_failures(full_pass.all_studies(studied))
        with (
            full_pass.workspace.for_batch(studied) as known,
            known.warehouse.questions() as let_others_write,
        ):
            pairs = [(name, study) for name, studies in studied.items() for study in studies]
            for name, study in pairs:
                let_others_write()
                if f"{name}|{study}" not in report.failures:
                    with report.failure_of(f"{name}|{study}"):
                        summary = study_summary(known, name, study)
                        report.studies.append({"instrument": name, **summary})


def _run_portfolios(
    full_pass: FullPass, report: PassReport, instruments: Sequence[str], *, left_out: Container[str]
) -> None:
    """The portfolios all of whose instruments are up to date."""
    for portfolio in full_pass.workspace.catalog.portfolios.values():
        if portfolio.name not in left_out and set(portfolio.members) <= set(instruments):
            with (
                report.stage("portfolios", full_pass),
                report.failure_of(f"portfolio {portfolio.name}"),
            ):
                full_pass.portfolio(portfolio.name)


def _waiting_scenarios(catalog: Catalog, instruments: Sequence[str]) -> dict[str, str]:
    """Scenarios of these instruments that name one the universe does not have, and the error."""
    found, everything = {}, set(instruments) >= set(catalog.instruments)
    for scenario in (*catalog.scenarios.values(), *catalog.portfolios.values()):
        if everything or any(map(scenario.covers, instruments)):
            try:
                catalog.require_instruments_of(scenario)
            except UnknownNameError as error:
                found[scenario.name] = str(error)
    return found


def print_report(report: PassReport, *, as_json: bool) -> None:
    """The results and the time of each stage, as tables or as JSON."""
    console = stdout_console()
    if as_json:
        document = {
            "results": report.results,
            "studies": report.studies,
            "seconds": dict(report.seconds),
            "runs": dict(report.runs),
            "report": report.index,
            "failures": report.failures,
            "left_out": report.left_out,
            "hindsight": report.hindsight,
        }
        typer.echo(json.dumps(document, default=str, sort_keys=True))
        return
    print_results(report.results)
    if report.studies:
        console.print(study_table(report.studies))
    print_hindsight(report.hindsight)
    console.print(stage_table(report.seconds, report.runs))
    for text in report.left_out.values():
        console.print(text, markup=False, soft_wrap=True)


def print_results(rows: Sequence[Mapping[str, Any]]) -> None:
    """A table a scenario, and below it what must be known beside the numbers."""
    for table in result_tables(rows):
        stdout_console().print(table)
    print_warnings(rows)


def print_warnings(rows: Sequence[Mapping[str, Any]]) -> None:
    """What must be known beside the numbers, each warning once with the results that have it."""
    console = stdout_console()
    told: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for warning in filter(None, str(row["warnings"] or "").split("\n")):
            instruments = named_instruments(str(row["instruments"]), 1)
            told[warning].append(f"{row['scenario']} {instruments}")
    for warning, where in told.items():
        console.print(f"[yellow]Warning[/] ({escape(', '.join(where))}): {escape(warning)}")


def print_hindsight(text: str) -> None:
    """That the instruments were chosen with hindsight, below all tables of results."""
    if text:
        stdout_console().print(f"[yellow]Warning[/]: {escape(text)}")


def stop_on_failures(report: PassReport) -> None:
    """Print each failure once, as a paragraph on standard error, and end with exit code 1."""
    stopped: dict[str, list[str]] = defaultdict(list)
    for what, text in report.failures.items():
        stopped[text].append(what)
    for text, names in stopped.items():
        stderr_console().print(f"[bold red]Error:[/] {escape(', '.join(names))}: {escape(text)}")
    if report.failures:
        raise typer.Exit(1)
