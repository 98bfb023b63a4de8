"""This file holds the stage of users' files: profile one, and register it as an instrument.

What needs a decision waits, and says for which; what cannot be bars is refused, and says why.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from trading_pipeline.domain.hashing import canonical_hash, file_hash
from trading_pipeline.domain.instrument import instrument_id
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.dataset_profile import DatasetProfile
from trading_pipeline.market_data.files_source import BARS_FILE, RECORD_FILE, DatasetRecord
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.dataset_answers import DatasetAnswers, load_answers
from trading_pipeline.settings.universe import InstrumentSpec
from trading_pipeline.settings.universe_writer import add_instrument, extend_span
from trading_pipeline.stages.dataset_profiling import profile_dataset, read_dataset_bars
from trading_pipeline.stages.inbox import inbox_file
from trading_pipeline.stages.outcome import Outcome, tell_progress
from trading_pipeline.stages.universe_stage import refresh_universe
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.artifact_store import Artifact
from trading_pipeline.storage.parquet_files import write_atomically, write_frame

__all__ = ["ASSET", "DatasetOutcome", "refresh_dataset"]

ASSET = "dataset_profile"
_CODE = "1"  # raised when a profile or what is registered from it changes
_CURRENCIES = {
    "XNYS": "USD", "XNAS": "USD", "XTSE": "CAD", "XLON": "GBP", "XETR": "EUR", "XFRA": "EUR",
    "XPAR": "EUR", "XAMS": "EUR", "XMIL": "EUR", "XMAD": "EUR", "XSWX": "CHF", "XTKS": "JPY",
    "XHKG": "HKD", "XSHG": "CNY", "XBOM": "INR", "XASX": "AUD", "XKRX": "KRW", "BVMF": "BRL",
}  # fmt: skip
_NO_CURRENCY = "XXX"  # ISO 4217 for none: better than a guess


@dataclass(frozen=True, kw_only=True)
class DatasetOutcome(Outcome):
    """A file after its stage ran. `status`: ok (registered), waiting (for `questions`) or refused.

    `instrument`: id of the registered series, empty where there is none.
    """

    instrument: str = ""
    reason: str = ""
    questions: tuple[str, ...] = ()


def refresh_dataset(workspace: Workspace, name: str) -> DatasetOutcome:
    """Profile the inbox file of that name; register it where nothing is left to decide.

    The answers are those of its side-car file. An unchanged file with unchanged answers is read for
    its hash only. Raises `DatasetFormatError` for a name outside the inbox, `UnknownNameError` for a
    file that is not there, `ConfigurationError` for a wrong side-car.
    """
    tell_progress(ASSET, name)
    found = inbox_file(workspace.settings.inbox, name)
    answers, sha256 = load_answers(found.path), file_hash(found.path)
    limit = workspace.settings.dataset_max_bytes
    too_large = found.path.stat().st_size > limit
    input_hash = canonical_hash([ASSET, _CODE, sha256, answers.hash, too_large])
    newest = workspace.artifacts.newest([ASSET], name).get((ASSET, name))
    if workspace.artifacts.is_current(newest, input_hash) and newest is not None and newest.path:
        kept = json.loads((workspace.settings.runtime / newest.path).read_text("utf-8"))
        instrument = str(kept["instrument"])
        if not instrument or _is_registered(workspace, instrument, sha256):
            return _outcome(name, kept, input_hash, changed=False)
    profile = profile_dataset(found.path, answers, max_bytes=limit)
    kept = _document(profile, sha256)
    if kept["status"] == "ok":
        kept["instrument"] = _register(workspace, found.path, profile, answers, sha256)
    path = Path("cache") / ASSET / name / f"{input_hash[:12]}.json"
    text = json.dumps(kept, indent=2, sort_keys=True)
    write_atomically(workspace.settings.runtime / path, lambda p: _write_text(p, text))
    row = Artifact(
        asset=ASSET,
        partition=name,
        status=kept["status"],
        input_hash=input_hash,
        code_hash=_CODE,
        run_id=workspace.run_id,
        rows=profile.valid_rows,
        path=path.as_posix(),
        sha256=canonical_hash(kept),
    )
    workspace.artifacts.record([row])
    return _outcome(name, kept, input_hash, changed=True)


def _document(profile: DatasetProfile, sha256: str) -> dict[str, Any]:
    questions = [question.message for question in profile.open_questions]
    status = "refused" if not profile.accept else "waiting" if questions else "ok"
    return {
        "profile": profile.to_json(),
        "other_findings": dict(profile.other_findings),
        "questions": questions,
        "status": status,
        "file_sha256": sha256,
        "instrument": "",
    }


def _register(
    workspace: Workspace, path: Path, profile: DatasetProfile, answers: DatasetAnswers, sha256: str
) -> str:
    """Write the bars, name the instrument in the user's universe, and tell the warehouse."""
    timeframe = Timeframe(answers.timeframe or str(profile.timeframe))
    symbol = _symbol(path, profile, answers)
    name = instrument_id(symbol, timeframe)
    known = workspace.catalog.instruments.get(name)
    if known is not None and known.source != "files":
        raise DatasetFormatError(
            f"{path.name} would become the instrument {name}, which the universe takes from the source "
            f"{known.source!r}. Give the file's series another name with 'symbol' in "
            f"{path.name}.yaml.",
            instrument=name,
        )
    bars = read_dataset_bars(path, profile, answers)
    folder = workspace.settings.datasets / name
    bars_sha256 = write_frame(folder / BARS_FILE, bars)
    record = DatasetRecord(
        dataset=path.name,
        instrument=name,
        file=path.name,
        file_sha256=sha256,
        bars_sha256=bars_sha256,
        rows=len(bars),
        first=_moment(bars.index[0]),
        last=_moment(bars.index[-1]),
        answers=answers.model_dump(mode="json", exclude_defaults=True),
        registered_at=workspace.clock(),
    )
    text = record.to_json()
    write_atomically(folder / RECORD_FILE, lambda p: _write_text(p, text))
    calendar = answers.calendar or profile.calendar or "24/7"
    spec = InstrumentSpec(
        symbol=symbol,
        timeframe=timeframe,
        source="files",
        calendar=calendar,
        asset_class=_asset_class(profile, answers, calendar),
        currency=_CURRENCIES.get(calendar, _NO_CURRENCY),
        listed_from=record.listing[0],
        listed_to=record.listing[1],
    )
    config = workspace.settings.config
    add_instrument(config, spec, replace=True)
    extend_span(config, *record.listing)
    refresh_universe(replace(workspace, catalog=load_catalog(config)))
    return name


