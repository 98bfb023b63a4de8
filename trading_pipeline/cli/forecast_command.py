"""`forecast INSTRUMENT`: the next bars, how sure that is, and what the model was worth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from trading_pipeline.cli.progress_display import show_progress
from trading_pipeline.cli.session import open_pass, print_table, stderr_console, stdout_console

if TYPE_CHECKING:
    from trading_pipeline.stages.reports.forecast import NewestForecast

__all__ = ["run_forecast"]

_SHOWN_STEPS = 30


def run_forecast(instrument: str, model: str, *, as_json: bool) -> None:
    """Bring the forecast up to date, write its page, and print it."""
    from trading_pipeline.stages.reports.forecast import newest_forecast, write_forecast_page

    full_pass = open_pass()
    workspace = full_pass.workspace
    instrument = workspace.catalog.instrument(instrument).id
    workspace.catalog.model(model)
    with show_progress(stderr_console()):
        full_pass.reference_data()
        full_pass.forecast(instrument, model)
    told = newest_forecast(workspace, instrument, model)
    path = str(write_forecast_page(workspace, told))
    if as_json:
        typer.echo(json.dumps(_as_values(told, path), allow_nan=False))
    else:
        _print(told, path)


def _print(told: NewestForecast, path: str) -> None:
    from trading_pipeline.reporting.page.number_format import format_number, format_stamp

    console = stdout_console()
    console.print(
        f"{told.instrument} by the model '{told.model}', from the close of "
        f"{format_stamp(told.last_ts)}: {format_number(told.last_close, 'price')} {told.currency}.",
        markup=False,
        soft_wrap=True,
    )
    _print_steps(told)
    console.print(f"Held back: {told.skill}", markup=False, soft_wrap=True)
    for reason in told.reasons_to_refit:
        console.print(
            f"[yellow]The model asks for a new fit.[/] {escape(reason)} {escape(told.decision)}",
            soft_wrap=True,
        )
    if told.age_days > 7:
        console.print(
            f"[yellow]The last bar is {told.age_days:,} days old; what is forecast has long "
            "happened.[/]",
            soft_wrap=True,
        )
    console.print(f"Picture: {escape(path)}", soft_wrap=True)


def _print_steps(told: NewestForecast) -> None:
    from trading_pipeline.reporting.forecast import probability_in_words
    from trading_pipeline.reporting.page.number_format import format_number, format_stamp

    prices = [n for n in ("open", "high", "low", "close") if n in told.steps.columns]
    band = "close_q05" in told.steps.columns
    shown = told.steps
    if len(shown) > _SHOWN_STEPS:
        stored = {each["horizon"] for each in told.horizons}
        shown = shown.loc[shown["horizon"].isin(stored)]
    rows = []
    for (_, row), stamp in zip(shown.iterrows(), told.bars_of(shown), strict=True):
        cells = [str(int(row["horizon"])), format_stamp(stamp)]
        cells += [format_number(float(row[name]), "price") for name in prices]
        if band:
            ends = (format_number(float(row[f"close_{end}"]), "price") for end in ("q05", "q95"))
            cells.append(" to ".join(ends))
        if "p_up" in shown.columns:
            told_odds = probability_in_words(float(row["p_up"]))
            cells.append(told_odds.split(",")[0] if len(prices) > 1 else told_odds)
        if not prices and "p_up" not in shown.columns:
            cells += [f"{row[name]:.6g}" for name in told.columns]
        rows.append(cells)
    heads = ["Step", "Bar", *(name.capitalize() for name in prices)]
    heads += ["90 % band"] * band + ["Chance of a rise"] * ("p_up" in shown.columns)
    if not prices and "p_up" not in shown.columns:
        heads += list(told.columns)
    print_table(heads, rows)
    if prices and "p_up" in shown.columns:
        last = told.steps.iloc[-1]
        stdout_console().print(
            f"A higher close after {int(last['horizon'])} bars: "
            f"{probability_in_words(float(last['p_up']))}."
        )
    if len(shown) < len(told.steps):
        stdout_console().print(f"{len(shown)} of {len(told.steps)} steps; the page has all.")


def _as_values(told: NewestForecast, path: str) -> dict[str, Any]:
    steps = [
        {
            "bar": stamp.isoformat(),
            **{name: _value(value) for name, value in row.items()},
        }
        for (_, row), stamp in zip(told.steps.iterrows(), told.bars_of(told.steps), strict=True)
    ]
    return {
        "instrument": told.instrument,
        "model": told.model,
        "model_id": told.model_id,
        "predictor": told.predictor,
        "from": told.last_ts.isoformat(),
        "known_at": told.last_known_at.isoformat(),
        "last_close": told.last_close,
        "currency": told.currency,
        "steps": steps,
        "skill": told.skill,
        "decision": told.decision,
        "reasons_to_refit": list(told.reasons_to_refit),
        "horizons": [dict(each) for each in told.horizons],
        "page": path,
    }


def _value(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    number = float(value)
    return int(number) if number.is_integer() and abs(number) < 1e6 else number
