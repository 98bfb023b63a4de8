"""The file `features/<name>.yaml`: a feature set made of existing sets and indicators."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from trading_pipeline.settings.spec_model import Name, SpecModel

__all__ = ["FeatureSetFile"]


class FeatureSetFile(SpecModel):
    """A named, versioned list of columns.

    Each of `columns` is `{set: core}` (with `only` or `without`, lists of columns) or an indicator
    with its parameters, `{indicator: RSI, timeperiod: 21}`; they are checked where features are
    known.
    """

    name: Name
    version: int = Field(default=1, ge=1)
    columns: list[dict[str, Any]] = Field(min_length=1)
