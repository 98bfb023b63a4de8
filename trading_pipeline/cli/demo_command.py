"""`demo`: the whole pipeline on the bundled bars, and what to look at afterwards."""

from __future__ import annotations

import time

from trading_pipeline.cli.kernel_warm_up import KernelWarmUp
from trading_pipeline.cli.progress_display import show_progress
from trading_pipeline.cli.run_command import print_report, stop_on_failures, work_through
from trading_pipeline.cli.session import open_pass, stderr_console, stdout_console

__all__ = ["run_demo"]


def run_demo(*, as_json: bool) -> None:
    """Run everything for the bundled instruments; print results, times, report and UI command."""
    started = time.perf_counter()
    with KernelWarmUp() as warm_up:
        _run(started, warm_up, as_json=as_json)


def _run(started: float, warm_up: KernelWarmUp, *, as_json: bool) -> None:
    full_pass = open_pass()
    catalog, settings = full_pass.workspace.catalog, full_pass.workspace.settings
    opened = time.perf_counter() - started
    bundled = [name for name, each in catalog.instruments.items() if each.source == "bundled"]
    with show_progress(stderr_console()):
        report = work_through(full_pass, bundled, warm_up)
    report.seconds = {"start-up": opened, **report.seconds}
    print_report(report, as_json=as_json)
    if as_json:
        stop_on_failures(report)
        return
    from trading_pipeline.defs.instance import ui_command

    console = stdout_console()
    ran = sum(report.runs.values())
    if not ran and not report.failures:
        console.print("Everything was up to date: nothing was computed again.")
    console.print(f"Report:  {report.index}", soft_wrap=True)
    console.print("         trading-pipeline reports open   shows it, and all other pages")
    console.print(f"UI:      {ui_command(settings)}", soft_wrap=True)
    console.print("         then open http://127.0.0.1:3000")
    stop_on_failures(report)
