"""`optimize FILE|NAME`: search a study's parameters, and say how far its best can be believed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from trading_pipeline.cli.progress_display import show_progress
from trading_pipeline.cli.result_table import study_table
from trading_pipeline.cli.run_command import PassReport, stop_on_failures
from trading_pipeline.cli.session import open_pass, stderr_console, stdout_console
from trading_pipeline.errors import OptimizationError
from trading_pipeline.settings.environment import load_settings

if TYPE_CHECKING:
    from trading_pipeline.defs.automation.full_pass import FullPass
    from trading_pipeline.settings.catalog import Catalog
    from trading_pipeline.settings.study import StudySpec

__all__ = ["run_optimize"]


def run_optimize(
    given: str, instruments: Sequence[str] | None, *, measure_test: bool, as_json: bool
) -> None:
    """Run the pending trials of a study on its instruments (or those given); print the summary.

    `given`: a file (with a folder or an ending in its name), or the name of a study. What fails on
    one instrument does not stop the others; the exit code is then 1.
    """
    with _study_of(given) as (catalog, study):
        wanted = _instruments_of(catalog, study, instruments)
        full_pass = open_pass(study.name)
        report = PassReport()
        with full_pass.new_study(study):
            with show_progress(stderr_console()):
                full_pass.reference_data()
                for name in wanted:
                    with report.failure_of(f"{name}|{study.name}"):
                        summary = _searched(full_pass, study, name, measure_test=measure_test)
                        report.studies.append({"instrument": name, **summary})
            if report.failures and not report.studies:
                _raise_alone(report)
    if as_json:
        document = {"studies": report.studies, "failures": report.failures}
        typer.echo(json.dumps(document, default=str, sort_keys=True))
    else:
        _print(report.studies, study)
    stop_on_failures(report)
    _require_a_value(report.studies, study)


def _searched(
    full_pass: FullPass, study: StudySpec, instrument: str, *, measure_test: bool
) -> dict[str, Any]:
    from trading_pipeline.stages.backtests.study import SummaryStage, study_summary

    full_pass.chain_for(instrument, full_pass.workspace.catalog.scenario(study.scenario))
    full_pass.study(instrument, study.name)
    if measure_test:
        SummaryStage(full_pass.workspace, instrument).measure_test(study.name)
        full_pass.study(instrument, study.name)
    return study_summary(full_pass.workspace, instrument, study.name)


@contextmanager
def _study_of(given: str) -> Iterator[tuple[Catalog, StudySpec]]:
    """The study of a file or name, checked; a file from elsewhere is registered for the block."""
    from trading_pipeline.settings.catalog import load_catalog
    from trading_pipeline.settings.study_registration import registered_study
    from trading_pipeline.stages.market_data.check_catalog import check_one_study

    settings, path = load_settings(), Path(given)
    if path.suffix not in (".yaml", ".yml", ".json") and len(path.parts) == 1:
        catalog = load_catalog(settings.config, leave_out=True)
        check_one_study(catalog, catalog.study(given))
        yield catalog, catalog.study(given)
        return
    with registered_study(path, settings.config) as study:
        catalog = load_catalog(settings.config, leave_out=True)
        check_one_study(catalog, study)
        yield catalog, study


def _instruments_of(
    catalog: Catalog, study: StudySpec, given: Sequence[str] | None
) -> Sequence[str]:
    from trading_pipeline.optimization.study_checks import require_covered
    from trading_pipeline.stages.backtests.scenario_inputs import (
        require_listed,
        require_possible_dates,
    )

    scenario = catalog.scenario(study.scenario)
    wanted = list(given or study.instruments or scenario.instruments or catalog.instruments)
    for name in wanted:
        catalog.instrument(name)
        require_listed(scenario, name)
        require_covered(study, name)
        require_possible_dates(catalog, scenario, name, datetime.now(UTC))
    return list(dict.fromkeys(wanted))


def _raise_alone(report: PassReport) -> None:
    """One paragraph for a study that ran nowhere, as any other error."""
    texts = dict.fromkeys(report.failures.values())
    raise OptimizationError(
        " ".join(f"{name}: {text}" for name, text in report.failures.items())
        if len(texts) > 1
        else next(iter(texts))
    )


def _print(studies: Sequence[dict[str, Any]], study: StudySpec) -> None:
    console = stdout_console()
    if studies:
        console.print(study_table(studies))
    for each in studies:
        lines = [f"{study.name} {each['instrument']}"]
        if each.get("failed_trials"):
            lines.append(f"  Failed: {each['failed_trials']} trials. {each['first_failure']}")
        walked = each.get("walk_forward")
        if walked is not None:
            lines.append(f"  Walk forward: {_walked(walked)}")
        tested = each.get("test")
        if tested is not None:
            lines.append(f"  Test: {_tested(tested)}")
        if each.get("revised_bars"):
            lines.append(f"  Frozen: {each['revised_bars']}")
        if not each.get("verdict_in_words"):  # which stands below the table
            lines.append(f"  Verdict: {each.get('verdict') or 'none; no trial has a value'}")
        if len(lines) > 1:
            console.print("\n".join(lines), markup=False, soft_wrap=True)


def _walked(found: dict[str, Any]) -> str:
    outside, kept = found["out_of_sample"], found["efficiency"]
    told = (
        f"{len(found['folds'])} windows, Sharpe ratio {_number(outside['sharpe'])} out of sample "
        f"({_number(found['in_sample']['sharpe'])} in sample"
    )
    return f"{told}, {100 * kept:.0f} % kept)." if kept is not None else f"{told})."


def _tested(found: dict[str, Any]) -> str:
    return (
        f"{found['metric']} {_number(found['value'])}, Sharpe ratio {_number(found['sharpe'])} on "
        f"{found['bars']:,} bars of {found['dates']} that no trial read, measured at "
        f"{found['measured_at']} (trial {found['trial_no']})."
    )


def _number(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, (int, float)) else "undefined"


def _require_a_value(studies: Sequence[dict[str, Any]], study: StudySpec) -> None:
    """An error where no trial has a value anywhere: there is nothing that could be the best."""
    if studies and all("best_value" not in each for each in studies):
        names = ", ".join(each["instrument"] for each in studies)
        raise OptimizationError(
            f"The study '{study.name}' has no trial with a value of '{study.metric}' on {names}: "
            "its strategy does not trade there, or the metric is undefined for all that it does. "
            "Take another 'metric' or 'space', or longer 'dates' of the scenario.",
            study=study.name,
            metric=study.metric,
        )
