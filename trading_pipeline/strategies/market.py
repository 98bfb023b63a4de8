"""What a strategy may look at: one instrument's bars, and what was known at each of them.

Predictions of models and declared external inputs are joined on `known_at`, never on `ts`.

The engine trades prices as traded. A strategy sees forward-adjusted prices: a split or a dividend
causes no jump in them, and a later corporate action never changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.as_known import InputsAsKnown, newest_known
from trading_pipeline.domain.bars import PRICE_COLUMNS, normalize_bars, utc_index
from trading_pipeline.domain.hashing import canonical_hash, frame_hash
from trading_pipeline.domain.signals import Signals
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DataQualityError, StrategyError, did_you_mean

__all__ = ["AGE_COLUMN", "CheckedBars", "Market"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

AGE_COLUMN = "age_bars"
"""Column of aligned predictions: bars since the prediction became known, 0 at that bar itself."""


class CheckedBars(Protocol):
    """Bars that were checked before, such as `backtest.ValidatedBars`."""

    @property
    def close(self) -> FloatArray:
        """Closes as traded, read-only."""

    @property
    def frame(self) -> pd.DataFrame:
        """The bars as the contract's frame."""

    def __len__(self) -> int:
        """Number of bars."""


class Market:
    """One instrument as a strategy sees it.

    Bars are copied, so a strategy cannot change the caller's frames.

    Parameters
    ----------
    raw
        Bars as traded (`domain.bars`). Of checked ones the frame is made when it is asked for.
    factor
        Price factor of each bar: forward-adjusted = raw times factor. None means 1.0 throughout.
    known_at
        When each bar becomes known, aware UTC and never decreasing. Needed only to join
        predictions.
    predictions
        By model name, frames sorted by their column `known_at`.
    split_factor
        Factor of the splits alone; volume is divided by it.
    first_traded
        Row of the first bar that is traded. The bars before it only warm a strategy up.
    inputs
        Declared external inputs by name, frames with one row a bar (`domain.as_known`).
    timeframe, calendar
        Of the instrument. Needed only by rules that follow sessions (`strategies.sessions`).

    Raises
    ------
    DataQualityError
        If an array does not have one value a bar, a factor is not above 0, `known_at` decreases, or
        `first_traded` is below 0.

    >>> days = pd.date_range("2024-01-01", periods=2, tz="UTC", name="ts")
    >>> prices = {name: [10.0, 5.5] for name in ("open", "high", "low", "close", "volume")}
    >>> market = Market(pd.DataFrame(prices, index=days), factor=np.array([1.0, 2.0]))
    >>> market.bars["close"].tolist(), market.to_raw(market.bars["close"]).tolist()
    ([10.0, 11.0], [10.0, 5.5])
    """

    def __init__(
        self,
        raw: pd.DataFrame | CheckedBars,
        factor: npt.ArrayLike | None = None,
        known_at: pd.DatetimeIndex | None = None,
        predictions: Mapping[str, pd.DataFrame] | None = None,
        *,
        split_factor: npt.ArrayLike | None = None,
        first_traded: int = 0,
        inputs: Mapping[str, pd.DataFrame] | None = None,
        timeframe: Timeframe | str | None = None,
        calendar: str | None = None,
    ) -> None:
        self._given = normalize_bars(raw) if isinstance(raw, pd.DataFrame) else raw
        self.factor = self._checked_factor("factor", factor)
        self.split_factor = self._checked_factor("split_factor", split_factor)
        self.known_at = self._checked_clock(known_at)
        self.prediction_frames: Mapping[str, pd.DataFrame] = dict(predictions or {})
        self.first_traded = _checked_row(first_traded)
        self.timeframe = None if timeframe is None else Timeframe(timeframe)
        self.calendar = calendar
        self.primary: Signals | None = None
        """Signals of the strategy that another one names in `Strategy.primary`."""
        self.inputs = self._checked_inputs(inputs or {})
        """By name, for each bar the newest row of a declared input that was known by then.

        The column `known_at` says from when; NaN (NaT) before the first row. Same index as `bars`.
        """

    def __len__(self) -> int:
        """Number of bars."""
        return len(self._given)

    @cached_property
    def raw(self) -> pd.DataFrame:
        """Bars as traded."""
        given = self._given
        return given if isinstance(given, pd.DataFrame) else given.frame.copy()

    @cached_property
    def bars(self) -> pd.DataFrame:
        """Forward-adjusted bars: prices times factor, volume in shares of the first bar."""
        # one block: this is made again for each of the many markets of an audit
        block = self.raw.to_numpy(dtype=np.float64, copy=True)
        place = self.raw.columns.get_loc
        if self.factor is not None:
            for column in PRICE_COLUMNS:
                block[:, place(column)] *= self.factor
        if self.split_factor is not None:
            block[:, place("volume")] /= self.split_factor
        return pd.DataFrame(block, self.raw.index, self.raw.columns)

    @cached_property
    def close(self) -> FloatArray:
        """Forward-adjusted closes as an array."""
        if self.factor is None and not isinstance(self._given, pd.DataFrame):
            return self._given.close
        closes = self.raw["close"].to_numpy(dtype=np.float64, copy=True)
        return closes if self.factor is None else closes * self.factor

    @cached_property
    def predictions(self) -> Mapping[str, pd.DataFrame]:
        """By model name: for each bar the newest prediction known by then, and its `age_bars`.

        Row t is the last prediction whose `known_at` is at or before that of bar t; before the
        first prediction it is NaN, as is its age. The join uses `known_at`, never `ts`. Same index
        as `bars`. Of a model that forecasts several steps these are the forecasts of the last one.
        """
        return {name: self.predictions_at(name) for name in self.prediction_frames}

    def predictions_at(self, model: str, horizon: int | None = None) -> pd.DataFrame:
        """As `predictions`, of one model and the step `horizon`, in bars; None for the last step.

        Raises `StrategyError` for a model or a step that the market holds no predictions of.
        """
        if (model, horizon) not in self._at_horizons:
            frame = self._of_horizon(model, horizon)
            self._at_horizons[model, horizon] = self._aligned(model, frame)
        return self._at_horizons[model, horizon]

    @cached_property
    def _at_horizons(self) -> dict[tuple[str, int | None], pd.DataFrame]:
        return {}

    def to_raw(self, level: npt.ArrayLike) -> FloatArray:
        """Raw prices of adjusted levels (one level, or one a bar), using the factor of each bar."""
        levels = np.broadcast_to(np.asarray(level, dtype=np.float64), (len(self),))
        return levels.copy() if self.factor is None else levels / self.factor

    def head(self, rows: int) -> Market:
        """The market as of the close of bar `rows - 1`, without later bars and predictions."""
        market = self._without_computed()
        clock, frames = self.known_at, self.prediction_frames
        if clock is not None:
            market.known_at = clock[:rows]
            market.prediction_frames = {
                name: frame[frame["known_at"] <= clock[rows - 1]] if rows else frame.iloc[:0]
                for name, frame in frames.items()
            }
        market._given = self.raw.iloc[:rows].copy()
        market.factor = None if self.factor is None else self.factor[:rows]
        market.split_factor = None if self.split_factor is None else self.split_factor[:rows]
        market.inputs, market.primary = self.inputs.rows(market.raw.index), None
        return market

    def with_bars(self, raw: pd.DataFrame, inputs: InputsAsKnown) -> Market:
        """The same market with other bars under its stamps, and other inputs beside them.

        `raw` has the columns and types of `Market.raw`.
        """
        market = self._without_computed()
        market._given, market.inputs = raw, inputs
        return market

    def data_hash(self, rows: int) -> str:
        """Hash of all that a strategy can read at the close of bar `rows - 1`."""
        part = self.head(rows)
        plain = {name: value for name, value in vars(part).items() if isinstance(value, (int, str))}
        read = (part.prediction_frames, part.inputs)
        frames = [{name: frame_hash(one) for name, one in each.items()} for each in read]
        clock = None if part.known_at is None else part.known_at.asi8
        factors = (part.factor, part.split_factor)
        return canonical_hash([frame_hash(part.raw), *factors, clock, frames, plain])

    def traded_from(self, row: int) -> Market:
        """The same market, traded from the bar `row` on; all that was computed is shared."""
        if row == self.first_traded:
            return self
        market = copy(self)
        market.first_traded = _checked_row(row)
        return market

    def with_primary(self, signals: Signals) -> Market:
        """The same market with another strategy's signals; all that was computed is shared."""
        market = copy(self)
        market.primary = signals
        return market

    def _without_computed(self) -> Market:
        market = copy(self)
        for name in ("raw", "bars", "close", "predictions", "_at_horizons"):
            vars(market).pop(name, None)
        return market

    def _checked_inputs(self, given: Mapping[str, pd.DataFrame]) -> InputsAsKnown:
        for name, frame in given.items():
            if not frame.index.equals(self.raw.index):
                raise DataQualityError(
                    f"The input {name!r} has {len(frame)} rows, or other stamps than the "
                    f"{len(self)} bars; it must have one row for each bar.",
                    input=name,
                    rows=len(frame),
                )
        return InputsAsKnown(given)

    def _checked_factor(self, name: str, given: npt.ArrayLike | None) -> FloatArray | None:
        if given is None:
            return None
        values = np.array(given, dtype=np.float64)
        if values.shape != (len(self),):
            raise DataQualityError(
                f"The {name} has the shape {values.shape} for {len(self)} bars; give one a bar.",
                field=name,
                expected=len(self),
            )
        wrong = ~(np.isfinite(values) & (values > 0.0))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataQualityError(
                f"The {name} of bar {self.raw.index[row]} is {values[row]}; it must be above 0.",
                field=name,
                row=row,
            )
        values.setflags(write=False)
        return values

    def _checked_clock(self, given: pd.DatetimeIndex | None) -> pd.DatetimeIndex | None:
        if given is None:
            return None
        clock = utc_index(given).rename("known_at")
        if len(clock) != len(self) or clock.hasnans or not clock.is_monotonic_increasing:
            raise DataQualityError(
                f"known_at has {len(clock)} stamps for {len(self)} bars, lacks one or runs "
                "backward; give one for each bar, in time order.",
                rows=len(clock),
                expected=len(self),
            )
        return clock

    def _of_horizon(self, model: str, horizon: int | None) -> pd.DataFrame:
        """The predictions of one step, a row a moment."""
        if model not in self.prediction_frames:
            raise StrategyError(
                f"The market holds no predictions of the model '{model}'. "
                f"{did_you_mean(model, self.prediction_frames)}",
                model=model,
            )
        frame = self.prediction_frames[model]
        if frame.empty or ("horizon" not in frame.columns and horizon is None):
            return frame
        if "horizon" not in frame.columns:
            raise StrategyError(
                f"The predictions of '{model}' have no column horizon, so those {horizon} bars "
                f"ahead cannot be told. Found: {', '.join(map(str, frame.columns))}.",
                model=model,
            )
        steps = frame["horizon"].to_numpy()
        wanted = steps.max() if horizon is None else horizon
        found = steps == wanted
        if not found.any():
            raise StrategyError(
                f"The model '{model}' has no forecast {horizon} bars ahead; it has those of "
                f"{', '.join(map(str, np.unique(steps)))}. Give one of them as 'horizon'.",
                model=model,
                horizon=horizon,
            )
        return frame if found.all() else frame.loc[found]

    def _aligned(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        if self.known_at is None:
            raise StrategyError(
                f"The predictions of '{name}' can only be joined on known_at, and this market has "
                "none. Give known_at, one stamp a bar.",
                model=name,
            )
        if "known_at" not in frame.columns:
            raise DataQualityError(
                f"The predictions of '{name}' have no column known_at, so it is not clear "
                f"when they were known. Found: {', '.join(map(str, frame.columns))}.",
                model=name,
            )
        clock = utc_index(frame["known_at"])
        if clock.hasnans or not clock.is_unique or not clock.is_monotonic_increasing:
            raise DataQualityError(
                f"The predictions of '{name}' are not sorted by known_at, lack a stamp or give two "
                "rows for one moment. Sort them and keep one row a moment.",
                model=name,
            )
        moments = clock.asi8
        newest = newest_known(clock, self.known_at)
        rows = frame.drop(columns="known_at").reset_index(drop=True)
        # reindex puts NaN for -1, which is no label of the fresh index
        aligned = rows.reindex(newest).set_axis(self.raw.index, axis=0)
        return aligned.assign(**{AGE_COLUMN: self._ages(moments, newest)})

    def _ages(self, moments: IntArray, newest: IntArray) -> FloatArray:
        if self.known_at is None or not moments.size:
            return np.full(len(self), np.nan)
        first_bar = np.searchsorted(self.known_at.asi8, moments, side="left")
        age = (np.arange(len(self)) - first_bar[np.maximum(newest, 0)]).astype(np.float64)
        age[newest < 0] = np.nan
        return age


def _checked_row(row: int) -> int:
    if row < 0:
        raise DataQualityError(
            f"The first traded bar is row {row}; rows are counted from 0, the oldest bar.", row=row
        )
    return int(row)
