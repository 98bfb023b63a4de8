"""From a profiled file to bars by the package's clocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from trading_pipeline.datasets.clocks.coarser_bars import coarser_bars
from trading_pipeline.datasets.clocks.sessions import bar_labels, open_moments, to_utc
from trading_pipeline.datasets.profile import DatasetProfile, open_questions
from trading_pipeline.datasets.profiling import profile_dataset
from trading_pipeline.datasets.reading.encodings import examine_bytes
from trading_pipeline.datasets.reading.rows import row_batches
from trading_pipeline.datasets.reading.table import readable_copy
from trading_pipeline.domain.bars import BAR_COLUMNS, PRICE_COLUMNS, normalize_bars
from trading_pipeline.domain.moments import DAY, index_of
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError, did_you_mean
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline.storage.user_files.csv_scan import open_scan

__all__ = ["read_dataset_bars"]

_OF_FORM = ("date_order", "timestamp_format", "columns", "decimal", "delimiter", "volume")
"""Answers that change how cells are read; a profile made without them does not apply."""


def read_dataset_bars(
    path: Path,
    profile: DatasetProfile,
    answers: DatasetAnswers | None = None,
    *,
    symbol: str | None = None,
) -> pd.DataFrame:
    """Bars of a profiled file: index `ts` in UTC by the package's clocks, in order of time.

    Columns open, high, low, close, volume (0 where the file has none), float64; prices told in a
    minor unit are divided by 100 where `unit` of the answers says so. Rows that cannot be
    bars are left out, as the profile counts them; every other row stays as it is, repeated stamps
    too unless `duplicates` of the answers says which row to keep.

    Parameters
    ----------
    answers
        Used instead of those that the profile was made with.
    symbol
        Which one of several, instead of the answered one.

    Raises
    ------
    DatasetFormatError
        The profile refuses the file, a question is open (the message names the flag that answers
        it), the file has changed since, or a clock change makes stamps ambiguous.
    """
    path, answers = Path(path), answers or profile.answers
    _require_unchanged(path, profile)
    if any(getattr(answers, key) != getattr(profile.answers, key) for key in _OF_FORM):
        profile = profile_dataset(path, answers)
    if symbol is not None:
        _require_symbol(symbol, profile)
        answers = answers.model_copy(update={"symbol": symbol})
    if profile.symbols and not profile.symbol_in_column and answers.symbol in profile.symbols:
        profile = profile_dataset(path, answers)  # a wide table: other columns for another symbol
    if not profile.accept or profile.shape is None:
        raise DatasetFormatError(
            f"{path} cannot be read as bars: {profile.reason}",
            path=str(path),
            reason=profile.reason,
        )
    questions = open_questions(profile, answers)
    if questions:
        asked = " ".join(question.message for question in questions)
        raise DatasetFormatError(
            f"{path} leaves {len(questions)} question(s) open. {asked} Or write the answer into "
            f"{path.name}.yaml beside the file, such as '{questions[0].key}: ...'.",
            path=str(path),
            questions=[question.key for question in questions],
        )
    return _bars(path, profile, answers)


def _bars(path: Path, profile: DatasetProfile, answers: DatasetAnswers) -> pd.DataFrame:
    frame = _rows(path, profile, answers)
    moments = np.ascontiguousarray(frame.pop("ts").to_numpy())
    timeframe = answers.timeframe or Timeframe(str(profile.timeframe))
    is_wall, zone = profile.is_wall, profile.zone_of(answers)
    is_clock = timeframe.is_intraday or 0 < profile.step < DAY
    if is_wall and is_clock and zone is not None:
        moments = to_utc(moments, zone)
    calendar = answers.calendar or profile.calendar
    is_finer = profile.is_finer(timeframe)
    if answers.stamps == "end":
        finer = moments - profile.step  # rows of no timeframe have no session's grid
        moments = finer if is_finer else open_moments(moments, timeframe, calendar)
    if is_finer and len(moments):
        if answers.duplicates != "keep":
            kept = ~pd.Index(moments).duplicated(keep=answers.duplicates)
            frame, moments = frame[kept], moments[kept]
        made = coarser_bars(frame, moments, profile.step, timeframe, calendar, wall=is_wall)
        return normalize_bars(made)
    labels = bar_labels(moments, timeframe, calendar, wall=is_wall)
    frame.index = index_of(labels)
    if answers.duplicates != "keep":
        frame = frame[~frame.index.duplicated(keep=answers.duplicates)]
    return normalize_bars(frame.sort_index(kind="stable"))


def _rows(path: Path, profile: DatasetProfile, answers: DatasetAnswers) -> pd.DataFrame:
    """Rows that can be bars in the order of the file: ts (int64 microseconds), prices, volume."""
    if profile.shape is None:
        raise DatasetFormatError(f"The profile of {path} has no form.", path=str(path))
    several = profile.symbol_in_column and len(profile.symbols) > 1
    moments, values = [np.empty(0, dtype=np.int64)], [np.empty((0, 5))]
    with (
        readable_copy(path, examine_bytes(path)) as readable,
        open_scan(readable, profile.shape) as scan,
    ):
        for batch in row_batches(
            scan,
            {},
            symbol=answers.symbol if several else None,
            naive_zone=answers.tz if profile.tz == "mixed" else None,
        ):
            moments.append(batch.moments[batch.readable])
            values.append(batch.values[batch.readable])
    frame = pd.DataFrame(np.concatenate(values), columns=list(BAR_COLUMNS))
    if answers.price_divisor != 1.0:
        frame[list(PRICE_COLUMNS)] /= answers.price_divisor
    frame["volume"] = frame["volume"].where(np.isfinite(frame["volume"]), 0.0)
    frame["ts"] = np.concatenate(moments)
    return frame


def _require_unchanged(path: Path, profile: DatasetProfile) -> None:
    size = path.stat().st_size if path.is_file() else None
    if size != profile.size:
        found = "is no longer there" if size is None else f"now has {size:,} bytes"
        raise DatasetFormatError(
            f"{path} {found}; it had {profile.size:,} when it was profiled. Profile it again.",
            path=str(path),
            size=size,
        )


def _require_symbol(symbol: str, profile: DatasetProfile) -> None:
    if len(profile.symbols) > 1 and symbol not in profile.symbols:
        raise DatasetFormatError(
            f"The file has no symbol {symbol!r}. {did_you_mean(symbol, profile.symbols)}",
            symbol=symbol,
            symbols=list(profile.symbols),
        )