def _symbol(path: Path, profile: DatasetProfile, answers: DatasetAnswers) -> str:
    """The one chosen or found, else the file's name without its ending."""
    if answers.symbol:
        return answers.symbol
    if profile.symbols:
        return profile.symbols[0]
    return re.sub(r"[^A-Za-z0-9.-]+", "-", path.stem).strip("-.") or "dataset"


def _asset_class(profile: DatasetProfile, answers: DatasetAnswers, calendar: str) -> str:
    without = profile.problems.get("zero_volume", 0) == profile.valid_rows
    if without or "volume" not in profile.columns or answers.volume == "none":
        return "fx" if calendar == "24/5" else "index"
    return {"24/7": "crypto", "24/5": "fx"}.get(calendar, "equity")


def _is_registered(workspace: Workspace, instrument: str, file_sha256: str) -> bool:
    folder = workspace.settings.datasets / instrument
    if instrument not in workspace.catalog.instruments or not (folder / RECORD_FILE).is_file():
        return False
    return DatasetRecord.read(folder).file_sha256 == file_sha256 and (folder / BARS_FILE).is_file()


def _outcome(name: str, kept: dict[str, Any], input_hash: str, *, changed: bool) -> DatasetOutcome:
    profile = kept["profile"]
    shown = ("encoding", "delimiter", "tz", "suggest_tz", "timeframe", "calendar", "first", "last")
    problems = {**profile["problems"], **kept["other_findings"]}
    return DatasetOutcome(
        asset=ASSET,
        partition=name,
        status=kept["status"],
        rows=profile["valid_rows"],
        changed=changed,
        content_hash=canonical_hash([input_hash, kept]),
        metadata={
            "status": kept["status"],
            "instrument": kept["instrument"],
            "file_rows": profile["rows"],
            "problem_rows": sum(problems.values()),
            **{key: str(profile[key] or "") for key in shown},
            "missing_bars": -1 if profile["missing_bars"] is None else profile["missing_bars"],
            "problems": ", ".join(f"{code} {count}" for code, count in sorted(problems.items())),
            "columns": ", ".join(f"{role}={at}" for role, at in profile["columns"].items()),
        },
        instrument=kept["instrument"],
        reason=profile["reason"] or "",
        questions=tuple(kept["questions"]),
    )


def _moment(ts: Any) -> Any:
    return pd.Timestamp(ts).to_pydatetime()


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
