"""Reads declared external inputs: a CSV or Parquet file whose rows say when they were known.

A row counts from its `known_at` on, whatever its date is called, so a figure that is published
late is used late. Nothing is sorted, filled or dropped in silence: what is unclear is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa

from trading_pipeline.domain.as_known import newest_known
from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.hashing import canonical_hash, frame_hash
from trading_pipeline.errors import ConfigurationError, DataQualityError, did_you_mean
from trading_pipeline.settings.external_input import ExternalInputSpec

__all__ = ["ExternalInput", "read_external_input"]

_OFFSET = re.compile(r":\d\d(?:[.,]\d+)?\s*(?:Z|[+-]\d\d(?::?\d\d)?)$", re.IGNORECASE)
_MOSTLY = 0.5
_SHOWN_DIGITS = 12


@dataclass(frozen=True)
class ExternalInput:
    """An input as it is in its file.

    `frame`: `known_at` (UTC, strictly rising) and the other columns, numbers as float64.
    """

    spec: ExternalInputSpec
    frame: pd.DataFrame

    def hash_until(self, moment: pd.Timestamp | None) -> str:
        """Hash of the declaration and of all rows known by then; later rows change nothing."""
        rows = 0
        if moment is not None:
            known_at = pd.DatetimeIndex(self.frame["known_at"])
            rows = int(newest_known(known_at, pd.DatetimeIndex([moment]))[0]) + 1
        if rows not in self._hashes:
            self._hashes[rows] = frame_hash(self.frame.iloc[:rows])
        return canonical_hash([self.spec.hash, self._hashes[rows]])

    @cached_property
    def _hashes(self) -> dict[int, str]:
        return {}

    @property
    def shown(self) -> str:
        """Name, file, rows and the first digits of the hash of all of them."""
        content = frame_hash(self.frame)[:_SHOWN_DIGITS]
        return f"{self.spec.name}: {self.spec.file}, {len(self.frame)} rows, {content}"


def read_external_input(spec: ExternalInputSpec, folder: Path) -> ExternalInput:
    """The rows of an input's file.

    Parameters
    ----------
    folder
        The folder of the user's files, from which the file is named.

    Raises
    ------
    ConfigurationError
        For a file that is not there, lies outside of the folder or cannot be read, and a column
        that it does not have.
    DataQualityError
        For a stamp that is missing, cannot be read, has no zone, or does not exist or occurs twice
        in its zone; for rows that do not rise in time or are known at one moment; for values that
        are missing or no numbers among numbers.
    """
    path = _safe_path(spec, folder)
    table = _table(spec, path)
    if spec.stamp_column not in table.columns:
        columns = [str(column) for column in table.columns]
        raise ConfigurationError(
            f"{_told(spec, path)} has no column {spec.stamp_column!r}, which 'inputs' names as "
            f"{'date' if spec.date else 'known_at'!r}. {did_you_mean(spec.stamp_column, columns)} "
            f"Found: {', '.join(columns)}.",
            input=spec.name,
            column=spec.stamp_column,
        )
    if table.empty:
        raise DataQualityError(
            f"{_told(spec, path)} has no rows. Fill the file, or take the input out of 'inputs'.",
            input=spec.name,
        )
    reading = _Reading(spec, path)
    known_at = reading.known_at(table[spec.stamp_column])
    values = {
        str(name): reading.values(str(name), table[name])
        for name in table.columns
        if name != spec.stamp_column
    }
    frame = pd.DataFrame({"known_at": known_at, **values})
    return ExternalInput(spec, frame.astype({"known_at": TS_DTYPE}))


def _safe_path(spec: ExternalInputSpec, folder: Path) -> Path:
    path = folder / spec.file
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigurationError(
            f"The input {spec.name!r} is the file {spec.file!r}, which leads out of {folder}. Copy "
            "the file there.",
            input=spec.name,
            path=str(path),
        )
    if not path.is_file():
        there = sorted(each.name for each in path.parent.glob("*") if each.suffix == path.suffix)
        close = did_you_mean(path.name, there) if there else ""
        raise ConfigurationError(
            f"The input {spec.name!r} is the file {path}, which is not there. {close} Put it "
            "there, or name another file below the folder of your configuration.".replace(
                "  ", " "
            ),
            input=spec.name,
            path=str(path),
        )
    return path


def _table(spec: ExternalInputSpec, path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path).reset_index(drop=True)
        texts = {spec.stamp_column: str}
        return pd.read_csv(path, encoding="utf-8-sig", dtype=texts, skipinitialspace=True)
    except (OSError, ValueError, pa.ArrowException) as error:  # pandas' parsers raise ValueErrors
        raise ConfigurationError(
            f"{_told(spec, path)} cannot be read: {type(error).__name__}: {error}. A CSV file "
            "needs a line of column names, commas between the columns, and UTF-8.",
            input=spec.name,
            path=str(path),
        ) from error


def _told(spec: ExternalInputSpec, path: Path) -> str:
    return f"The input {spec.name!r} ({path})"


class _Reading:
    """Reads the columns of one file; errors name the row."""

    def __init__(self, spec: ExternalInputSpec, path: Path) -> None:
        self.spec, self.path = spec, path

    def known_at(self, stamps: pd.Series) -> pd.DatetimeIndex:
        """The moment at which each row was known, UTC, strictly rising."""
        missing = stamps.isna().to_numpy()
        if missing.any():
            self._refuse(
                int(np.argmax(missing)),
                f"has no {stamps.name!r}",
                "Give each row the stamp at which it was known, or leave the row out",
            )
        found = self._of_dates(stamps) if self.spec.date is not None else self._of_stamps(stamps)
        found = found.tz_convert("UTC").as_unit("us")
        steps = np.diff(found.asi8)
        if (steps == 0).any():
            row = int(np.argmax(steps == 0)) + 1
            self._refuse(
                row,
                f"is known at {found[row]}, as is the row before it",
                "Keep one row for each moment",
            )
        if (steps < 0).any():
            row = int(np.argmax(steps < 0)) + 1
            self._refuse(
                row,
                f"is known at {found[row]}, before the row above it ({found[row - 1]})",
                f"Sort the file by {stamps.name!r}",
            )
        return found

    def values(self, name: str, column: pd.Series) -> pd.Series:
        """The column; numbers as float64."""
        missing = column.isna().to_numpy()
        if missing.any():
            self._refuse(
                int(np.argmax(missing)),
                f"has no value in the column {name!r}",
                "Leave the row out (the one before it then stays in use), or fill it in",
            )
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            numbers = column.astype("float64")
            if not np.isfinite(numbers).all():
                row = int(np.argmin(np.isfinite(numbers.to_numpy())))
                self._refuse(
                    row, f"has {numbers.iloc[row]} in {name!r}", "Leave the row out, or fill it in"
                )
            return numbers
        parsed = pd.to_numeric(column, errors="coerce").isna().to_numpy()
        if parsed.any() and parsed.mean() < _MOSTLY:
            row = int(np.argmax(parsed))
            self._refuse(
                row,
                f"has {column.iloc[row]!r} in the column {name!r}, which holds numbers elsewhere",
                "Leave the row out (the one before it then stays in use), or fill it in",
            )
        return column

    def _of_stamps(self, stamps: pd.Series) -> pd.DatetimeIndex:
        if isinstance(stamps.dtype, pd.DatetimeTZDtype):
            return pd.DatetimeIndex(stamps)
        if pd.api.types.is_datetime64_dtype(stamps):
            return self._in_zone(pd.DatetimeIndex(stamps), stamps)
        texts = self._texts(stamps)
        aware = texts.str.contains(_OFFSET).to_numpy()
        if aware.all():
            return pd.DatetimeIndex(self._parsed(texts, stamps, utc=True))
        if aware.any():
            row = int(np.argmin(aware))
            self._refuse(
                row,
                f"has {stamps.iloc[row]!r} in {stamps.name!r} without an offset, and other rows "
                "have one",
                "Write all of them with an offset, such as 2024-01-02T22:30:00+00:00",
            )
        return self._in_zone(pd.DatetimeIndex(self._parsed(texts, stamps, utc=False)), stamps)

    def _of_dates(self, stamps: pd.Series) -> pd.DatetimeIndex:
        if pd.api.types.is_datetime64_dtype(stamps):
            days = pd.DatetimeIndex(stamps)
        else:
            days = pd.DatetimeIndex(self._parsed(self._texts(stamps), stamps, utc=False))
        timed = days.tz is not None or (days != days.normalize()).any()
        if timed:
            row = 0 if days.tz is not None else int(np.argmax(days != days.normalize()))
            self._refuse(
                row,
                f"has {stamps.iloc[row]!r} in {stamps.name!r}, which is more than a date",
                "Give plain dates such as 2024-01-02, or name the column under 'known_at' in place "
                "of 'date'",
            )
        return self._in_zone(days + pd.Timedelta(_seconds(self.spec.known or ""), "s"), stamps)

    def _texts(self, stamps: pd.Series) -> pd.Series:
        if pd.api.types.is_numeric_dtype(stamps):
            self._refuse(
                0,
                f"has the number {stamps.iloc[0]} in {stamps.name!r}, which is no stamp",
                "Write stamps such as 2024-01-02T22:30:00+00:00",
            )
        return stamps.astype(str).str.strip()

    def _parsed(self, texts: pd.Series, stamps: pd.Series, *, utc: bool) -> pd.Series:
        try:
            found = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=utc)
        except ValueError:  # offsets in what should be dates
            found = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
        wrong = found.isna().to_numpy()
        if wrong.any():
            row = int(np.argmax(wrong))
            self._refuse(
                row,
                f"has {stamps.iloc[row]!r} in {stamps.name!r}, which is no date or stamp",
                "Write it as ISO 8601 does: 2024-01-02, or 2024-01-02T22:30:00+00:00",
            )
        return found

    def _in_zone(self, naive: pd.DatetimeIndex, stamps: pd.Series) -> pd.DatetimeIndex:
        zone = self.spec.zone
        if zone is None:
            self._refuse(
                0,
                f"has {stamps.iloc[0]!r} in {stamps.name!r}, a stamp without a zone",
                "Add an offset to the stamps (2024-01-02T22:30:00+00:00), or 'zone: "
                "America/New_York' to the input",
            )
        nowhere = np.zeros(len(naive), dtype=bool)
        twice = naive.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward")
        found = naive.tz_localize(zone, ambiguous=nowhere, nonexistent="NaT")
        for given, why in (
            (twice, "occurs twice there, as clocks are put back"),
            (found, "does not exist there, as clocks are put forward"),
        ):
            wrong = given.isna()
            if wrong.any():
                row = int(np.argmax(wrong))
                self._refuse(
                    row,
                    f"is known at {naive[row]} in {zone}, a time that {why}",
                    "Choose another time of day under 'known'"
                    if self.spec.date is not None
                    else "Write the stamp with its offset from UTC",
                )
        return found

    def _refuse(self, row: int, what: str, way_out: str) -> NoReturn:
        where = f"line {row + 2}" if self.path.suffix.lower() == ".csv" else f"row {row + 1}"
        raise DataQualityError(
            f"{_told(self.spec, self.path)}, {where}: the row {what}. {way_out}.",
            input=self.spec.name,
            path=str(self.path),
            row=row,
        )


def _seconds(time_of_day: str) -> int:
    hours, minutes, *seconds = map(int, time_of_day.split(":"))
    return hours * 3600 + minutes * 60 + sum(seconds)
