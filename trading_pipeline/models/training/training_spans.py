"""How far back the fits of a model read: by windows, or by a length of time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.settings.model_spec import DURATION, Span, TrainingSpec

__all__ = ["span_of", "span_start", "training_span", "windows_back", "windows_of_span"]


def span_of(training: TrainingSpec, instrument: str) -> Span:
    """The span for an instrument, which a spec may give by timeframe.

    Raises `ConfigurationError` where it gives none for the instrument's.

    >>> span_of(TrainingSpec(span={"1d": "10y", "1h": "2y"}), "AAPL_1h")
    '2y'
    """
    if not isinstance(training.span, Mapping):
        return training.span
    timeframe = instrument.rpartition("_")[2]
    if timeframe not in training.span:
        raise ConfigurationError(
            f"The training span has the timeframes {', '.join(training.span)}, and {instrument} "
            f"has bars of {timeframe!r}. Add a span for them, such as '{timeframe}: expanding'.",
            instrument=instrument,
            timeframe=timeframe,
        )
    return training.span[timeframe]


def span_start(span: Span, refit_at: pd.Timestamp) -> pd.Timestamp | None:
    """The `ts` of the first row that a fit may read; None for a span that is counted in windows.

    Lengths of time are those of the calendar, from the refit date back.

    >>> span_start("3y", pd.Timestamp("2012-03-01", tz="UTC"))
    Timestamp('2009-03-01 00:00:00+0000', tz='UTC')
    """
    found = re.fullmatch(DURATION, str(span))
    if found is None or isinstance(span, int):
        return None
    number, unit = int(found["number"]), found["unit"]
    back = {"d": pd.DateOffset(days=number), "w": pd.DateOffset(weeks=number)}
    try:
        return refit_at - back.get(unit, pd.DateOffset(years=number))
    except (OverflowError, ValueError):  # longer than dates reach back: everything
        return pd.Timestamp.min.tz_localize("UTC")


def windows_of_span(windows: Sequence[Window], span: Span, refit_at: pd.Timestamp) -> list[Window]:
    """Of the windows before a refit date, in order, those that the span reaches into."""
    if span == "expanding":
        return list(windows)
    if isinstance(span, int):
        return list(windows[-span:])
    start = span_start(span, refit_at)
    return [window for window in windows if start is None or window.end > start]


def training_span(
    windows: Sequence[Window], window_key: str, training: TrainingSpec, instrument: str
) -> list[Window]:
    """Windows whose rows a fit in the window `window_key` may read, in order; perhaps none.

    The span `expanding` gives every earlier window, a number k the k windows before, a length of
    time those that it reaches into from the window's start. With a refit finer than `window`, the
    window itself is added and `purge` cuts it at each refit date: a sliding span then covers k
    windows and the part of the current one that has passed. Raises `UnknownNameError` for an
    unknown key, `ConfigurationError` as `span_of` does.
    """
    ordered = sorted(windows)
    keys = [window.key for window in ordered]
    if window_key not in keys:
        raise UnknownNameError(
            f"There is no window {window_key!r} to train for. {did_you_mean(window_key, keys)}",
            name=window_key,
            kind="window",
        )
    own = keys.index(window_key)
    first_refit = pd.Timestamp(ordered[own].start)
    before = windows_of_span(ordered[:own], span_of(training, instrument), first_refit)
    return before + ordered[own : own + (training.refit != "window")]


def windows_back(windows: Sequence[Window], training: TrainingSpec) -> int:
    """The most windows before its own that a fit in any of these windows may read."""
    given = training.span
    spans: Iterable[Span] = given.values() if isinstance(given, Mapping) else [given]
    return max(_most(sorted(windows), span) for span in spans)


def _most(windows: Sequence[Window], span: Span) -> int:
    if isinstance(span, int):
        return span
    if span == "expanding":
        return len(windows)
    read = [
        windows_of_span(windows[:own], span, pd.Timestamp(window.start))
        for own, window in enumerate(windows)
    ]
    return max(map(len, read), default=0)
