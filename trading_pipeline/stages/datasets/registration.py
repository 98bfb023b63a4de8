"""Registers a profiled file: its bars are judged first, then it becomes an instrument.

A file that a check blocks is not registered. Days are those of the bars' labels in UTC.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from trading_pipeline.datasets import read_dataset_bars
from trading_pipeline.datasets.profile import DatasetProfile
from trading_pipeline.domain.currencies import major_currency
from trading_pipeline.domain.instrument import instrument_id
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.quality.findings import Finding
from trading_pipeline.market_data.sources.files import BARS_FILE, RECORD_FILE, DatasetRecord
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline.settings.universe import InstrumentSpec
from trading_pipeline.settings.universe_writer import add_instrument
from trading_pipeline.stages.datasets.judgement import blocking_findings, blocking_reason
from trading_pipeline.stages.market_data.universe import UniverseStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import write_frame, write_text

__all__ = ["Registration", "dataset_instrument", "register_dataset", "usual_currency"]

_CURRENCIES = {
    "XNYS": "USD", "XNAS": "USD", "XTSE": "CAD", "XLON": "GBP", "XETR": "EUR", "XFRA": "EUR",
    "XPAR": "EUR", "XAMS": "EUR", "XMIL": "EUR", "XMAD": "EUR", "XSWX": "CHF", "XTKS": "JPY",
    "XHKG": "HKD", "XSHG": "CNY", "XBOM": "INR", "XASX": "AUD", "XKRX": "KRW", "BVMF": "BRL",
}  # fmt: skip
_NO_CURRENCY = "XXX"  # ISO 4217 for none: better than a guess


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What came of a file: `instrument` is its id; empty where `reason` says why there is none.

    `is_archived`: the instrument left the universe and was not asked back. `findings`: what
    blocked.
    """

    instrument: str = ""
    reason: str = ""
    is_archived: bool = False
    findings: tuple[Finding, ...] = ()


def usual_currency(calendar: str) -> str:
    """ISO 4217 code of a calendar's exchange; `XXX` (no currency) for an unknown one.

    >>> usual_currency("XLON"), usual_currency("24/7")
    ('GBP', 'XXX')
    """
    return _CURRENCIES.get(calendar, _NO_CURRENCY)


def dataset_instrument(path: Path, profile: DatasetProfile, answers: DatasetAnswers) -> str:
    """Id of the instrument that a file becomes: by its symbol, else by the file's name."""
    return instrument_id(_symbol(path, profile, answers), _timeframe(profile, answers))


def register_dataset(
    workspace: Workspace,
    path: Path,
    profile: DatasetProfile,
    answers: DatasetAnswers,
    *,
    file_sha256: str,
    bring_back: bool,
) -> Registration:
    """Judge the bars, write them, add the instrument to the user's universe and to the warehouse.

    `bring_back`: an archived instrument becomes active again; otherwise it stays archived. Where a
    check blocks, nothing is written and what was registered before stays. Raises
    `DatasetFormatError` for an instrument of another source, and what reading the file raises.
    """
    name = dataset_instrument(path, profile, answers)
    archived = workspace.catalog.universe.archived_by_id.get(name)
    if archived is not None and not bring_back:
        back = f"trading-pipeline universe add {archived.symbol}"
        return Registration(
            reason=f"{name} is archived; bring it back with: {back} --timeframe "
            f"{archived.timeframe.value}.",
            is_archived=True,
        )
    known = workspace.catalog.instruments.get(name)
    if known is not None and known.source != "files":
        raise DatasetFormatError(
            f"{path.name} would become the instrument {name}, which the universe takes from the "
            f"source {known.source!r}. Give the file's series another name with 'symbol' in "
            f"{path.name}.yaml.",
            instrument=name,
        )
    bars = read_dataset_bars(path, profile, answers)
    spec = _spec(workspace, path, profile, answers, bars)
    blocking = blocking_findings(workspace, name, spec, bars)
    if blocking:
        return Registration(reason=blocking_reason(blocking), findings=tuple(blocking))
    _write(workspace, path, name, bars, answers, file_sha256)
    config = workspace.settings.config
    add_instrument(config, spec, replace=True)
    catalog = load_catalog(config, leave_out=True)
    UniverseStage(replace(workspace, catalog=catalog)).materialize(WHOLE)
    return Registration(instrument=name)


