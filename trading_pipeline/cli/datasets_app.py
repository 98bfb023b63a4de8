"""The commands `datasets inspect`, `preview` and `add`: what they take, how they end.

Exit code 0: the file can be bars (once the open questions are answered); 1: it cannot, or an error;
2: wrong usage. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trading_pipeline.errors import ConfigurationError

__all__ = ["add", "datasets_app", "inspect", "preview"]

datasets_app = typer.Typer(
    name="datasets", help="Files of bars that you bring: CSV, TSV, Parquet.", no_args_is_help=True
)
_File = Annotated[Path, typer.Argument(help="CSV, TSV or Parquet file.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column", help="ROLE=NAME, such as close=Last; repeatable. A position counts from 0."
    ),
]
_Delimiter = Annotated[
    str | None, typer.Option(help="Any one character, such as ; or |; or 'tab'.")
]
_Decimal = Annotated[str | None, typer.Option(help="Decimal mark: . or ,")]
_DateOrder = Annotated[str | None, typer.Option(help="Of 03/04/2024: dmy, mdy or ymd.")]
_Stamps = Annotated[
    str | None, typer.Option(help="Whether bars are stamped where they open or end: open, end.")
]
_Format = Annotated[
    str | None,
    typer.Option(help="Such as '%d.%m.%Y %H:%M', or epoch_s, epoch_ms, epoch_us, epoch_ns."),
]


@datasets_app.command()
def inspect(
    file: _File,
    as_json: _Json = False,
    tz: Annotated[str | None, typer.Option(help="IANA zone of stamps without an offset.")] = None,
    date_order: _DateOrder = None,
    timestamp_format: _Format = None,
    symbol: Annotated[str | None, typer.Option(help="Which one of several symbols.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="1m 5m 15m 30m 1h 4h 1d 1w.")] = None,
    calendar: Annotated[str | None, typer.Option(help="Such as XNYS, XBOM, 24/7, 24/5.")] = None,
    stamps: _Stamps = None,
    column: _Columns = None,
    delimiter: _Delimiter = None,
    decimal: _Decimal = None,
    volume: Annotated[str | None, typer.Option(help="'none' ignores the volumes.")] = None,
    duplicates: Annotated[
        str | None, typer.Option(help="Of rows of one stamp: keep (refused later), first or last.")
    ] = None,
    max_bytes: Annotated[int | None, typer.Option(min=1, help="Refuse a larger file.")] = None,
) -> None:
    """Say what a file of bars is, what is wrong with it, and what you must decide."""
    from trading_pipeline.cli.datasets_command import run_inspect

    flags = {
        "tz": tz,
        "stamps": stamps,
        "date_order": date_order,
        "timestamp_format": timestamp_format,
        "symbol": symbol,
        "timeframe": timeframe,
        "calendar": calendar,
        "columns": _pairs(column),
        "delimiter": _tab(delimiter),
        "decimal": decimal,
        "volume": volume,
        "duplicates": duplicates,
    }
    run_inspect(file, flags, max_bytes=max_bytes, as_json=as_json)


@datasets_app.command()
def add(
    file: _File,
    as_json: _Json = False,
    symbol: Annotated[
        str | None, typer.Option(help="Name of the series, or which one of several symbols.")
    ] = None,
    tz: Annotated[str | None, typer.Option(help="IANA zone of stamps without an offset.")] = None,
    date_order: _DateOrder = None,
    timestamp_format: _Format = None,
    timeframe: Annotated[str | None, typer.Option(help="1m 5m 15m 30m 1h 4h 1d 1w.")] = None,
    calendar: Annotated[str | None, typer.Option(help="Such as XNYS, XBOM, 24/7, 24/5.")] = None,
    stamps: _Stamps = None,
    column: _Columns = None,
    delimiter: _Delimiter = None,
    decimal: _Decimal = None,
    volume: Annotated[str | None, typer.Option(help="'none' ignores the volumes.")] = None,
    duplicates: Annotated[
        str | None, typer.Option(help="Of rows of one stamp: keep (refused later), first or last.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="Of the prices, ISO 4217 such as USD, or GBp for pence.")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(help="Prices are in GBp, GBX, ZAc or ILA: divide them by 100."),
    ] = None,
    asset_class: Annotated[
        str | None, typer.Option(help="equity, etf, index, fx, crypto, future, fund or bond.")
    ] = None,
    max_missing: Annotated[
        float | None,
        typer.Option(help="Share of the calendar's bars that may be missing, such as 0.2."),
    ] = None,
) -> None:
    """Make a file of bars an instrument of the universe, and materialize its bars."""
    from trading_pipeline.cli.dataset_add_command import run_add

    flags = {
        "tz": tz,
        "stamps": stamps,
        "date_order": date_order,
        "timestamp_format": timestamp_format,
        "symbol": symbol,
        "timeframe": timeframe,
        "calendar": calendar,
        "columns": _pairs(column),
        "delimiter": _tab(delimiter),
        "decimal": decimal,
        "volume": volume,
        "duplicates": duplicates,
        "currency": currency,
        "unit": unit,
        "asset_class": asset_class,
        "max_missing": max_missing,
    }
    run_add(file, flags, as_json=as_json)


@datasets_app.command()
def preview(
    file: _File,
    rows: Annotated[
        int, typer.Option("--rows", "-n", min=1, max=10_000, help="Rows to show.")
    ] = 20,
    as_json: _Json = False,
    date_order: _DateOrder = None,
    timestamp_format: _Format = None,
    symbol: Annotated[str | None, typer.Option(help="Which one of several symbols.")] = None,
    column: _Columns = None,
    delimiter: _Delimiter = None,
    decimal: _Decimal = None,
) -> None:
    """Show the first rows of a file as they stand in it, without reading the rest."""
    from trading_pipeline.cli.datasets_command import run_preview

    flags = {
        "date_order": date_order,
        "timestamp_format": timestamp_format,
        "symbol": symbol,
        "columns": _pairs(column),
        "delimiter": _tab(delimiter),
        "decimal": decimal,
    }
    run_preview(file, flags, rows=rows, as_json=as_json)


def _pairs(columns: list[str] | None) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for text in columns or ():
        role, mark, name = text.partition("=")
        if not mark or not role or not name:
            raise ConfigurationError(
                f"--column {text!r} is not ROLE=NAME. Write it like --column close=Last.",
                given=text,
            )
        pairs[role] = name
    return pairs


def _tab(delimiter: str | None) -> str | None:
    return "\t" if delimiter in ("tab", "\\t") else delimiter
