"""`universe add|list|remove`: the user's universe file, and the keys in Dagster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from trading_pipeline.cli.session import open_pass, print_table, stdout_console
from trading_pipeline.domain.coins import coin_quote
from trading_pipeline.domain.instrument import instrument_id
from trading_pipeline.errors import RetryableFetchError
from trading_pipeline.settings.catalog import Catalog, load_catalog
from trading_pipeline.settings.environment import PipelineSettings, load_settings
from trading_pipeline.settings.universe import InstrumentSpec
from trading_pipeline.settings.universe_file import read_universe
from trading_pipeline.settings.universe_writer import (
    UniverseChange,
    add_instrument,
    archive_instrument,
)

if TYPE_CHECKING:
    from trading_pipeline.market_data.sources.protocol import MarketDataSource
    from trading_pipeline.market_data.sources.registry import Sources

__all__ = ["Wishes", "run_universe_add", "run_universe_list", "run_universe_remove"]


@dataclass(frozen=True)
class Wishes:
    """What was given on the command line; None where nothing was."""

    source: str | None = None
    timeframe: str = "1d"
    calendar: str | None = None
    exchange: str | None = None
    asset_class: str | None = None
    currency: str | None = None
    start: str | None = None


def run_universe_add(symbol: str, wishes: Wishes, *, check: bool, as_json: bool) -> None:
    """Ask the source, write the file, add the key; what came of it is printed."""
    settings = load_settings()
    universe, _ = read_universe(settings.config)
    archived = universe.archived_by_id.get(instrument_id(symbol, wishes.timeframe))
    if wishes.source is None and archived is None:
        known = ", ".join(_sources(settings).names())
        raise typer.BadParameter(
            f"{symbol} is new, so name its source, one of {known}.",
            param_hint="--source",
        )
    spec = _spec(symbol, wishes, archived)
    client = _sources(settings).source(spec.source)
    spec, answer = _checked(spec, client, ask=check and archived is None)
    change = add_instrument(settings.config, spec)
    _bring_up_to_date()
    note = _note(load_catalog(settings.config, leave_out=True), change.instrument)
    if as_json:
        _echo_json(change, {"source_says": answer, "note": note, "active": True})
        return
    console = stdout_console()
    verb = "brought back" if archived else "added"
    text = f"{change.instrument} was {verb}: {change.path}"
    if not change.changed:
        text = f"{change.instrument} is in the universe already, just like that."
    console.print(text, markup=False, soft_wrap=True)
    for line in (answer, note, _layout(change)):
        if line:
            console.print(line, markup=False, soft_wrap=True)
    console.print(f"Next: trading-pipeline run {change.instrument}", markup=False)


def run_universe_list(*, as_json: bool) -> None:
    """Print the instruments, active ones first."""
    universe, _ = read_universe(load_settings().config)
    rows = [_row(spec, active=True) for spec in universe.instruments]
    rows += [_row(spec, active=False) for spec in universe.archived]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    names = ("instrument", "source", "calendar", "class", "currency", "from", "state")
    print_table(names, map(_table_row, rows))


def run_universe_remove(instrument: str, *, as_json: bool) -> None:
    """Archive an instrument and take its key away; bars and results stay."""
    change = archive_instrument(load_settings().config, instrument)
    _bring_up_to_date()
    if as_json:
        _echo_json(change, {"active": False})
        return
    console = stdout_console()
    text = f"{instrument} was archived: {change.path}. Its bars and results stay."
    if not change.changed:
        text = f"{instrument} was archived before."
    console.print(text, markup=False, soft_wrap=True)
    if not change.layout_kept:
        console.print(_layout(change), markup=False, soft_wrap=True)
    symbol, timeframe = instrument.rsplit("_", 1)
    universe, _ = read_universe(load_settings().config)
    spec = universe.archived_by_id[instrument]
    symbol = spec.symbol or symbol
    back = f"trading-pipeline universe add {symbol} --timeframe {timeframe}"
    console.print(f"To bring it back: {back}", markup=False, soft_wrap=True)


def _spec(symbol: str, wishes: Wishes, archived: InstrumentSpec | None) -> InstrumentSpec:
    """What was wished for, then what it was before it was archived, then what is usual."""
    values: dict[str, Any] = {"symbol": symbol, "timeframe": wishes.timeframe}
    if archived is not None:
        values = archived.model_dump(exclude_unset=True)
    elif wishes.source == "ccxt" or wishes.asset_class == "crypto":
        quote = symbol.partition(":")[0].partition("/")[2] or coin_quote(symbol)
        values |= {"asset_class": "crypto", "calendar": "24/7"} | (
            {"currency": quote} if quote else {}
        )
    given = {
        "source": wishes.source,
        "calendar": wishes.calendar,
        "exchange": wishes.exchange,
        "asset_class": wishes.asset_class,
        "currency": wishes.currency,
        "listed_from": wishes.start,
    }
    values |= {key: value for key, value in given.items() if value is not None}
    return InstrumentSpec.parse(values, where=f"'universe add {symbol}'")


def _sources(settings: PipelineSettings) -> Sources:
    from trading_pipeline.market_data.sources.registry import own_sources

    return own_sources(settings.config / "sources")


def _checked(
    spec: InstrumentSpec, client: MarketDataSource, *, ask: bool
) -> tuple[InstrumentSpec, str]:
    """The spec with the first day that the source still has, and what the source says of it."""
    from trading_pipeline.market_data.calendars import periods_per_year
    from trading_pipeline.market_data.sources.instrument_check import (
        check_with_source,
        first_day_kept,
    )
    from trading_pipeline.market_data.sources.protocol import require_timeframe

    instrument = spec.to_instrument()
    periods_per_year(spec.timeframe, spec.calendar)  # an unknown calendar ends here
    require_timeframe(client, instrument)
    first = first_day_kept(client, instrument, datetime.now(UTC))
    if first is not None and spec.listed_from is None:
        spec = spec.model_copy(update={"listed_from": first})
    if not ask:
        return spec, ""
    try:
        return spec, check_with_source(client, instrument)
    except RetryableFetchError as error:
        raise RetryableFetchError(
            f"{error} To add it without asking, give --no-check.", **error.values
        ) from error


def _bring_up_to_date() -> None:
    """Let the universe asset write the table of instruments and the partition keys."""
    open_pass().reference_data()


def _note(catalog: Catalog, instrument: str) -> str:
    spec = next(each for each in catalog.universe.instruments if each.id == instrument)
    grid = catalog.universe.grid_of(instrument)
    if grid.goes_on(datetime.now(UTC)) or spec.last_data is not None:
        return ""
    return (
        f"The universe ends at {grid.end}, so nothing later is fetched. Set 'end: null' in the "
        f"line of {instrument} in universe.yaml to go on until now."
    )


def _layout(change: UniverseChange) -> str:
    if change.layout_kept:
        return ""
    return "The layout of the file could not be edited: it was written anew, without its comments."


def _row(spec: InstrumentSpec, *, active: bool) -> dict[str, Any]:
    values = spec.model_dump(mode="json")
    return {"instrument": instrument_id(spec.symbol, spec.timeframe), **values, "active": active}


def _table_row(row: Mapping[str, Any]) -> list[str]:
    source = row["source"] + (f" {row['exchange']}" if row["exchange"] else "")
    values = [row["instrument"], source, row["calendar"], row["asset_class"], row["currency"]]
    values += [row["listed_from"] or "", "" if row["active"] else "archived"]
    return [escape(str(value)) for value in values]


def _echo_json(change: UniverseChange, more: dict[str, Any]) -> None:
    document = {
        "instrument": change.instrument,
        "path": str(change.path),
        "changed": change.changed,
        "layout_kept": change.layout_kept,
    }
    typer.echo(json.dumps(document | more))
