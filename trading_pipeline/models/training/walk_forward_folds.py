"""Folds of walk-forward training: refit dates and the purge.

The fit of refit date D reads labels that ended before D and predicts from D to the next refit date.
All stamps are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import ConfigurationError, DataQualityError, did_you_mean
from trading_pipeline.settings.model_spec import Refit

__all__ = [
    "Fold",
    "PurgedLabels",
    "clear_of",
    "make_fold",
    "purge",
    "refit_dates",
    "require_spans",
]

_FREQUENCIES: dict[str, str] = {"quarter": "QS", "month": "MS", "week": "W-MON", "day": "D"}


@dataclass(frozen=True, kw_only=True)
class Fold:
    """What one fit was trained on and what it may predict.

    `train_start`, `train_end`: `ts` of the first and last training row; `last_label_end`: their
    latest `t1`; all three are None if no row is left. `test_start` is the refit date, `test_end`
    (exclusive) the next one or the window's end. `rows` counts training rows, `purged` those left
    out because their label ended at or after the refit date, `embargoed` those left out just before
    it.
    """

    train_start: pd.Timestamp | None
    train_end: pd.Timestamp | None
    last_label_end: pd.Timestamp | None
    test_start: pd.Timestamp
    test_end: pd.Timestamp
    rows: int
    purged: int
    embargoed: int

    def as_dict(self) -> dict[str, str | int | None]:
        """Plain values; stamps as ISO text."""
        return {
            name: value.isoformat() if isinstance(value, pd.Timestamp) else value
            for name, value in self.__dict__.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, str | int | None]) -> Fold:
        """Inverse of `as_dict`."""
        parsed: dict[str, Any] = {
            name: pd.Timestamp(value).as_unit("us") if isinstance(value, str) else value
            for name, value in values.items()
        }
        return cls(**parsed)


@dataclass(frozen=True, kw_only=True)
class PurgedLabels:
    """Labels that may be trained on; `purged` and `embargoed` count the rows that may not."""

    kept: pd.DataFrame
    purged: int
    embargoed: int


def refit_dates(window_start: datetime, window_end: datetime, refit: Refit) -> list[pd.Timestamp]:
    """Moments in `window_start <= D < window_end` at which a model is fitted, in order.

    The window's start is always one of them; `quarter`, `month`, `week` and `day` add each start of
    a calendar quarter, month, ISO week (Monday) or day in UTC. Raises `ConfigurationError` for an
    unknown `refit`, an empty window or stamps without a time zone.

    >>> from datetime import UTC
    >>> dates = refit_dates(datetime(2012, 1, 1, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC),
    ...                     "quarter")
    >>> [date.strftime("%m-%d") for date in dates]
    ['01-01', '04-01', '07-01', '10-01']
    """
    if refit not in get_args(Refit):
        raise ConfigurationError(
            f"A model cannot be refitted every {refit!r}. {did_you_mean(refit, get_args(Refit))}",
            refit=refit,
        )
    start, end = _moment(window_start, "window_start"), _moment(window_end, "window_end")
    if end <= start:
        raise ConfigurationError(
            f"The window ends at {end}, which is not after its start {start}.",
            window_start=start,
            window_end=end,
        )
    if refit == "window":
        return [start]
    first = start.normalize()
    dates = pd.date_range(first, end, freq=_FREQUENCIES[refit], inclusive="left")
    return [start, *[date.as_unit("us") for date in dates if date > start]]


def purge(labels: pd.DataFrame, before: pd.Timestamp, embargo_bars: int = 0) -> PurgedLabels:
    """Rows of `labels` whose label ended before `before`, without the last `embargo_bars` of them.

    A row counts as purged if it was known before `before` (`t0 < before`) and its label was not
    (`t1 >= before`); rows that begin later belong to no training span and are not counted. After de
    Prado, Advances in Financial Machine Learning (2018), section 7.4.

    Parameters
    ----------
    labels
        Index ts, columns t0 and t1 (aware UTC), in any order; the order is kept.
    before
        The refit date, aware.
    embargo_bars
        Labelled rows to drop in addition, the latest by `t0`.

    Raises
    ------
    DataQualityError
        For a row that does not end after it begins.
    ConfigurationError
        For a negative embargo, and for a refit date without a time zone.
    """
    if embargo_bars < 0:
        raise ConfigurationError(
            f"An embargo of {embargo_bars} bars is not possible; give 0 or more.",
            embargo_bars=embargo_bars,
        )
    cut = _moment(before, "before")
    require_spans(labels)
    ended = clear_of(labels, cut, None)
    purged = int(((labels["t0"] < cut) & ~ended).sum())
    kept = labels.loc[ended]
    embargoed = min(embargo_bars, len(kept))
    if embargoed:
        order = kept["t0"].to_numpy().argsort(kind="stable")
        keep = sorted(order[: len(kept) - embargoed].tolist())
        kept = kept.iloc[keep]
    return PurgedLabels(kept=kept, purged=purged, embargoed=embargoed)


def clear_of(
    labels: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp | None
) -> npt.NDArray[np.bool_]:
    """True for each label whose life [t0, t1] meets nothing from `first` to `last`, both included.

    `last` None means without end, so that only labels that ended before `first` are left. This is
    the one rule by which rows are purged, walking forward (`purge`) and in cross-validation.

    >>> days = pd.date_range("2024-01-01", periods=5, tz="UTC")
    >>> clear_of(pd.DataFrame({"t0": days[:4], "t1": days[1:]}), days[2], days[2]).tolist()
    [True, False, False, True]
    """
    ended = labels["t1"] < first
    return (ended if last is None else ended | (labels["t0"] > last)).to_numpy(dtype=bool)


def require_spans(labels: pd.DataFrame) -> None:
    """Raise `DataQualityError` for a label that does not end after it begins."""
    wrong = labels.index[~(labels["t1"] > labels["t0"])]
    if len(wrong):
        raise DataQualityError(
            f"The label of {wrong[0]} ends at {labels['t1'].loc[wrong[0]]}, which is not after it "
            f"begins at {labels['t0'].loc[wrong[0]]}; it cannot be purged. Compute the labels "
            "again.",
            ts=wrong[0],
        )


def make_fold(
    labels: pd.DataFrame,
    *,
    test_start: pd.Timestamp,
    test_end: pd.Timestamp,
    embargo_bars: int = 0,
) -> tuple[Fold, pd.DataFrame]:
    """The fold of refit date `test_start`, and the labels that its fit may be trained on."""
    cleaned = purge(labels, test_start, embargo_bars)
    kept = cleaned.kept
    fold = Fold(
        train_start=kept.index.min() if len(kept) else None,
        train_end=kept.index.max() if len(kept) else None,
        last_label_end=kept["t1"].max() if len(kept) else None,
        test_start=_moment(test_start, "test_start"),
        test_end=_moment(test_end, "test_end"),
        rows=len(kept),
        purged=cleaned.purged,
        embargoed=cleaned.embargoed,
    )
    return fold, kept


def _moment(value: datetime, name: str) -> pd.Timestamp:
    stamp = pd.Timestamp(value)
    if stamp.tz is None:
        raise ConfigurationError(
            f"{name} is {value}, a stamp without a time zone. Give an aware one in UTC.",
            value=value,
        )
    return stamp.tz_convert("UTC").as_unit("us")
