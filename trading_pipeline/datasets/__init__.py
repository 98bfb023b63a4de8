"""Users' files of bars: from bytes to a profile, checks, advice and bars.

A user works with `preview_dataset`, `profile_dataset` and `read_dataset_bars`. To read the code,
follow a file through it:

inbox           which files are there, which are new
columns/        what a cell and a column hold: values, numbers, time stamps, roles
reading/        bytes -> cells -> form of the table -> batches of rows
checks/         rows, series, and the passes over a file that run them
clocks/         time zone, calendar, sessions, missing bars
profile         the values: profile, preview, open questions
profiling       makes the profile; refusals says why a file cannot be bars
bars            reads the bars of a profiled file
preview, advice the first rows; which rows block a file and how to fix that

Each folder imports only those above it. No workspace, no registration (that is `stages.datasets`)
and no SQL (that is `storage.user_files`) belongs here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.datasets.advice import blocked_rows, delimiter_advice, remarks
    from trading_pipeline.datasets.bars import read_dataset_bars
    from trading_pipeline.datasets.inbox import (
        InboxFile,
        changed_files,
        inbox_file,
        inbox_files,
        misnamed_files,
    )
    from trading_pipeline.datasets.preview import preview_dataset
    from trading_pipeline.datasets.profile import DatasetPreview, DatasetProfile, Question
    from trading_pipeline.datasets.profiling import profile_dataset
    from trading_pipeline.settings.dataset_answers import DatasetAnswers

__all__ = [
    "DatasetAnswers",
    "DatasetPreview",
    "DatasetProfile",
    "InboxFile",
    "Question",
    "blocked_rows",
    "changed_files",
    "delimiter_advice",
    "inbox_file",
    "inbox_files",
    "misnamed_files",
    "preview_dataset",
    "profile_dataset",
    "read_dataset_bars",
    "remarks",
]

_HOMES = {
    "blocked_rows": "trading_pipeline.datasets.advice",
    "delimiter_advice": "trading_pipeline.datasets.advice",
    "read_dataset_bars": "trading_pipeline.datasets.bars",
    "remarks": "trading_pipeline.datasets.advice",
    "InboxFile": "trading_pipeline.datasets.inbox",
    "changed_files": "trading_pipeline.datasets.inbox",
    "inbox_file": "trading_pipeline.datasets.inbox",
    "inbox_files": "trading_pipeline.datasets.inbox",
    "misnamed_files": "trading_pipeline.datasets.inbox",
    "preview_dataset": "trading_pipeline.datasets.preview",
    "DatasetPreview": "trading_pipeline.datasets.profile",
    "DatasetProfile": "trading_pipeline.datasets.profile",
    "Question": "trading_pipeline.datasets.profile",
    "profile_dataset": "trading_pipeline.datasets.profiling",
    "DatasetAnswers": "trading_pipeline.settings.dataset_answers",
}
__getattr__ = lazy_exports(__name__, _HOMES)
