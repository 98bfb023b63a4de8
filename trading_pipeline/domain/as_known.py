"""Series of another clock as they were known at each bar: joined on `known_at`, backward."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import UnknownNameError, did_you_mean

__all__ = ["InputsAsKnown", "newest_known", "rows_as_known"]

IntArray = npt.NDArray[np.int64]


def newest_known(moments: pd.DatetimeIndex, clock: pd.DatetimeIndex) -> IntArray:
    """Position of the newest of `moments` at or before each of `clock`; -1 before the first one.

    Both are aware; `moments` rise.

    >>> moments = pd.DatetimeIndex(["2024-01-02 22:30", "2024-01-03 22:30"], tz="UTC")
    >>> clock = pd.DatetimeIndex(["2024-01-02 21:00", "2024-01-03 22:30"], tz="UTC")
    >>> newest_known(moments, clock).tolist()
    [-1, 1]
    """
    known, now = (each.tz_convert("UTC").as_unit("us").asi8 for each in (moments, clock))
    found: IntArray = np.searchsorted(known, now, side="right") - 1
    return found


def rows_as_known(
    frame: pd.DataFrame, clock: pd.DatetimeIndex, index: pd.DatetimeIndex
) -> pd.DataFrame:
    """For each bar the newest row of `frame` that was known by then; NaN (NaT) before the first.

    Parameters
    ----------
    frame
        A column `known_at`, aware and rising, and columns of values.
    clock
        The moment at which each bar is known.
    index
        Stamps of the bars; index of the answer, which has the columns of `frame`.
    """
    newest = newest_known(pd.DatetimeIndex(frame["known_at"]), clock)
    # reindex puts NaN for -1, which is no label of the fresh index
    return frame.reset_index(drop=True).reindex(newest).set_axis(index, axis=0)


class InputsAsKnown(dict[str, pd.DataFrame]):
    """Declared inputs by name, one row a bar; `UnknownNameError` for one that is not declared."""

    def __missing__(self, name: str) -> pd.DataFrame:
        """Refuse an unknown name."""
        declared = did_you_mean(name, self) if self else "None is declared."
        raise UnknownNameError(
            f"There is no input {name!r}. {declared} Declare it under 'inputs', such as inputs = "
            f"[{{'name': {name!r}, 'file': 'inputs/{name}.csv', 'known_at': 'known_at'}}].",
            name=name,
            kind="input",
        )

    def rows(self, index: pd.Index) -> InputsAsKnown:
        """The inputs at these bars, which must be among those that they are aligned to."""
        return InputsAsKnown({name: frame.reindex(index) for name, frame in self.items()})

    @property
    def unknown_rows(self) -> int:
        """Bars at the beginning at which one of the inputs had no row yet."""
        missing = [int(frame["known_at"].isna().sum()) for frame in self.values()]
        return max(missing, default=0)

    def other_after(self, changed: npt.NDArray[np.bool_], seed: int) -> InputsAsKnown:
        """The inputs with the rows where `changed` is True replaced by others of the same input.

        For audits, which change bars and must change what is known beside them as well.
        """
        generator = np.random.default_rng(seed)
        found: Mapping[str, pd.DataFrame] = {
            name: _with_others(frame, changed, generator) for name, frame in self.items()
        }
        return InputsAsKnown(found)


def _with_others(
    frame: pd.DataFrame, changed: npt.NDArray[np.bool_], generator: np.random.Generator
) -> pd.DataFrame:
    known = frame["known_at"].notna().to_numpy()
    rows, sources = np.flatnonzero(changed & known), np.flatnonzero(known)
    if not rows.size:
        return frame
    order = np.arange(len(frame))
    order[rows] = generator.choice(sources, rows.size)
    return frame.iloc[order].set_axis(frame.index, axis=0)
