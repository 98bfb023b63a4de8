"""The stage of users' files: profile one, and register it as an instrument.

A file that needs a decision waits and says for which; one that cannot be bars is refused and says
why.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_pipeline.code_identity import code_hash
from trading_pipeline.datasets import profile_dataset
from trading_pipeline.datasets.inbox import inbox_file
from trading_pipeline.datasets.profile import DatasetProfile
from trading_pipeline.domain.hashing import canonical_hash, file_hash
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.sources.files import DatasetRecord, require_registered_bars
from trading_pipeline.settings.dataset_answers import DatasetAnswers, load_answers
from trading_pipeline.stages.datasets.registration import (
    Registration,
    dataset_instrument,
    register_dataset,
)
from trading_pipeline.stages.outcome import Outcome, Shown, tell_progress
from trading_pipeline.stages.stage import Identity, StoredStage
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import write_text

__all__ = ["ASSET", "DatasetOutcome", "DatasetStage"]

ASSET = "dataset_profile"
Document = dict[str, Any]
"""A profile and what came of it, as it is kept in a JSON file."""
_SHOWN = ("encoding", "delimiter", "tz", "suggest_tz", "timeframe", "calendar", "first", "last")


@dataclass(frozen=True, kw_only=True)
class DatasetOutcome(Outcome):
    """A file after its stage ran. `status`: ok (registered), waiting, refused or archived.

    A waiting file waits for answers to `questions`; `reason` explains refused and archived.
    `instrument`: id of the registered series, empty where there is none.
    """

    instrument: str = ""
    reason: str = ""
    questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asked:
    """A file as it is in the inbox now."""

    path: Path
    answers: DatasetAnswers
    sha256: str
    identity: Identity


class DatasetStage(StoredStage[str, Document]):
    """Files of the inbox, by name: profiled, and registered where nothing is left to decide.

    A file whose bars a check would keep out is refused, and what was registered before stays. One
    whose instrument is archived is left alone, unless `bring_back`. The answers are those of its
    side-car file. An unchanged file with unchanged answers is read for its hash only.
    """

    asset = ASSET

    def __init__(self, workspace: Workspace, *, bring_back: bool = False) -> None:
        super().__init__(workspace)
        self._bring_back = bring_back
        self.code_hash = code_hash(DatasetStage._profiled)

    def identity(self, key: str) -> Identity:
        """With the hash of the file, of its answers, and of whether it is too large.

        Raises `DatasetFormatError` for a name outside the inbox, `UnknownNameError` for an unknown
        file, `ConfigurationError` for a wrong side-car.
        """
        return self._asked(key).identity

    def pending(self, keys: Iterable[str]) -> list[str]:
        """Files that have changed, or would be judged otherwise now."""
        return [key for key in keys if self._kept(self._asked(key)) is None]

    def materialize(self, keys: Iterable[str]) -> list[DatasetOutcome]:
        """Profile what is pending, and register it where nothing is left to decide."""
        outcomes = []
        for key in keys:
            tell_progress(self.asset, key)
            asked = self._asked(key)
            kept = self._kept(asked)
            document = self._profiled(asked) if kept is None else kept
            outcomes.append(self._outcome(asked, document, changed=kept is None))
        return outcomes

    def describe(self, product: Document) -> dict[str, Shown]:
        """What the file holds and what is wrong with it."""
        profile = product["profile"]
        problems = {**profile["problems"], **product["other_findings"]}
        missing = profile["missing_bars"]
        return {
            "status": product["status"],
            "instrument": product["instrument"],
            "file_rows": profile["rows"],
            "problem_count": sum(problems.values()),
            **{key: str(profile[key] or "") for key in _SHOWN},
            "missing_bars": -1 if missing is None else missing,
            "problems": ", ".join(f"{code} {count}" for code, count in sorted(problems.items())),
            "columns": ", ".join(
                f"{role}: {_names(at)}" for role, at in profile["columns"].items()
            ),
        }

    def _asked(self, name: str) -> _Asked:
        found = inbox_file(self.workspace.settings.inbox, name)
        answers, sha256 = load_answers(found.path), file_hash(found.path)
        too_large = found.path.stat().st_size > self.workspace.settings.dataset_max_bytes
        input_hash = canonical_hash([ASSET, self.code_hash, sha256, answers.hash, too_large])
        identity = Identity(ASSET, name, input_hash, self.code_hash)
        return _Asked(found.path, answers, sha256, identity)

    def _kept(self, asked: _Asked) -> Document | None:
        """What was found before, where the file would come to the same end again."""
        newest = self.newest().get(asked.identity.partition)
        if newest is None or not self.is_current(newest, asked.identity):
            return None
        path = self.workspace.settings.runtime / str(newest.path)
        document: Document = json.loads(path.read_text("utf-8"))
        still_holds = _still_holds(
            self.workspace, document, asked.sha256, bring_back=self._bring_back
        )
        return document if still_holds else None

    def _profiled(self, asked: _Asked) -> Document:
        workspace, limit = self.workspace, self.workspace.settings.dataset_max_bytes
        profile = profile_dataset(asked.path, asked.answers, max_bytes=limit)
        document = _document(profile, asked.sha256)
        if document["status"] == "ok":
            registered = register_dataset(
                workspace,
                asked.path,
                profile,
                asked.answers,
                file_sha256=asked.sha256,
                bring_back=self._bring_back,
            )
            document |= _registered(
                registered, dataset_instrument(asked.path, profile, asked.answers)
            )
        name, input_hash = asked.identity.partition, asked.identity.input_hash
        path = Path("cache") / ASSET / name / f"{input_hash[:12]}.json"
        text = json.dumps(document, indent=2, sort_keys=True)
        write_text(workspace.settings.runtime / path, text)
        row = self.artifact(
            asked.identity,
            rows=profile.valid_rows,
            status=document["status"],
            path=path.as_posix(),
            sha256=file_hash(workspace.settings.runtime / path),
        )
        workspace.artifacts.record([row])
        return document

    def _outcome(self, asked: _Asked, document: Document, *, changed: bool) -> DatasetOutcome:
        return DatasetOutcome(
            asset=self.asset,
            partition=asked.identity.partition,
            status=document["status"],
            rows=document["profile"]["valid_rows"],
            changed=changed,
            content_hash=canonical_hash([asked.identity.input_hash, document]),
            metadata=self.describe(document),
            instrument=document["instrument"],
            reason=document["reason"],
            questions=tuple(document["questions"]),
        )


def _document(profile: DatasetProfile, sha256: str) -> Document:
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


def _registered(registration: Registration, name: str) -> Document:
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


def _still_holds(workspace: Workspace, kept: Document, sha256: str, *, bring_back: bool) -> bool:
    """True where the file, unchanged with unchanged answers, would come to the same end again."""
    if kept["status"] == "archived":
        archived = workspace.catalog.universe.archived_by_id
        return not bring_back and kept["archived"] in archived
    if kept["findings"]:
        return False  # how strict the checks are, and what time it is, may have changed
    return not kept["instrument"] or _is_registered(workspace, kept["instrument"], sha256)


def _is_registered(workspace: Workspace, instrument: str, file_sha256: str) -> bool:
    folder = workspace.settings.datasets / instrument
    if instrument not in workspace.catalog.instruments:
        return False
    try:
        record = DatasetRecord.read(folder)
        require_registered_bars(folder, record)
    except DatasetFormatError:  # missing or damaged: it is registered anew
        return False
    return record.file_sha256 == file_sha256


def _names(column: Any) -> str:
    return " + ".join(map(str, column)) if isinstance(column, list) else str(column)
