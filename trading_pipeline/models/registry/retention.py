"""Which stored models may be removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

__all__ = ["removable_models"]


def removable_models(
    trained_at: Mapping[str, datetime],
    named: Collection[str],
    *,
    now: datetime,
    keep_days: float,
) -> list[str]:
    """Models that nothing names and that are older than `keep_days`, oldest first.

    `trained_at`: when each was trained, aware UTC, by id. `named`: ids that anything stored names;
    they stay, whatever their age. A model whose clock lies ahead of `now` stays.

    >>> from datetime import UTC
    >>> days = {each: datetime(2024, 1, each_day, tzinfo=UTC)
    ...         for each, each_day in (("a", 1), ("b", 2), ("c", 30))}
    >>> removable_models(days, {"b"}, now=datetime(2024, 2, 1, tzinfo=UTC), keep_days=7)
    ['a']
    """
    limit = now - timedelta(days=keep_days)
    old = sorted((moment, each) for each, moment in trained_at.items() if moment < limit)
    return [each for _, each in old if each not in named]
