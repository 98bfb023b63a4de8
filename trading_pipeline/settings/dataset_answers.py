"""What a user says about a file of bars that the file itself does not.

Answers come from flags and from a side-car file, `prices.csv.yaml` beside `prices.csv`; a flag
wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from trading_pipeline.domain.currencies import (
    MINOR_UNITS,
    MINOR_UNITS_A_CURRENCY,
    major_currency,
    require_currency,
)
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.settings.spec_model import SpecModel, ZoneName
from trading_pipeline.settings.yaml_files import read_yaml

__all__ = [
    "COLUMN_ROLES",
    "EPOCH_FORMATS",
    "AssetClass",
    "DatasetAnswers",
    "load_answers",
    "sidecar_path",
]

AssetClass = Literal["equity", "etf", "index", "fx", "crypto", "future", "fund", "bond"]
"""What a file's instrument can be."""

COLUMN_ROLES = ("timestamp", "date", "time", "open", "high", "low", "close", "volume", "symbol")
EPOCH_FORMATS = ("epoch_s", "epoch_ms", "epoch_us", "epoch_ns")


class DatasetAnswers(SpecModel):
    """Decisions about one file; what is left out is found out or asked.

    `tz`: IANA zone of stamps without an offset. `stamps`: whether intraday bars are stamped where
    they open or where they end. `date_order`: of 03/04/2024. `timestamp_format`:
    directives of strptime, or epoch_s, epoch_ms, epoch_us, epoch_ns. `symbol`: which one of
    several, or the name of the only one. `columns`: role -> column's name or position from 0.
    `volume: none` ignores the volumes. `duplicates`: `keep` leaves rows of one stamp for the checks
    to refuse, `first` and `last` keep one of them. `delimiter`: one character that splits the
    cells. `currency`: ISO 4217 code, a minor unit such as GBp (the instrument trades in
    pence), or the short name of a coin. `unit`: minor unit of the file's prices, which are divided
    by 100 into their currency. `asset_class`: of the instrument.
    `max_missing`: share of the calendar's bars that may be missing, 0 to 1.
    """

    tz: ZoneName | None = None
    stamps: Literal["open", "end"] | None = None
    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    timestamp_format: str | None = None
    symbol: str | None = None
    timeframe: Timeframe | None = None
    calendar: str | None = None
    columns: dict[str, str | int] = Field(default_factory=dict)
    decimal: Literal[".", ","] | None = None
    delimiter: str | None = None
    volume: Literal["none"] | None = None
    duplicates: Literal["keep", "first", "last"] = "keep"
    currency: str | None = None
    unit: str | None = None
    asset_class: AssetClass | None = None
    max_missing: float | None = Field(default=None, ge=0.0, lt=1.0)

    @field_validator("delimiter")
    @classmethod
    def _can_split(cls, value: str | None) -> str | None:
        if value is None or value == "\t":
            return value
        if len(value) != 1 or value.isalnum() or not value.isprintable() or value in " \"'":
            raise ValueError(
                f"{value!r} cannot split cells. Give one character that is not a letter, digit, "
                "space or quotation mark, or 'tab'"
            )
        return value

    @model_validator(mode="after")
    def _unit_of_currency(self) -> DatasetAnswers:
        if self.unit is None:
            return self
        if self.unit not in MINOR_UNITS:
            raise ValueError(
                f"'unit' is {self.unit!r}; it must be a minor unit of which 100 make a currency: "
                f"{', '.join(MINOR_UNITS)}. Name a whole currency with 'currency'"
            )
        major = major_currency(self.unit)
        if self.currency is not None and major_currency(self.currency) != major:
            raise ValueError(
                f"prices in {self.unit} are divided into {major}, but 'currency' is "
                f"{self.currency}. Give currency {major}, or leave it out"
            )
        return self

    @property
    def price_divisor(self) -> float:
        """What the prices of the file are divided by: 100 for a unit that is not kept, else 1."""
        kept = self.unit is None or (self.currency or "") in MINOR_UNITS
        return 1.0 if kept else MINOR_UNITS_A_CURRENCY

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str | None) -> str | None:
        try:
            return None if value is None else require_currency(value)
        except UnknownNameError as error:
            raise ValueError(str(error).rstrip(".")) from error

    @field_validator("timestamp_format")
    @classmethod
    def _known_directives(cls, value: str | None) -> str | None:
        if value is None or value in EPOCH_FORMATS:
            return value
        moment = datetime(2001, 2, 3, 16, 5, 6, 7, tzinfo=UTC)
        try:
            back = datetime.strptime(moment.strftime(value), value)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{value!r} cannot be read back: {error}") from error
        if (back.year, back.month, back.day) != (2001, 2, 3):
            raise ValueError(
                f"{value!r} lacks the day, the month or the year. Write it like '%d/%m/%Y %H:%M', "
                f"or one of {', '.join(EPOCH_FORMATS)}"
            )
        return value

    @field_validator("columns")
    @classmethod
    def _known_roles(cls, value: dict[str, str | int]) -> dict[str, str | int]:
        role = next((each for each in value if each not in COLUMN_ROLES), None)
        if role is not None:
            raise ValueError(
                f"there is no column role {role!r}. {did_you_mean(role, COLUMN_ROLES)}"
            )
        return value


def sidecar_path(path: Path) -> Path:
    """Where the answers of a file are expected: its name followed by `.yaml`."""
    return path.with_name(path.name + ".yaml")


def load_answers(path: Path, flags: Mapping[str, JsonValue] | None = None) -> DatasetAnswers:
    """Answers of the side-car file of `path`, where there is one, under those of `flags`.

    A flag that is None or empty counts as not given; `columns` are joined key by key. Raises
    `ConfigurationError` that names the wrong key and where it is.
    """
    sidecar = sidecar_path(path)
    given = dict[str, JsonValue]()
    if sidecar.is_file():
        data = read_yaml(sidecar)
        DatasetAnswers.parse(data, where=str(sidecar))  # the error names that file
        given = dict(data)
    wanted = {key: value for key, value in (flags or {}).items() if value not in (None, {}, "")}
    columns = [
        each for answers in (given, wanted) if isinstance(each := answers.get("columns"), dict)
    ]
    joined = {role: column for each in columns for role, column in each.items()}
    merged = {**given, **wanted} | ({"columns": joined} if joined else {})
    try:
        return DatasetAnswers.parse(merged, where="Answers about the file")
    except ConfigurationError as error:
        raise ConfigurationError(str(error), **{**error.values, "file": str(path)}) from error
