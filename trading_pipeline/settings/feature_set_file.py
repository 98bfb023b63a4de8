"""The file `features/<name>.yaml`: a feature set made of existing sets and indicators."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from trading_pipeline.settings.external_input import ExternalInputSpec
from trading_pipeline.settings.spec_model import Name, SpecModel

__all__ = ["FeatureSetFile"]


class FeatureSetFile(SpecModel):
    """A named, versioned list of columns.

    Each of `columns` is `{set: core}` (with `only` or `without`, lists of columns) or an indicator
    with its parameters, `{indicator: RSI, timeperiod: 21}`, or a column of one of the `inputs`,
    `{input: vix, column: close}`; they are checked where features are known.
    """

    name: Name
    version: int = Field(default=1, ge=1)
    columns: list[dict[str, Any]] = Field(min_length=1)
    inputs: tuple[ExternalInputSpec, ...] = ()

    @field_validator("inputs")
    @classmethod
    def _named_once(cls, value: tuple[ExternalInputSpec, ...]) -> tuple[ExternalInputSpec, ...]:
        names = [each.name for each in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"there are two inputs called {twice!r}; give one another name")
        return value
