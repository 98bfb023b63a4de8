"""This file holds what a stage reports of a partition, and how progress is told."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Outcome", "tell_progress"]

_progress = logging.getLogger("trading_pipeline.progress")


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
    metadata: Mapping[str, Any] = field(default_factory=dict)


def tell_progress(asset: str, partition: str) -> None:
    """Say that work on a partition begins; whoever shows progress listens to this logger."""
    _progress.debug("%s %s", asset, partition, extra={"asset": asset, "partition": partition})
