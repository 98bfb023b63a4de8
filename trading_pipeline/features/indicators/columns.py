"""Features made from an indicator and its parameters, as YAML sets name them.

The level of an indicator that never forgets its first bar (such as on-balance volume) has no
meaning, so such an indicator is offered only in forms in which the start cancels out.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.features.arrays import FloatArrays
from trading_pipeline.features.indicators.wrapper import (
    indicator_arrays,
    indicator_inputs,
    indicator_lookback,
    indicator_outputs,
    indicator_parameters,
    indicator_warmup,
)
from trading_pipeline.features.rolling.windows import (
    lagged,
    rolling_z_score,
)
from trading_pipeline.features.sets.feature_set import FeatureSpec

__all__ = ["Form", "indicator_columns", "indicator_features"]

Form = Literal["level", "by_close", "difference", "z_score"]
_SUMS = ("AD", "OBV", "PVT", "WAD", "CUMSUM")  # the start is added: differences are free of it
_PRODUCTS = ("NVI", "PVI")  # the start is a factor: only a ratio is free of it
_OPTIONS = ("indicator", "name", "output", "source", "form", "bars")


def indicator_columns(
    bars: pd.DataFrame,
    *,
    indicator: str,
    source: str,
    form: Form,
    form_bars: int,
    **parameters: Any,
) -> FloatArrays:
    """The indicator's outputs in a form: as they are, by the close, or over `form_bars` bars.

    `difference` is the change over `form_bars` bars, `z_score` the sample standard deviations from
    the mean of `form_bars` bars (0 where they are equal).
    """
    outputs = indicator_arrays(indicator, bars, source=source, **parameters)
    if form == "level":
        return outputs
    if form == "by_close":
        close = bars["close"].to_numpy(dtype="float64")
        return tuple(values / close for values in outputs)
    if form == "difference":
        return tuple(values - lagged(values, form_bars) for values in outputs)
    return tuple(rolling_z_score(values, form_bars) for values in outputs)


def indicator_features(
    indicator: str,
    *,
    name: str | None = None,
    output: str | None = None,
    source: str = "close",
    form: Form = "level",
    bars: int | None = None,
    **parameters: int | float,
) -> tuple[FeatureSpec, ...]:
    """A feature for each output of a TA-Lib indicator, or only for the one named `output`.

    Parameters
    ----------
    indicator
        TA-Lib's name, such as "RSI"; `parameters` are the indicator's own.
    name
        Base name of the columns; by default made from the indicator and its parameters.
    source
        The column that an indicator of one series reads.
    form
        "level" (TA-Lib's own values), "by_close" (prices as fractions of the close), or
        "difference" and "z_score", both over `bars` bars.

    Raises
    ------
    UnknownNameError
        For an unknown indicator, parameter, output, column or form; offers the closest names.
    ConfigurationError
        For a parameter out of range, and for a form that depends on the first bar.

    >>> [spec.name for spec in indicator_features("RSI", timeperiod=21)]
    ['rsi_21']
    >>> [spec.name for spec in indicator_features("OBV", form="z_score", bars=20)]
    ['obv_z_score_20']
    """
    _check_keys(indicator, parameters)
    if form not in get_args(Form):
        raise UnknownNameError(
            f"The indicator {indicator!r} has no form {form!r}. "
            f"{did_you_mean(form, get_args(Form))}",
            name=form,
            kind="form",
        )
    outputs = indicator_outputs(indicator)
    if output is not None and output not in outputs:
        raise UnknownNameError(
            f"The indicator {indicator!r} has no output {output!r}. "
            f"{did_you_mean(output, outputs)}",
            name=output,
            kind="output",
        )
    span = _form_bars(indicator, form, bars)
    lookback = indicator_lookback(indicator, **parameters) + span
    warmup = _settled(indicator, form, parameters) + span
    inputs = indicator_inputs(indicator, source)
    if form == "by_close" and "close" not in inputs:
        inputs = (*inputs, "close")
    base = name or _default_name(indicator, source, form, bars, parameters)
    chosen = [place for place, each in enumerate(outputs) if output in (None, each)]
    return tuple(
        FeatureSpec(
            name=base if len(chosen) == 1 else f"{base}_{outputs[place].lower()}",
            version=1,
            inputs=inputs,
            lookback=lookback,
            warmup=max(lookback, warmup),
            compute=indicator_columns,
            parameters={
                "indicator": indicator,
                "source": source,
                "form": form,
                "form_bars": bars or 0,
                **parameters,
            },
            meaning=f"TA-Lib's {indicator}, output {outputs[place]}, form {form}.",
            part=place,
        )
        for place in chosen
    )


def _check_keys(indicator: str, parameters: dict[str, int | float]) -> None:
    known = (*indicator_parameters(indicator), *_OPTIONS)
    for key in parameters:
        if key not in known:
            raise UnknownNameError(
                f"The indicator {indicator!r} has no parameter {key!r}. {did_you_mean(key, known)}",
                name=key,
                kind="parameter",
            )


def _form_bars(indicator: str, form: Form, bars: int | None) -> int:
    """Bars before the current one that the form reads."""
    least = {"difference": 1, "z_score": 2}.get(form)
    if least is None and bars is not None:
        raise ConfigurationError(
            f"'bars' is for the forms difference and z_score; the form of {indicator!r} is {form}. "
            "Leave it out, or name one of them.",
            indicator=indicator,
        )
    if least is not None and (not isinstance(bars, int) or isinstance(bars, bool) or bars < least):
        raise ConfigurationError(
            f"The form {form} of {indicator!r} needs 'bars', a whole number of {least} or more, "
            f"was {bars!r}.",
            indicator=indicator,
            bars=bars,
        )
    return 0 if bars is None else bars - (form == "z_score")


def _settled(indicator: str, form: Form, parameters: dict[str, int | float]) -> int:
    """Bars until the indicator, in this form, no longer depends on the first bar."""
    free = form == "z_score" and indicator in (*_SUMS, *_PRODUCTS)
    if free or (form == "difference" and indicator in _SUMS):
        # the bar before the first has no change, and the sum may start with either
        return indicator_lookback(indicator, **parameters) + 1
    try:
        return indicator_warmup(indicator, **parameters)
    except ConfigurationError as error:
        forms = "form: z_score" if indicator in _PRODUCTS else "form: difference or form: z_score"
        usable = indicator in (*_SUMS, *_PRODUCTS)
        advice = f"Use {forms} with 'bars'." if usable else "It cannot be a feature in any form."
        raise ConfigurationError(
            f"The indicator {indicator!r} depends on the first bar for ever in the form {form}. "
            f"{advice}",
            indicator=indicator,
            form=form,
        ) from error


def _default_name(
    indicator: str, source: str, form: Form, bars: int | None, parameters: dict[str, int | float]
) -> str:
    parts = [indicator.lower(), *(f"{value:g}".replace(".", "p") for value in parameters.values())]
    if source != "close" and source in BAR_COLUMNS:
        parts.append(source)
    if form != "level":
        parts += [form] if bars is None else [form, str(bars)]
    return "_".join(parts).replace("-", "m")
