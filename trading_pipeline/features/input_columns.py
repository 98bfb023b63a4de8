"""Features that are a column of a declared external input, as known at each bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.feature_set import FeatureSpec
from trading_pipeline.settings.external_input import ExternalInputSpec

__all__ = ["input_column", "input_feature"]

_KEYS = ("input", "column", "name")


def input_column(
    bars: pd.DataFrame,  # noqa: ARG001 - every formula takes them
    *,
    context: FeatureContext | None,
    input: str,
    column: str,
) -> FloatArray:
    """The column of an input, one value a bar; NaN before the first row that was known."""
    frame = context.inputs[input] if context is not None else None
    if frame is None:
        raise ConfigurationError(
            f"The input {input!r} needs a context. Give context=FeatureContext(timeframe, "
            "calendar, inputs).",
            input=input,
        )
    if column not in frame.columns or not pd.api.types.is_numeric_dtype(frame[column]):
        numbers = [str(name) for name in frame.select_dtypes("number").columns]
        raise UnknownNameError(
            f"The input {input!r} has no column of numbers {column!r}. "
            f"{did_you_mean(column, numbers)}",
            name=column,
            kind="column",
        )
    values: FloatArray = frame[column].to_numpy(dtype="float64")
    return values


def input_feature(entry: Mapping[str, Any], inputs: Mapping[str, ExternalInputSpec]) -> FeatureSpec:
    """The feature of `{input: vix, column: close}` in the file of a set; `name` is optional.

    Raises `UnknownNameError` for an unknown key or input, `ConfigurationError` without a column.
    """
    for key in entry:
        if key not in _KEYS:
            raise UnknownNameError(
                f"Unknown key {key!r} beside 'input'. {did_you_mean(str(key), _KEYS)}",
                name=key,
                kind="key",
            )
    chosen, column = str(entry["input"]), entry.get("column")
    if chosen not in inputs:
        known = did_you_mean(chosen, inputs) if inputs else "The file declares no 'inputs'."
        raise UnknownNameError(f"There is no input {chosen!r}. {known}", name=chosen, kind="input")
    if not isinstance(column, str):
        raise ConfigurationError(
            f"A column of an input is {{input: {chosen}, column: ...}}, was {dict(entry)!r}.",
            input=chosen,
        )
    return FeatureSpec(
        name=str(entry.get("name", f"{chosen}_{column}".lower())),
        version=1,
        inputs=(),
        lookback=0,
        warmup=0,
        compute=input_column,
        parameters={"input": chosen, "column": column},
        meaning=f"{column} of the input {chosen} as known at the bar",
        needs_context=True,
    )
