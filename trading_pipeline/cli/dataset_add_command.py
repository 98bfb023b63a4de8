"""`datasets add`: a user's file goes into the inbox, and from there into bars."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import yaml

from trading_pipeline.cli.progress_display import show_progress
from trading_pipeline.cli.session import open_pass, stderr_console, stdout_console
from trading_pipeline.datasets import profile_dataset
from trading_pipeline.datasets.advice import delimiter_advice, remarks
from trading_pipeline.datasets.profile import DatasetProfile
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.sources.files import DatasetRecord, registered_datasets
from trading_pipeline.settings.dataset_answers import DatasetAnswers, load_answers, sidecar_path
from trading_pipeline.settings.environment import PipelineSettings, load_settings
from trading_pipeline.settings.written_files import temporary_beside
from trading_pipeline.stages.datasets.registration import usual_currency
from trading_pipeline.storage.parquet_files import write_atomically, write_text

if TYPE_CHECKING:
    from trading_pipeline.defs.automation.full_pass import FullPass

__all__ = ["run_add"]


def run_add(path: Path, flags: Mapping[str, Any], *, as_json: bool) -> None:
    """Register a file as an instrument and materialize its bars, as real Dagster runs.

    A file that cannot be bars, or that leaves something to decide, is refused before anything is
    copied; the error names the flags that answer it.
    """
    settings = load_settings()
    answers = load_answers(path, flags)
    profile = profile_dataset(path, answers, max_bytes=settings.dataset_max_bytes)
    _require_usable(path, profile)
    with show_progress(stderr_console()), _into_inbox(settings, path, answers) as name:
        first = open_pass()
        before = registered_datasets(settings.datasets)
        instrument = _registered(first, path, name)
        now = DatasetRecord.read(settings.datasets / instrument)
        known = before.get(instrument)
        full_pass = _with_new_catalog(first)
        full_pass.reference_data()
        full_pass.chain(
            instrument,
            [],
            full_pass.workspace.windows_of(instrument),
            refetch=known is not None and known.bars_sha256 != now.bars_sha256,
        )
    _print(full_pass, name, instrument, profile, as_json=as_json)


def _require_usable(path: Path, profile: DatasetProfile) -> None:
    if not profile.accept:
        advice = delimiter_advice(path, profile)
        reason = f"{profile.reason} {advice}".rstrip()
        raise DatasetFormatError(
            f"{path} cannot become bars: {reason} Look at it with: trading-pipeline datasets "
            f"inspect {path}.",
            path=str(path),
            reason=profile.reason,
        )
    questions = profile.open_questions
    if questions:
        raise DatasetFormatError(
            f"{path} leaves something for you to decide. "
            + " ".join(question.message for question in questions),
            path=str(path),
            questions=[question.key for question in questions],
        )


def _registered(first: FullPass, path: Path, name: str) -> str:
    """Id of the instrument; a refused file loses its partition key, unless it had one before."""
    from trading_pipeline.defs.partitions import datasets

    instance, key = first.runner.instance, str(datasets.name)
    is_new = name not in instance.get_dynamic_partitions(key)
    try:
        return first.dataset(name)
    except DatasetFormatError as error:
        if is_new:
            instance.delete_dynamic_partition(key, name)
        raise DatasetFormatError(
            f"{error} Nothing of it stays registered, and what was registered before is as it was. "
            f"Look at the whole file with: trading-pipeline datasets inspect {path}.",
            **error.values,
        ) from error


@contextmanager
def _into_inbox(settings: PipelineSettings, path: Path, answers: DatasetAnswers) -> Iterator[str]:
    """Copy the file and its answers there; gives its name in the inbox.

    Where the block ends by a `DatasetFormatError` both are again what they were before.
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name).lstrip("._-") or "dataset.csv"
    if Path(name).suffix.lower() not in (".csv", ".tsv", ".txt", ".parquet"):
        name += ".csv"
    target = settings.inbox / name
    given = answers.model_dump(mode="json", exclude_defaults=True)
    is_there = target.exists() and target.resolve() == path.resolve()
    with _as_it_was(sidecar_path(target)), nullcontext() if is_there else _as_it_was(target):
        if given:
            text = yaml.safe_dump(given, sort_keys=True, allow_unicode=True)
            write_text(sidecar_path(target), text)
        elif not is_there:
            sidecar_path(target).unlink(missing_ok=True)  # answers about an earlier file
        if not is_there:
            write_atomically(target, lambda p: _copy(path, p))
        yield name


