"""Show a strategy's parameters to people: name, type, default, bounds and meaning of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from trading_pipeline.strategies.base import StrategyParams

__all__ = ["ParameterRow", "parameter_table"]

_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true/false"}
_BOUNDS = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "exclusiveMaximum": "below",
    "maximum": "at most",
}


@dataclass(frozen=True)
class ParameterRow:
    """One parameter; `default` is None where there is none, which `required` tells."""

    name: str
    type: str
    default: JsonValue
    required: bool
    bounds: str
    meaning: str


def parameter_table(params: type[StrategyParams]) -> list[ParameterRow]:
    """A row for each parameter, in the order of the class.

    >>> from trading_pipeline.strategies.catalogue import strategy
    >>> first = parameter_table(strategy("sma_crossover").params_type)[0]
    >>> first.name, first.type, first.default, first.bounds
    ('fast', 'whole number', 10, 'at least 1')
    """
    schema = params.model_json_schema()
    return [
        ParameterRow(
            name=name,
            type=_type_of(values),
            default=values.get("default"),
            required=name in schema.get("required", ()),
            bounds=_bounds_of(values),
            meaning=" ".join(values.get("description", "").split()),
        )
        for name, values in schema.get("properties", {}).items()
    ]


def _bounds_of(values: dict[str, Any]) -> str:
    """Bounds of a number; of `number or null` those of the number."""
    (given, *_) = [each for each in values.get("anyOf", [values]) if each.get("type") != "null"]
    return ", ".join(f"{word} {given[key]:g}" for key, word in _BOUNDS.items() if key in given)


def _type_of(values: dict[str, Any]) -> str:
    if "enum" in values or "const" in values:
        allowed = values.get("enum", [values.get("const")])
        return f"one of {', '.join(json.dumps(each) for each in allowed)}"
    if "anyOf" in values:
        return " or ".join(_type_of(each) for each in values["anyOf"])
    kind = str(values.get("type", "value"))
    return {**_TYPES, "null": "null"}.get(kind, kind)
