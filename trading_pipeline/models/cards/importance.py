"""Which families of features the forecasts depend on, measured out of sample.

All columns of a family are shuffled together among the rows that one fit predicted, in blocks as
long as a label lives. A block keeps neighbours together: features and outcomes that move slowly
stay so, and single rows shuffled one by one would look like more evidence than they are. Breiman
(2001), Machine Learning 45; blocks as in Kuensch (1989), Annals of Statistics 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.models.cards.card import Importance
from trading_pipeline.models.cards.card_rows import CardInput, HorizonRows, as_scored
from trading_pipeline.models.cards.intervals import interval
from trading_pipeline.models.cards.scored_kinds import ScoredKind
from trading_pipeline.models.predictors.calls import own_file, predicted
from trading_pipeline.models.predictors.catalogue import params_of
from trading_pipeline.models.predictors.predictor import PredictionRows
from trading_pipeline.models.registry.fitted_model import FittedModel

__all__ = ["family_importance", "shuffled_blocks"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
REPEATS = 5
_MOST_ROWS = 2000


def shuffled_blocks(rows: int, length: int, generator: np.random.Generator) -> IntArray:
    """Positions of rows after blocks of that length were put in another order.

    The first block begins somewhere in the series, so that edges differ between shuffles.

    >>> shuffled_blocks(6, 2, np.random.default_rng(1)).tolist()
    [4, 5, 0, 1, 2, 3]
    """
    start = int(generator.integers(length))
    places = np.roll(np.arange(rows), -start)
    blocks = [places[each : each + length] for each in range(0, rows, length)]
    order = generator.permutation(len(blocks))
    return np.concatenate([blocks[each] for each in order])


def family_importance(
    given: CardInput,
    rows: HorizonRows,
    kind: ScoredKind,
    loss: str,
    models: Mapping[int, FittedModel],
) -> tuple[Importance, ...]:
    """How much the loss of that name grows for each family, as a share of it, largest first.

    `models`: by position of their fit. The last 2,000 rows of each are shuffled, five times, with
    the seed of the spec.
    """
    families = _columns_by_family(given, models)
    increases: dict[str, list[FloatArray]] = {name: [] for name in families}
    used, losses = [], []
    for number, model in models.items():
        whole = rows.of_fit(number)
        part = rows.part(slice(max(whole.start, whole.stop - _MOST_ROWS), whole.stop))
        if len(part) < 2 * part.bars or not len(part):
            continue  # a single block can only stay where it is
        own = kind.losses(part.told, part.outcomes)[loss]
        used.append(part.worth.uniqueness)
        losses.append(own)
        for place, (family, columns) in enumerate(families.items()):
            generator = np.random.default_rng([given.spec.seed, number, place])
            increases[family].append(
                _shuffled_loss(given, part, model, columns, loss, kind, generator) - own
            )
    if not used:
        return ()
    worth = replace(rows.worth, uniqueness=np.concatenate(used))
    usual = float(np.concatenate(losses).mean())
    found = []
    for family, parts in increases.items():
        grown = np.concatenate(parts) / usual
        mean = float(grown.mean())
        low, high = interval(mean, worth.error(grown), worth.effective_rows)
        found.append(
            Importance(
                family=family, columns=len(families[family]), increase=mean, low=low, high=high
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.increase, each.family)))


def _shuffled_loss(
    given: CardInput,
    part: HorizonRows,
    model: FittedModel,
    columns: list[str],
    loss: str,
    kind: ScoredKind,
    generator: np.random.Generator,
) -> FloatArray:
    """Loss of each row, as the mean of all shuffles."""
    features = given.features.loc[part.told.index, list(model.columns)]
    at = features.columns.get_indexer(pd.Index(columns))
    plain = features.to_numpy(dtype="float64")
    copies = np.tile(plain, (REPEATS, 1, 1))
    for copy in copies:
        copy[:, at] = plain[shuffled_blocks(len(part), part.bars, generator)][:, at]
    # a user's predictor gets rows with stamps of their own; the shipped ones take all at once
    together = own_file(given.predictor) is None and not given.predictor.needs_bars
    batches = [np.concatenate(copies)] if together else list(copies)
    told = pd.concat([_told(given, model, batch, part) for batch in batches])
    outcomes = pd.concat([part.outcomes] * REPEATS)
    losses = kind.losses(told, outcomes)[loss].reshape(REPEATS, len(part))
    shuffled: FloatArray = losses.mean(axis=0)
    return shuffled


def _told(
    given: CardInput, model: FittedModel, values: FloatArray, part: HorizonRows
) -> pd.DataFrame:
    """What the model predicts from these values, which are copies of the rows below each other."""
    at = np.tile(np.arange(len(part)), len(values) // len(part))
    rows = PredictionRows(
        spec=given.spec,
        params=params_of(given.predictor, given.spec),
        features=pd.DataFrame(values, index=part.told.index[at], columns=list(model.columns)),
        known_at=pd.DatetimeIndex(part.outcomes["t0"])[at],
        history=given.history,
    )
    told: pd.DataFrame = predicted(given.predictor, model.state, rows)
    wanted = told["horizon"].to_numpy() == part.bars
    return as_scored(given.predictor, told if wanted.all() else told.loc[wanted])


def _columns_by_family(given: CardInput, models: Mapping[int, FittedModel]) -> dict[str, list[str]]:
    """Columns of the models by family, families in the order of their first column."""
    found: dict[str, list[str]] = {}
    for model in list(models.values())[:1]:
        for column in model.columns:
            found.setdefault(given.families.get(column, column), []).append(column)
    return found