def _write(
    workspace: Workspace,
    path: Path,
    name: str,
    bars: pd.DataFrame,
    answers: DatasetAnswers,
    file_sha256: str,
) -> None:
    folder = workspace.settings.datasets / name
    record = DatasetRecord(
        dataset=path.name,
        instrument=name,
        file=path.name,
        file_sha256=file_sha256,
        bars_sha256=write_frame(folder / BARS_FILE, bars),
        rows=len(bars),
        first=_moment(bars.index[0]),
        last=_moment(bars.index[-1]),
        answers=answers.model_dump(mode="json", exclude_defaults=True),
        registered_at=workspace.clock(),
    )
    with suppress(DatasetFormatError):  # no record, or a broken one, which this replaces
        before = DatasetRecord.read(folder)
        if record == replace(before, registered_at=record.registered_at):
            return  # the same again: what was fetched since stays newer than the record
    write_text(folder / RECORD_FILE, record.to_json())


def _spec(
    workspace: Workspace,
    path: Path,
    profile: DatasetProfile,
    answers: DatasetAnswers,
    bars: pd.DataFrame,
) -> InstrumentSpec:
    """The line of the universe file; what its user has set there and no file can say is kept."""
    name = dataset_instrument(path, profile, answers)
    universe = workspace.catalog.universe
    lines = {instrument_id(i.symbol, i.timeframe): i for i in universe.instruments}
    before = lines.get(name) or universe.archived_by_id.get(name)
    kept = before.model_dump(exclude_unset=True) if before and before.source == "files" else {}
    calendar = answers.calendar or profile.calendar or "24/7"
    same_market = kept.get("calendar") == calendar and "currency" in kept
    first, last = (_moment(bars.index[at]).date() for at in (0, -1))
    currency = kept["currency"] if same_market else usual_currency(calendar)
    checks = dict(kept.get("checks") or {})
    if answers.max_missing is not None:
        checks["gap_error_fraction"] = answers.max_missing
    return InstrumentSpec(
        **{
            **kept,
            "symbol": _symbol(path, profile, answers),
            "timeframe": _timeframe(profile, answers),
            "source": "files",
            "calendar": calendar,
            "asset_class": _asset_class(profile, answers, calendar),
            "currency": answers.currency or (major_currency(answers.unit or "") or currency),
            "listed_from": first,
            "listed_to": last,
            "start": first,
            "end": last + timedelta(days=1),
            "checks": checks,
        }
    )


def _symbol(path: Path, profile: DatasetProfile, answers: DatasetAnswers) -> str:
    """The one chosen or found, else the file's name without its ending."""
    if answers.symbol:
        return answers.symbol
    if profile.symbols:
        return profile.symbols[0]
    return re.sub(r"[^A-Za-z0-9.-]+", "-", path.stem).strip("-.") or "dataset"


def _timeframe(profile: DatasetProfile, answers: DatasetAnswers) -> Timeframe:
    return Timeframe(answers.timeframe or str(profile.timeframe))


def _asset_class(profile: DatasetProfile, answers: DatasetAnswers, calendar: str) -> str:
    """The answer; else by the calendar, and an index where every volume is written as 0.

    A missing column of volumes says nothing about the market.
    """
    if answers.asset_class is not None:
        return answers.asset_class
    has_volume = "volume" in profile.columns and answers.volume != "none"
    if calendar == "24/7":
        return "crypto"
    if calendar == "24/5":
        # weekdays with volumes: an exchange that the dates do not tell
        dates_only = not answers.calendar and not _timeframe(profile, answers).is_intraday
        without = not has_volume or _has_zeros_only(profile)
        return "equity" if dates_only and not without else "fx"
    return "index" if has_volume and _has_zeros_only(profile) else "equity"


def _has_zeros_only(profile: DatasetProfile) -> bool:
    return profile.problems.get("zero_volume", 0) == profile.valid_rows > 0


def _moment(ts: Any) -> Any:
    return pd.Timestamp(ts).to_pydatetime()
