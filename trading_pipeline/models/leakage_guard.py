"""Guards that keep a model from being tested on the data it was trained on."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from trading_pipeline.errors import DataLeakageError, UnknownNameError, did_you_mean

__all__ = ["ensure_no_overlap", "ensure_predictions_clean"]


def ensure_no_overlap(
    model_id: str, last_label_end: pd.Timestamp, first_decision_at: pd.Timestamp
) -> None:
    """Pass when the first decision is made after the model's last label ended.

    Both stamps are aware UTC: `last_label_end` is the latest `t1` the model was trained on,
    `first_decision_at` the `known_at` of the first bar that the model decides on. Equal stamps
    overlap, because that bar closed the last label. Raises `DataLeakageError` on an overlap.

    >>> ensure_no_overlap("m", pd.Timestamp("2012-01-03", tz="UTC"),
    ...                   pd.Timestamp("2012-01-04", tz="UTC"))
    """
    if first_decision_at > last_label_end:
        return
    end, start = _shown(last_label_end, first_decision_at)
    raise DataLeakageError(
        f"model '{model_id}' was trained on labels that end at {end}, but the backtest starts at "
        f"{start}. Start it after {end}, or use the model of an earlier window.",
        model_id=model_id,
        last_label_end=last_label_end,
        first_decision_at=first_decision_at,
    )


def ensure_predictions_clean(
    predictions: pd.DataFrame, last_label_ends: Mapping[str, pd.Timestamp]
) -> None:
    """Pass when every prediction was made after the last label of the model that made it.

    `predictions` has the columns known_at and model_id, with rows in any order; `last_label_ends`
    gives the latest `t1` of each model. An empty frame passes. Raises `DataLeakageError` for the
    earliest offending model, `UnknownNameError` for a model whose training is not recorded.
    """
    firsts = predictions.groupby("model_id", sort=False)["known_at"].min().sort_values()
    for model_id, first in firsts.items():
        name = str(model_id)
        if name not in last_label_ends:
            raise UnknownNameError(
                f"The predictions name a model {name!r} whose training is not recorded, so it "
                "may have seen these bars. Train it and predict again with: trading-pipeline run. "
                f"{did_you_mean(name, last_label_ends)}",
                name=name,
                kind="model",
            )
        ensure_no_overlap(name, last_label_ends[name], first)


def _shown(first: pd.Timestamp, second: pd.Timestamp) -> tuple[str, str]:
    """Both as dates, with the time of day if the dates are equal."""
    if first.date() != second.date():
        return first.strftime("%Y-%m-%d"), second.strftime("%Y-%m-%d")
    return first.isoformat(sep=" "), second.isoformat(sep=" ")
