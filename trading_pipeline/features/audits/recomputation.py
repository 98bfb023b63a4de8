"""How an audit computes the columns of a set again: in fresh modules, with inputs that change too.

The table of all bars comes from the code as it is loaded, which may remember earlier calls; each
recomputation comes from a copy that remembers none. So a memo shows as a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from trading_pipeline.features.arrays import BoolArray
from trading_pipeline.features.audits.comparison import Compute
from trading_pipeline.features.sets.computation import compute_features
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.feature_set import FeatureSet, FeatureSpec
from trading_pipeline.own_code import FreshCopies

__all__ = ["SetRecomputation", "changed_bars"]

_SEED = 11


@dataclass(frozen=True, kw_only=True)
class SetRecomputation:
    """`bars`: all of them as they are; `fresh`: copies of the set."""

    bars: pd.DataFrame
    context: FeatureContext | None
    fresh: FreshCopies[FeatureSet]

    def of(self, specs: Sequence[FeatureSpec]) -> Compute:
        """Computes these columns over changed bars."""
        names = {spec.name for spec in specs}

        def columns(given: pd.DataFrame) -> pd.DataFrame:
            context = self._context_of(given)

            def computed(chosen: FeatureSet) -> pd.DataFrame:
                part = tuple(spec for spec in chosen.specs if spec.name in names)
                return compute_features(
                    replace(chosen, specs=part), given, context=context, complete=False
                )

            return self.fresh.run(computed)

        return columns

    def _context_of(self, given: pd.DataFrame) -> FeatureContext | None:
        """The context; where bars are others, so are the rows of the inputs beside them."""
        context = self.context
        if context is None or not context.inputs:
            return context
        changed = changed_bars(self.bars, given)
        if not changed.any():
            return context
        return replace(context, inputs=context.inputs.rows(given.index).other_after(changed, _SEED))


def changed_bars(bars: pd.DataFrame, given: pd.DataFrame) -> BoolArray:
    """True for rows of `given` that differ from the bar of the same stamp."""
    if not bars.index.equals(given.index):
        bars = bars.reindex(given.index)
    if not bars.columns.equals(given.columns):
        bars = bars[list(given.columns)]
    before = bars.to_numpy()
    differs: BoolArray = (before != given.to_numpy()).any(axis=1)
    return differs
