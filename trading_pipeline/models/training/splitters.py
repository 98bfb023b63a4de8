"""Cross-validation of labels that overlap: walk-forward, purged k-fold, combinatorial purged.

All three cut the rows, in order of time, into blocks and test on some of them. A row is trained on
only if its label's life [t0, t1] meets no tested block's, which is one rule for all: `clear_of`.
The splitters follow the protocol of scikit-learn (`cross_val_score(..., cv=splitter)`). After Lopez
de Prado, Advances in Financial Machine Learning (2018), sections 7.4 and 12.4.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    InsufficientDataError,
    did_you_mean,
)
from trading_pipeline.models.training.walk_forward_folds import clear_of, require_spans

__all__ = ["LabelSplitter", "Method", "Split", "label_splitter"]

IntArray = npt.NDArray[np.int64]
Method = Literal["walk_forward", "purged_k_fold", "combinatorial"]
_MOST_SPLITS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split: positions of the rows, increasing, and how many training rows were left out.

    `purged`: their label meets a tested block; `embargoed`: they begin just after one (or, walking
    forward, are the last before it).
    """

    train: IntArray
    test: IntArray
    purged: int
    embargoed: int


class LabelSplitter:
    """Splits of one frame of labels; made by `label_splitter`."""

    def __init__(
        self,
        labels: pd.DataFrame,
        method: Method,
        *,
        splits: int,
        test_blocks: int,
        embargo_bars: int,
        train_rows: int | None,
        test_rows: int | None,
    ) -> None:
        self.method, self.embargo_bars, self.train_rows = method, embargo_bars, train_rows
        self._labels, self._splits, self._test_blocks = labels, splits, test_blocks
        rows = len(labels)
        if method == "walk_forward":
            size = rows // (splits + 1) if test_rows is None else test_rows
            if size < 1 or size * splits >= rows:
                raise InsufficientDataError(
                    f"{splits} tests of {size} rows leave nothing to train on before the first: "
                    f"there are {rows} rows. Ask for fewer splits or smaller tests.",
                    rows=rows,
                )
            first = rows - size * splits
            self._blocks = [
                np.arange(first + k * size, first + (k + 1) * size) for k in range(splits)
            ]
        else:
            if rows < splits:
                raise InsufficientDataError(
                    f"{rows} rows cannot be cut into {splits} blocks. Ask for fewer splits.",
                    rows=rows,
                )
            self._blocks = np.array_split(np.arange(rows), splits)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: N803
        """Number of splits; the arguments are those of scikit-learn and change nothing."""
        del X, y, groups
        return len(self._tested())

    def split(
        self,
        X: Any = None,  # noqa: N803
        y: Any = None,
        groups: Any = None,
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Positions of training and test rows of each split.

        `X`, `y`: what is split, one row a label; only the number of rows is looked at. Raises
        `DataQualityError` for another number, `InsufficientDataError` for a split without training
        rows.
        """
        del groups
        for given in (X, y):
            rows = (
                given.shape[0] if hasattr(given, "shape") else None if given is None else len(given)
            )
            if rows is not None and rows != len(self._labels):
                raise DataQualityError(
                    f"There are {rows} rows to split and {len(self._labels)} labels; give the "
                    "labels of exactly these rows.",
                    rows=rows,
                )
        for number, each in enumerate(self.splits()):
            if not len(each.train):
                raise InsufficientDataError(
                    f"Split {number} has no training row left after {each.purged} were purged and "
                    f"{each.embargoed} embargoed. Ask for fewer splits or a shorter label.",
                    split=number,
                )
            yield each.train, each.test

    def splits(self) -> Iterator[Split]:
        """The splits with what was left out."""
        for blocks in self._tested():
            yield (
                self._forward(blocks[0]) if self.method == "walk_forward" else self._around(blocks)
            )

    def fold_table(self) -> pd.DataFrame:
        """One row a split: first and last ts of training and test rows, and the counts.

        Columns train_start, train_end, test_start, test_end, rows, tested, purged, embargoed; the
        stamps of a split without training rows are NaT.
        """
        ts = self._labels.index
        rows = [
            {
                "train_start": ts[each.train[0]] if len(each.train) else pd.NaT,
                "train_end": ts[each.train[-1]] if len(each.train) else pd.NaT,
                "test_start": ts[each.test[0]],
                "test_end": ts[each.test[-1]],
                "rows": len(each.train),
                "tested": len(each.test),
                "purged": each.purged,
                "embargoed": each.embargoed,
            }
            for each in self.splits()
        ]
        return pd.DataFrame(rows)

    def paths(self) -> IntArray:
        """Which split tests each block in each backtest path, shape (paths, blocks).

        A path goes once through all rows, each block forecast by another split. Purged k-fold has
        one path; the k-th split that tests a block belongs to path k.
        """
        if self.method == "walk_forward":
            return np.arange(self._splits, dtype="int64").reshape(1, -1)
        testing: list[list[int]] = [[] for _ in range(self._splits)]
        for number, chosen in enumerate(self._combinations()):
            for block in chosen:
                testing[block].append(number)
        return np.array(testing, dtype="int64").T

    def _combinations(self) -> list[tuple[int, ...]]:
        return list(itertools.combinations(range(self._splits), self._test_blocks))

    def _tested(self) -> list[list[IntArray]]:
        if self.method == "walk_forward":
            return [[block] for block in self._blocks]
        return [[self._blocks[number] for number in chosen] for chosen in self._combinations()]

    def _forward(self, test: IntArray) -> Split:
        labels, start = self._labels, int(test[0])
        before = labels.iloc[:start]
        kept = np.flatnonzero(clear_of(before, labels["t0"].iloc[test].min(), None))
        purged, embargoed = start - len(kept), min(self.embargo_bars, len(kept))
        kept = kept[: len(kept) - embargoed]
        if self.train_rows is not None:
            kept = kept[-self.train_rows :]
        return Split(train=kept, test=test, purged=purged, embargoed=embargoed)

    def _around(self, blocks: Sequence[IntArray]) -> Split:
        labels = self._labels
        test = np.concatenate(blocks)
        others = np.ones(len(labels), dtype=bool)
        others[test] = False
        clear, embargoed = others.copy(), np.zeros(len(labels), dtype=bool)
        for run in np.split(test, np.flatnonzero(np.diff(test) > 1) + 1):
            first, last = labels["t0"].iloc[run].min(), labels["t1"].iloc[run].max()
            clear &= clear_of(labels, first, last)
            after = np.flatnonzero(labels["t0"] > last)
            embargoed[after[: self.embargo_bars]] = True
        kept = clear & ~embargoed
        return Split(
            train=np.flatnonzero(kept),
            test=test,
            purged=int((others & ~clear).sum()),
            embargoed=int((clear & embargoed).sum()),
        )


def label_splitter(
    labels: pd.DataFrame,
    method: Method,
    *,
    splits: int = 5,
    test_blocks: int = 2,
    embargo_bars: int = 0,
    train_rows: int | None = None,
    test_rows: int | None = None,
) -> LabelSplitter:
    """A splitter for scikit-learn whose training rows know nothing of what is tested.

    - `walk_forward`: the last rows are cut into `splits` tests of `test_rows` (by default as many
      as give the first training as many rows); a test is trained on rows whose label ended before
      it begins: all of them (expanding), or the last `train_rows` of them (sliding).
    - `purged_k_fold`: `splits` blocks, each tested once, trained on the others.
    - `combinatorial`: `splits` blocks, every choice of `test_blocks` of them tested.

    Parameters
    ----------
    labels
        Index ts, columns t0 and t1 (aware UTC), in order of t0.
    embargo_bars
        Rows that are left out in addition: the first that begin after the end of each tested block,
        or, walking forward, the last before it.

    Raises
    ------
    ConfigurationError
        For an unknown method, fewer than 2 blocks (1 test walking forward), or a number of
        `test_blocks` that leaves none to train on, and for options of another method.
    DataQualityError
        For labels out of order, or one that does not end after it begins.
    InsufficientDataError
        For fewer rows than blocks.

    >>> days = pd.date_range("2024-01-01", periods=12, tz="UTC")
    >>> labels = pd.DataFrame({"t0": days, "t1": days + pd.Timedelta(days=2)}, index=days)
    >>> label_splitter(labels, "combinatorial", splits=6, test_blocks=2).get_n_splits()
    15
    >>> [len(train) for train, _ in label_splitter(labels, "purged_k_fold", splits=3).split()]
    [6, 4, 6]
    """
    if method not in get_args(Method):
        raise ConfigurationError(
            f"There is no method {method!r}. {did_you_mean(str(method), get_args(Method))}",
            name=method,
        )
    numbers = {
        "embargo_bars": (embargo_bars, 0),
        "splits": (splits, 1 + (method != "walk_forward")),
    }
    numbers |= {
        name: (value, 1)
        for name, value in (("train_rows", train_rows), ("test_rows", test_rows))
        if value is not None
    }
    for name, (value, least) in numbers.items():
        if value < least:
            raise ConfigurationError(f"{name} is {value}, it must be {least} or more.", value=value)
    if method != "walk_forward" and (train_rows is not None or test_rows is not None):
        raise ConfigurationError(
            f"'train_rows' and 'test_rows' mean nothing to {method}; they belong to walk_forward."
        )
    if method == "combinatorial" and not 1 <= test_blocks < splits:
        raise ConfigurationError(
            f"test_blocks is {test_blocks}, it must be from 1 to {splits - 1}: at least one of the "
            f"{splits} blocks is trained on.",
            test_blocks=test_blocks,
        )
    require_spans(labels)
    if not labels["t0"].is_monotonic_increasing:
        raise DataQualityError(
            "The labels are not in order of t0. Sort them before they are split."
        )
    if method == "combinatorial" and comb(splits, test_blocks) > _MOST_SPLITS:
        raise ConfigurationError(
            f"{splits} blocks with {test_blocks} tested are {comb(splits, test_blocks):,} splits, "
            f"more than {_MOST_SPLITS:,}. Take fewer blocks."
        )
    return LabelSplitter(
        labels,
        method,
        splits=splits,
        test_blocks=test_blocks if method == "combinatorial" else 1,
        embargo_bars=embargo_bars,
        train_rows=train_rows,
        test_rows=test_rows,
    )
