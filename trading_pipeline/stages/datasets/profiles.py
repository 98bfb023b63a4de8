"""This file holds the stage of users' files: profile one, and register it as an instrument.

What needs a decision waits, and says for which; what cannot be bars is refused, and says why.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_pipeline.code_identity import code_hash
from trading_pipeline.datasets.profile import DatasetProfile
from trading_pipeline.datasets.profiling import profile_dataset
from trading_pipeline.datasets.reading.inbox import inbox_file
from trading_pipeline.domain.hashing import canonical_hash, file_hash
from trading_pipeline.market_data.sources.files import BARS_FILE, RECORD_FILE, DatasetRecord
from trading_pipeline.settings.dataset_answers import load_answers
from trading_pipeline.stages.datasets.registration import (
    Registration,
    dataset_instrument,
    register_dataset,
)
from trading_pipeline.stages.outcome import Outcome, tell_progress
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import write_atomically
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["ASSET", "DatasetOutcome", "refresh_dataset"]

ASSET = "dataset_profile"


@dataclass(frozen=True, kw_only=True)
class DatasetOutcome(Outcome):
    """A file after its stage ran. `status`: ok (registered), waiting, refused or archived.

    Waiting is for `questions`; refused and archived are explained by `reason`. `instrument`: id of the
    registered series, empty where there is none.
    """

    instrument: str = ""
    reason: str = ""
    questions: tuple[str, ...] = ()


def refresh_dataset(workspace: Workspace, name: str, *, bring_back: bool = False) -> DatasetOutcome:
    """Profile the inbox file of that name; register it where nothing is left to decide.

    A file whose bars a check would keep out is refused, and what was registered before stays. One
    whose instrument is archived is left alone, unless `bring_back`. The answers are those of its side-car file. An unchanged file with unchanged answers is read for
    its hash only. Raises `DatasetFormatError` for a name outside the inbox, `UnknownNameError` for a
    file that is not there, `ConfigurationError` for a wrong side-car.
    """
    tell_progress(ASSET, name)
    found = inbox_file(workspace.settings.inbox, name)
    answers, sha256 = load_answers(found.path), file_hash(found.path)
    limit = workspace.settings.dataset_max_bytes
    too_large = found.path.stat().st_size > limit
    code = _code_hash()
    input_hash = canonical_hash([ASSET, code, sha256, answers.hash, too_large])
    newest = workspace.artifacts.newest([ASSET], name).get((ASSET, name))
    if workspace.artifacts.is_current(newest, input_hash) and newest is not None and newest.path:
        kept = json.loads((workspace.settings.runtime / newest.path).read_text("utf-8"))
        if _still_holds(workspace, kept, sha256, bring_back=bring_back):
            return _outcome(name, kept, input_hash, changed=False)
    profile = profile_dataset(found.path, answers, max_bytes=limit)
    kept = _document(profile, sha256)
    if kept["status"] == "ok":
        registered = register_dataset(
            workspace,
            found.path,
            profile,
            answers,
            file_sha256=sha256,
            bring_back=bring_back,
        )
        kept |= _registered(registered, dataset_instrument(found.path, profile, answers))
    path = Path("cache") / ASSET / name / f"{input_hash[:12]}.json"
    text = json.dumps(kept, indent=2, sort_keys=True)
    write_atomically(workspace.settings.runtime / path, lambda p: _write_text(p, text))
    row = Artifact(
        asset=ASSET,
        partition=name,
        status=kept["status"],
        input_hash=input_hash,
        code_hash=code,
        run_id=workspace.run_id,
        rows=profile.valid_rows,
        path=path.as_posix(),
        sha256=canonical_hash(kept),
    )
    workspace.artifacts.record([row])
    return _outcome(name, kept, input_hash, changed=True)


def _code_hash() -> str:
    return code_hash(profile_dataset, register_dataset, _document)


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
        "reason": profile.reason or "",
        "findings": [],
        "archived": "",
    }


def _registered(registration: Registration, name: str) -> dict[str, Any]:
    found = {"instrument": registration.instrument, "reason": registration.reason}
    if registration.is_archived:
        return {**found, "status": "archived", "archived": name}
    if registration.instrument:
        return found
    findings = [
        {**vars(each), "ts": None if each.ts is None else each.ts.isoformat()}
        for each in registration.findings
    ]
    return {**found, "status": "refused", "findings": findings}


def _still_holds(
    workspace: Workspace, kept: dict[str, Any], sha256: str, *, bring_back: bool
) -> bool:
    """True where the file, unchanged with unchanged answers, would come to the same end again."""
    if kept["status"] == "archived":
        archived = workspace.catalog.universe.archived_by_id
        return not bring_back and kept["archived"] in archived
    if kept["findings"]:
        return False  # how strict the checks are, and what time it is, may have changed
    return not kept["instrument"] or _is_registered(workspace, kept["instrument"], sha256)


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
            "problem_count": sum(problems.values()),
            **{key: str(profile[key] or "") for key in shown},
            "missing_bars": -1 if profile["missing_bars"] is None else profile["missing_bars"],
            "problems": ", ".join(f"{code} {count}" for code, count in sorted(problems.items())),
            "columns": ", ".join(
                f"{role}: {_names(at)}" for role, at in profile["columns"].items()
            ),
        },
        instrument=kept["instrument"],
        reason=kept["reason"],
        questions=tuple(kept["questions"]),
    )


def _names(column: Any) -> str:
    return " + ".join(map(str, column)) if isinstance(column, list) else str(column)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
