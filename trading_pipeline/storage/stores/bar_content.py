"""Whether stored bars are those that were fetched: by number and hash of each window.

The log of fetches has the hash of what each window held afterwards. Bars that were changed, removed
or added in the warehouse by anything else do not have it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import utc_index
from trading_pipeline.domain.hashing import SHOWN_DIGITS, frame_hash
from trading_pipeline.errors import DataQualityError
from trading_pipeline.storage.stores.fetch_attempts import FetchAttempt

__all__ = ["changed_bars_error", "changed_windows", "held_span"]


def changed_windows(bars: pd.DataFrame, attempts: Mapping[str, FetchAttempt]) -> dict[str, str]:
    """By window key what is wrong with bars that are not those that were fetched, oldest first.

    `bars`: all bars of an instrument in order of time. `attempts`: by window key the newest that
    left content. A bar of no window belongs to the window before it, the first ones to the first.
    """
    keys = sorted(attempts)
    if not keys:
        return {"": f"{len(bars)} bars are there, none was fetched"} if len(bars) else {}
    starts = pd.DatetimeIndex(keys, tz="UTC").as_unit("us").asi8
    moments = utc_index(bars.index).asi8
    begins = np.searchsorted(moments, starts)
    begins[0] = 0
    ends = [*begins[1:], len(bars)]
    found = {}
    for key, begin, end in zip(keys, begins, ends, strict=True):
        attempt, held = attempts[key], bars.iloc[begin:end]
        if attempt.content_hash is None:
            continue
        if len(held) != attempt.rows:
            found[key] = f"{len(held)} bars are there, {attempt.rows} were fetched"
        elif attempt.rows and (now := frame_hash(held)) != attempt.content_hash:
            found[key] = (
                f"{len(held)} bars with the hash {now[:SHOWN_DIGITS]} are there, those that were "
                f"fetched have {attempt.content_hash[:SHOWN_DIGITS]}"
            )
    return found


def held_span(
    key: str, attempts: Mapping[str, FetchAttempt]
) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """The span whose bars `changed_windows` counts as those of a window; None is unbounded."""
    keys = sorted(attempts)
    place = keys.index(key)
    start = pd.Timestamp(key, tz="UTC") if place else None
    end = pd.Timestamp(keys[place + 1], tz="UTC") if place + 1 < len(keys) else None
    return start, end


def changed_bars_error(instrument: str, changed: Mapping[str, str]) -> DataQualityError:
    """The error for bars of which `changed_windows` found something."""
    first = next(iter(changed))
    others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return DataQualityError(
        f"The bars of {instrument} in the window(s) {first}{others} are not those that were "
        f"fetched: {changed[first]}. Something else than this package changed them in the "
        "warehouse, so nothing may be built on them. Fetch them again with: trading-pipeline run "
        f"{instrument}.",
        instrument=instrument,
        windows=list(changed),
    )
