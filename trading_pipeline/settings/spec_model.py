"""The base of everything read from YAML: strict, frozen, with plain errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Annotated, Any, Self
from zoneinfo import available_timezones

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import ConfigurationError, did_you_mean
from trading_pipeline.settings.file_limits import cut, shown

__all__ = [
    "LARGEST_WHOLE",
    "FrozenSettings",
    "Name",
    "SpecModel",
    "ZoneName",
    "explain_validation_error",
    "known_zone",
    "no_truth_value",
]

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", min_length=1, max_length=64)]
"""Names of scenarios, studies, models, strategies and feature sets."""


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def known_zone(name: str) -> str:
    """The name of a time zone; `ValueError` for one that the IANA database does not have."""
    if name not in _zones():
        raise ValueError(
            f"{name!r} is not a time zone. {did_you_mean(name, sorted(_zones()))} Name it as "
            "the IANA database does, for example America/New_York"
        )
    return name


ZoneName = Annotated[str, AfterValidator(known_zone)]
"""IANA name of a time zone."""

LARGEST_WHOLE = 2**63 - 1
"""The largest whole number of a setting: what 64 bits with a sign hold."""


class _PlainNumbers(BaseModel):
    """Numbers are numbers: no truth values, and whole ones of at most 64 bits."""

    @model_validator(mode="before")
    @classmethod
    def _only_plain_numbers(cls, data: Any) -> Any:
        wrong: list[InitErrorDetails] = []
        given = data if isinstance(data, Mapping) else {}
        strict = cls.model_config.get("strict", False)  # refuses truth values by itself
        for name in sorted(_number_keys(cls).intersection(given)):
            try:
                _check_numbers(data[name], truth_values=strict)
            except ValueError as error:
                said = PydanticCustomError("number", "{said}", {"said": str(error)})
                wrong.append(InitErrorDetails(type=said, loc=(name,), input=data[name]))
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return data


class SpecModel(_PlainNumbers):
    """A frozen specification in which an unknown key is an error.

    True and False are refused for numbers, and so are whole numbers beyond `LARGEST_WHOLE`.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    @classmethod
    def parse(cls, data: object, *, where: str) -> Self:
        """Build from plain values; `where` names the file for the error.

        Raises `ConfigurationError` that names each wrong key, its value and what was expected.
        """
        if not isinstance(data, Mapping):
            raise ConfigurationError(
                f"{where} must hold keys and values, but holds {type(data).__name__} "
                f"{shown(data)}.",
                where=where,
            )
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise ConfigurationError(
                f"{where}: {explain_validation_error(error, cls)}", where=where
            ) from error

    @property
    def hash(self) -> str:
        """Hash of all values, defaults included."""
        return canonical_hash(self.model_dump(mode="json"))


class FrozenSettings(_PlainNumbers):
    """Frozen values made in Python; a wrong one is a plain `ConfigurationError`.

    Numbers are those that `SpecModel` takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:
        """Check the values; `ConfigurationError` names each wrong one and the closest known
        name."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            sentences = explain_validation_error(error, type(self))
            raise ConfigurationError(
                f"{type(self).__name__}: {sentences}", settings=type(self).__name__
            ) from error

    @property
    def hash(self) -> str:
        """Hash of all values; part of what makes a result's id."""
        return canonical_hash(self.model_dump(mode="python"))


def no_truth_value(value: object) -> object:
    """Refuse True and False where a number is meant; Python would count with them as 1 and 0."""
    if isinstance(value, (bool, np.bool_)):
        raise ValueError("a number is needed here, not true or false")
    return value


def _check_numbers(value: object, *, truth_values: bool) -> None:
    """`ValueError` for a number, alone or among several, that is none or beyond 64 bits."""
    if isinstance(value, Mapping):
        given: Sequence[object] = list(value.values())
    elif isinstance(value, (list, tuple)):
        given = value
    else:
        given = [value]
    for each in given:
        if not truth_values:
            no_truth_value(each)
        if isinstance(each, int) and abs(each) > LARGEST_WHOLE:
            raise ValueError(f"a whole number is at most {LARGEST_WHOLE} (64 bits) here")


@cache
def _number_keys(model: type[BaseModel]) -> frozenset[str]:
    """Keys that take numbers and no truth values, alone or in a list or mapping."""
    fields = model.model_fields.items()
    kinds = {field.alias or name: _kinds(field.annotation) for name, field in fields}
    return frozenset(n for n, kind in kinds.items() if kind & {int, float} and bool not in kind)


def _kinds(annotation: object) -> set[object]:
    """The types inside an annotation."""
    inner = getattr(annotation, "__args__", ())
    return set().union(*map(_kinds, inner)) if inner else {annotation}


_BRANCH = re.compile(r"function-|constrained-|literal\[|(int|float|str|bool|date)$")
"""Parts of pydantic's location that name a branch of a type, not a key."""
_SHAPES = {
    **dict.fromkeys(("tuple_type", "list_type"), "a list is needed, such as [1, 2]"),
    **dict.fromkeys(("dict_type", "model_type"), "keys with their values are needed here"),
}
"""What pydantic says in words of Python."""
_MOST_SENTENCES = 10


def explain_validation_error(error: ValidationError, model: type[BaseModel]) -> str:
    """One sentence for each of the first wrong keys, and how many there are beyond them.

    Unknown keys come with the closest known one; values and keys are cut where they are long.
    """
    sentences = list(dict.fromkeys(_explain(detail, model) for detail in error.errors()))
    rest = len(sentences) - _MOST_SENTENCES
    told = " ".join(sentences[:_MOST_SENTENCES])
    return f"{told} And {rest} more of the kind." if rest > 0 else told


def _explain(detail: ErrorDetails, model: type[BaseModel]) -> str:
    location = [part for part in detail["loc"] if not _BRANCH.match(str(part))]
    path = cut(".".join(str(part) for part in location))
    kind, given = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        known = _field_names(model, location[:-1])
        return f"Unknown key '{path}'. {did_you_mean(str(location[-1]), known)}"
    if kind == "missing":
        return f"The key '{path}' is missing."
    said = _SHAPES.get(kind, str(detail["msg"]).removeprefix("Value error, "))
    reason = " ".join(said.split()).rstrip(".")
    was = "" if isinstance(given, (dict, list)) else f", was {shown(given)}"
    if kind == "string_type" and isinstance(given, (bool, int, float, date)):
        was += " (YAML reads it so; put the word in quotes)"
    return f"'{path}': {reason}{was}." if path else f"{reason}{was}."


def _field_names(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Known keys of the (nested) model that a location points to."""
    current: type[BaseModel] | None = model
    for part in location:
        field = current.model_fields.get(str(part)) if current else None
        if field is not None:  # else a position in a list, or a key of a mapping to models
            current = _inner_model(field.annotation)
    fields = current.model_fields if current else {}
    return [field.alias or name for name, field in fields.items()]


def _inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_inner_model(argument) for argument in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found is not None), None)
