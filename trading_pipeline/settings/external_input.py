"""A declared external input: a file of a user's, and when each of its rows was known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Self

from pydantic import Field, field_validator, model_validator

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.spec_model import Name, SpecModel, ZoneName

__all__ = ["ExternalInputSpec", "declared_in", "external_inputs"]

_SUFFIXES = (".csv", ".parquet")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_EXAMPLES = (
    "{name: vix, file: inputs/vix.csv, known_at: known_at} or {name: vix, file: inputs/vix.csv, "
    "date: date, known: '17:30', zone: America/New_York}"
)


class ExternalInputSpec(SpecModel):
    """One entry of `inputs:`; rows are known at a stamp of their own, or at a time of their date.

    `known_at`: column of stamps; those without an offset are read in `zone`. `date`: column of
    dates, each known at the time of day `known` in `zone`.
    """

    name: Name
    file: str = Field(min_length=1)
    known_at: str | None = Field(default=None, min_length=1)
    date: str | None = Field(default=None, min_length=1)
    known: str | None = None
    zone: ZoneName | None = None

    @field_validator("file")
    @classmethod
    def _inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value:
            raise ValueError(
                "name a file below runtime/config by its path from there, such as inputs/vix.csv"
            )
        if path.suffix.lower() not in _SUFFIXES:
            raise ValueError("the file must be a .csv or a .parquet file")
        return value

    @field_validator("known", mode="before")
    @classmethod
    def _time_of_day(cls, value: object) -> object:
        if value is None:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            raise ValueError(
                "YAML reads a time without quotes as a number of minutes; write known: '17:30'"
            )
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValueError("a time of day such as '17:30' is needed")
        return value

    @model_validator(mode="after")
    def _says_when_known(self) -> Self:
        if (self.known_at is None) == (self.date is None):
            raise ValueError(
                "an input says when its rows were known, by 'known_at' or by 'date' with 'known' "
                f"and 'zone': {_EXAMPLES}"
            )
        if self.date is not None and (self.known is None or self.zone is None):
            raise ValueError(
                "'date' needs 'known', the time of day at which the row of a date is known, and "
                f"'zone', the zone of that time: {_EXAMPLES}"
            )
        if self.known_at is not None and self.known is not None:
            raise ValueError("'known' belongs to 'date'; with 'known_at' leave it out")
        return self

    @property
    def stamp_column(self) -> str:
        """The column that says when a row was known."""
        return str(self.date if self.known_at is None else self.known_at)


def declared_in(names: Mapping[str, object], *, where: str) -> tuple[ExternalInputSpec, ...]:
    """The entries of a variable `inputs` among the names of a module; none where it is another.

    A list of texts is one of columns of the bars.
    """
    given = names.get("inputs")
    if not isinstance(given, (list, tuple, Mapping)):
        return ()
    if all(isinstance(each, str) for each in given) and not isinstance(given, Mapping):
        return ()
    return external_inputs(given, where=where)


def external_inputs(given: object, *, where: str) -> tuple[ExternalInputSpec, ...]:
    """The entries of `inputs:`; `where` names the file for the error.

    Raises `ConfigurationError` for anything but a list of entries with different names.
    """
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        raise ConfigurationError(
            f"{where}: 'inputs' must be a list of entries such as {_EXAMPLES}, was {given!r}.",
            where=where,
        )
    found: dict[str, ExternalInputSpec] = {}
    for number, each in enumerate(given, start=1):
        spec = (
            each
            if isinstance(each, ExternalInputSpec)
            else ExternalInputSpec.parse(each, where=f"{where}: entry {number} of 'inputs'")
        )
        if spec.name in found:
            raise ConfigurationError(
                f"{where}: 'inputs' has two entries called {spec.name!r}. Give one another name.",
                where=where,
                name=spec.name,
            )
        found[spec.name] = spec
    return tuple(found.values())
