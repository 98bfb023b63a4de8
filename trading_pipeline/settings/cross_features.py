"""The settings of `cross_features`; the file `cross_features.yaml`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from trading_pipeline.settings.spec_model import SpecModel

__all__ = ["CrossFeaturesSpec"]


class CrossFeaturesSpec(SpecModel):
    """Which other instruments a series is compared with, over how many of its own bars.

    `peers`: "all" other instruments of the same timeframe, or a list of ids; together they are the
    market of the columns that name no instrument. `references`: ids that get columns of their own.
    `windows`: lengths in bars. `longest_age_days`: a peer whose newest known bar is older does not
    count (it is delisted, halted, or was not fetched).
    """

    peers: Literal["all"] | tuple[str, ...] = "all"
    references: tuple[str, ...] = ()
    windows: tuple[int, ...] = (20, 60)
    longest_age_days: float = Field(default=7.0, gt=0)

    @field_validator("windows")
    @classmethod
    def _long_enough(cls, windows: tuple[int, ...]) -> tuple[int, ...]:
        if not windows or min(windows) < 3 or max(windows) > 5000:
            raise ValueError("give one or more windows of 3 to 5000 bars")
        if len(set(windows)) != len(windows):
            raise ValueError("a window is given twice")
        return windows

    @field_validator("references")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) != len(names):
            raise ValueError("an instrument is given twice")
        return names

    @property
    def lookback_bars(self) -> int:
        """Own bars before the first row that has every value."""
        return max(self.windows)
