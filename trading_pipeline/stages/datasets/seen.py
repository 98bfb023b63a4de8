"""Tells whether a file of the inbox, or its bars, were worked on before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trading_pipeline.datasets.inbox import InboxFile
from trading_pipeline.domain.hashing import file_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.market_data.sources.files import DatasetRecord
from trading_pipeline.settings.dataset_answers import load_answers
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.fetch_attempts import FetchAttempt

__all__ = ["bars_are_fetched", "is_registered_as_it_is"]


def is_registered_as_it_is(file: InboxFile, records: Mapping[str, DatasetRecord]) -> bool:
    """True where an instrument was registered from just these bytes with just these answers.

    `records`: by instrument id. A side-car that cannot be read is none that was registered:
    profiling the file will say what is wrong with it.
    """
    mine = [record for record in records.values() if record.dataset == file.name]
    if not mine:
        return False
    try:
        answers = load_answers(file.path).model_dump(mode="json", exclude_defaults=True)
    except ConfigurationError:
        return False
    alike = [record for record in mine if record.answers == answers]
    return bool(alike) and file_hash(file.path) in {record.file_sha256 for record in alike}


def bars_are_fetched(
    workspace: Workspace, record: DatasetRecord, windows: Sequence[Window]
) -> bool:
    """True where each window's bars were decided on since the file was registered.

    The attempt names the file and its bars. One that asked nobody says when it was made, no more.
    """
    attempts = workspace.bars.newest_attempts(record.instrument)
    return all(
        window.key in attempts and _is_of(record, attempts[window.key]) for window in windows
    )


def _is_of(record: DatasetRecord, attempt: FetchAttempt) -> bool:
    if attempt.client_version is None:
        return attempt.fetched_at >= record.registered_at
    return attempt.client_version == record.version
