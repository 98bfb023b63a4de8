"""What a stage reports of a partition, and how it tells its progress."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "Link",
    "Outcome",
    "Shown",
    "ShownMarkdown",
    "tell_progress",
    "tell_trials",
    "tell_wait",
]

_progress = logging.getLogger("trading_pipeline.progress")


@dataclass(frozen=True)
class ShownMarkdown:
    """Markdown that the asset page shows as it reads: a small table, an image of data."""

    text: str


@dataclass(frozen=True)
class Link:
    """An address that the asset page shows as a link."""

    url: str


Shown = str | int | float | bool | ShownMarkdown | Link | None
"""What the asset page can show beside a name."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A partition after its stage ran.

    `status`: ok, not_listed, no_model, no_rows or rejected. `changed`: something new was written.
    `content_hash`: of what the partition now holds. `metadata`: numbers for the asset page.
    """

    asset: str
    partition: str
    status: str
    rows: int
    changed: bool
    content_hash: str
    metadata: Mapping[str, Shown] = field(default_factory=dict)


def tell_progress(asset: str, partition: str) -> None:
    """Say that work on a partition begins; a progress display listens to this logger."""
    _progress.debug("%s %s", asset, partition, extra={"asset": asset, "partition": partition})


def tell_trials(done: int, planned: int) -> None:
    """Say on the same logger how many trials of the study at work are done."""
    _progress.debug("%d of %d trials", done, planned, extra={"trials": (done, planned)})


def tell_wait(text: str) -> None:
    """Say on the same logger that another process is waited for."""
    _progress.debug("%s", text, extra={"waiting": text})