@contextmanager
def _as_it_was(path: Path) -> Iterator[None]:
    """Put a file back, or take it away again, where the block ends by a `DatasetFormatError`."""
    with temporary_beside(path) as kept:
        if path.is_file():
            try:
                os.link(path, kept)  # writes replace the file, so the link keeps the old one
            except OSError:  # a file system without links
                shutil.copyfile(path, kept)
        try:
            yield
        except DatasetFormatError:
            if kept.is_file():
                kept.replace(path)
            else:
                path.unlink(missing_ok=True)
            raise


def _with_new_catalog(first: FullPass) -> FullPass:
    """The same instance with the universe as it is after the registration."""
    from trading_pipeline.defs.all_assets import build_definitions
    from trading_pipeline.defs.automation.full_pass import FullPass
    from trading_pipeline.settings.catalog import load_catalog

    catalog = load_catalog(first.workspace.settings.config, leave_out=True)
    return FullPass(replace(first.workspace, catalog=catalog), build_definitions(catalog))


def _print(
    full_pass: FullPass, name: str, instrument: str, profile: DatasetProfile, *, as_json: bool
) -> None:
    workspace = full_pass.workspace
    stored = workspace.bars.read_span(instrument, None, None)
    problems = dict(profile.problems) | dict(profile.other_findings)
    known = workspace.catalog.instrument(instrument)
    calendar, currency = known.calendar, known.currency
    answers = profile.answers
    calendar_from = _where_from(answers, profile, calendar)
    if answers.currency:
        currency_from = "as you said"
    elif answers.unit:
        currency_from = f"prices in {answers.unit} were divided by 100"
    elif currency == "XXX":
        currency_from = "not known (the code for none), as the calendar names no exchange"
    elif currency == usual_currency(calendar):
        currency_from = "it follows from the calendar"
    else:
        currency_from = "as set in the universe"
    asset_class_from = _class_from(answers, known.asset_class)
    document = {
        "dataset": name,
        "instrument": instrument,
        "calendar": calendar,
        "currency": currency,
        "calendar_from": calendar_from,
        "currency_from": currency_from,
        "asset_class": known.asset_class,
        "asset_class_from": asset_class_from,
        "notes": remarks(profile),
        "bars": len(stored),
        "first": str(stored.index[0]) if len(stored) else None,
        "last": str(stored.index[-1]) if len(stored) else None,
        "problems": problems,
        "universe": str(workspace.catalog.sources["universe"]),
    }
    if as_json:
        typer.echo(json.dumps(document, sort_keys=True))
        return
    console = stdout_console()
    console.print(
        f"{instrument}: {len(stored):,} bars from {document['first']} to {document['last']} "
        f"({calendar}), registered in {document['universe']}.",
        soft_wrap=True,
    )
    console.print(
        f"Calendar {calendar}: {calendar_from}; change it with --calendar. Currency {currency}: "
        f"{currency_from}; change it with --currency. Asset class {known.asset_class}: "
        f"{asset_class_from}; change it with --asset-class.",
        soft_wrap=True,
        markup=False,
    )
    if problems:
        found = ", ".join(f"{code} {count}" for code, count in sorted(problems.items()))
        console.print(f"Found in the file: {found}.", soft_wrap=True)
    for sentence in remarks(profile):
        console.print(f"Note: {sentence}", soft_wrap=True, markup=False)
    console.print(f"Next:  trading-pipeline run {instrument}")


def _where_from(answers: DatasetAnswers, profile: DatasetProfile, calendar: str) -> str:
    if answers.calendar:
        return "as you said"
    if profile.calendar is None:
        return "no other fits, so every day counts"
    timeframe = Timeframe(answers.timeframe or str(profile.timeframe))
    if not timeframe.is_intraday and calendar == "24/5":
        return "guessed from the dates, which fit weekdays and no exchange better than another"
    what = "hours of the sessions" if timeframe.is_intraday else "dates of the bars"
    alike = calendar == "XLON" and timeframe.is_intraday and answers.tz in (None, "UTC")
    return f"guessed from the {what}" + (" (XETR has the same hours in UTC)" if alike else "")


def _class_from(answers: DatasetAnswers, asset_class: str) -> str:
    if answers.asset_class:
        return "as you said"
    if asset_class == "index":
        return "guessed, as every volume is 0"
    return "it follows from the calendar"


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
