"""This file holds `run` and what it shares with `demo`: a pass over instruments and all that follows."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trading_pipeline.cli.progress_display import show_progress
from trading_pipeline.cli.result_table import result_tables, stage_table, study_table
from trading_pipeline.cli.session import open_pass, stderr_console, stdout_console

if TYPE_CHECKING:
    from trading_pipeline.defs.full_pass import FullPass

__all__ = ["PassReport", "print_report", "run_pass", "work_through"]


class PassReport:
    """Time and runs by stage, and the newest results."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.runs: dict[str, int] = defaultdict(int)
        self.results: list[dict[str, Any]] = []
        self.studies: list[dict[str, Any]] = []
        self.index = ""

    @contextmanager
    def stage(self, name: str, full_pass: FullPass) -> Iterator[None]:
        """Count time and runs of the block under a stage's name."""
        started, before = time.perf_counter(), len(full_pass.runner.runs)
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - started
            self.runs[name] += len(full_pass.runner.runs) - before


def run_pass(instrument: str | None, *, as_json: bool) -> None:
    """Bring one instrument or all of them up to date, and print what was done."""
    full_pass = open_pass()
    catalog = full_pass.workspace.catalog
    chosen = [catalog.instrument(instrument).id] if instrument else list(catalog.instruments)
    with show_progress(stderr_console()):
        report = work_through(full_pass, chosen)
    print_report(report, as_json=as_json)


def work_through(full_pass: FullPass, instruments: Sequence[str]) -> PassReport:
    """Everything that the catalog asks of these instruments, in the order of the lineage."""
    from trading_pipeline.stages.study_stage import study_summary

    report, catalog = PassReport(), full_pass.workspace.catalog
    with report.stage("universe", full_pass):
        full_pass.reference_data()
    for name in instruments:
        with report.stage("bars to predictions", full_pass):
            full_pass.chain(name, list(catalog.models), full_pass.workspace.windows())
    for name in instruments:
        for scenario in catalog.scenarios.values():
            if scenario.covers(name):
                with report.stage("backtests and tear sheets", full_pass):
                    full_pass.backtest(name, scenario.name)
    for name in instruments:
        for study in catalog.studies.values():
            if catalog.scenario(study.scenario).covers(name):
                with report.stage("optimization", full_pass):
                    full_pass.study(name, study.name)
    with report.stage("leaderboard", full_pass):
        full_pass.leaderboard()
    wanted = set(instruments)
    found = full_pass.workspace.results.newest()
    report.results = [
        row
        for row in found
        if row["instruments"] in wanted and row["scenario"] in catalog.scenarios
    ]
    report.studies = [
        {"instrument": name, **study_summary(full_pass.workspace, name, study.name)}
        for study in catalog.studies.values()
        for name in instruments
        if catalog.scenario(study.scenario).covers(name)
    ]
    report.index = str(full_pass.workspace.reports / "index.html")
    return report


def print_report(report: PassReport, *, as_json: bool) -> None:
    """The results and the time of each stage, as tables or as JSON."""
    console = stdout_console()
    if as_json:
        import json

        document = {
            "results": report.results,
            "studies": report.studies,
            "seconds": dict(report.seconds),
            "runs": dict(report.runs),
            "report": report.index,
        }
        typer_echo(json.dumps(document, default=str, sort_keys=True))
        return
    for table in result_tables(report.results):
        console.print(table)
    if report.studies:
        console.print(study_table(report.studies))
    console.print(stage_table(report.seconds, report.runs))


def typer_echo(text: str) -> None:
    """Plain text to standard output, unwrapped."""
    import typer

    typer.echo(text)
