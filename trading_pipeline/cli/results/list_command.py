"""`results list` and `results trades`: rows by many filters, as a table, CSV or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from trading_pipeline.cli.results.opened import known_results
from trading_pipeline.cli.session import stdout_console
from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR
from trading_pipeline.reporting.page.cells import named_instruments
from trading_pipeline.reporting.page.metric_labels import TRADE_LABELS, MetricLabel, metric_label
from trading_pipeline.reporting.page.number_format import MISSING, as_number, format_value
from trading_pipeline.stages.results.export import as_json, write_table
from trading_pipeline.stages.results.local_times import ResultClock
from trading_pipeline.stages.results.split_note import split_note
from trading_pipeline.storage.csv_files import csv_text
from trading_pipeline.storage.stores.result_queries import (
    TRADE_COLUMNS,
    Page,
    ResultFilter,
    TradeFilter,
)

__all__ = ["Output", "run_list", "run_trades", "stamp_text"]

Row = Mapping[str, Any]
_LISTED = ("total_return", "benchmark_total_return", "sharpe", "max_drawdown", "trade_count")
_SPAN = ("from_ts", "to_ts")
_FILLS = (("entry_ts", "entry_price"), ("exit_ts", "exit_price"))
_OWN = ("seq", "row_hash", "frames")  # of the store alone


@dataclass(frozen=True)
class Output:
    """How rows are printed; `csv`: a file, or - for standard output."""

    limit: int
    page: int
    csv: str | None
    overwrite: bool
    local: bool
    zone: str | None
    as_json: bool

    @property
    def is_for_programs(self) -> bool:
        """True for CSV and JSON."""
        return self.as_json or self.csv is not None

    @property
    def is_exact(self) -> bool:
        """True where stamps stay as they are stored, since no zone was asked for."""
        return not self.local and self.zone is None

    @property
    def rows(self) -> int | None:
        """Rows that are read: a page of them, or all for CSV."""
        return None if self.csv is not None else self.limit


def run_list(wanted: ResultFilter, output: Output) -> None:
    """Print the results that meet the filter."""
    queries = known_results()
    found = queries.listed(wanted, limit=output.rows, page=output.page)
    instruments = queries.instruments_of([row["result_id"] for row in found.rows])
    clock = ResultClock(instruments, output.local, output.zone)
    if output.is_for_programs:
        rows = [_shown_result(row, clock, exact=output.is_exact) for row in found.rows]
        _write(rows, found, output, "results", ["result_id", *queries.metric_names()])
        return
    rows = [_shown_result(row, clock) for row in found.rows]
    table = _table(
        ("Result\nstored", "Scenario\ninstrument", "From\nto"),
        [_head(metric_label(name)) for name in _LISTED],
    )
    for row in rows:
        table.add_row(*_result_cells(row))
    stdout_console().print(table)
    _print_end(found, clock, rows, "result", queries.count())


def run_trades(beginning: str, wanted: TradeFilter, output: Output) -> None:
    """Print the trades of a result that meet the filter."""
    queries = known_results()
    result_id = queries.resolve(beginning)
    found = queries.trades(result_id, wanted, limit=output.rows, page=output.page)
    clock = ResultClock(queries.instruments_of([result_id]), output.local, output.zone)
    exact = output.is_for_programs and output.is_exact
    rows = [
        {
            **{name: value for name, value in row.items() if name not in _OWN},
            **{n: clock.shown(row[n], row["instrument"], exact=exact) for n, _ in _FILLS},
        }
        for row in found.rows
    ]
    if output.is_for_programs:
        _write(rows, found, output, "trades", ["result_id", *TRADE_COLUMNS], result_id=result_id)
        return
    many = len({row["instrument"] for row in rows}) > 1
    table = _trade_table(many=many)
    for row in rows:
        table.add_row(
            str(row["trade_no"]) + f"\n{escape(str(row['instrument']))}" * many,
            f"{row['side']}\n{_trade_cell(row, 'quantity')}",
            *(_fill_cell(row, ts, price) for ts, price in _FILLS),
            "\n".join(_number(row[name], TRADE_LABELS[name]) for name in ("pnl", "return")),
            *(_trade_cell(row, name) for name in ("bars_held", "exit_reason")),
        )
    stdout_console().print(table)
    note = split_note(
        found.rows,
        queries.splits_of(list(clock.instruments)),
        last=queries.rows_of([result_id])[0]["to_ts"],
        instruments=clock.instruments,
    )
    if note:
        stdout_console().print(note, markup=False, soft_wrap=True)
    _print_end(found, clock, rows, "trade", None)


def stamp_text(stamp: object) -> str:
    """A date, or a moment to the minute in the zone that it is in."""
    if isinstance(stamp, datetime):
        return f"{stamp:%Y-%m-%d %H:%M}"
    return MISSING if stamp is None else str(stamp)


def _trade_table(*, many: bool) -> Table:
    """Two lines a trade, so that every number is whole in 80 characters."""
    heads = ("Side\nQuantity", "Entry\nprice", "Exit\nprice", "P&L\nreturn %", "Bars\nheld")
    table = _table(["No.\nInstrument" if many else "No."], heads, whole=True)
    table.add_column("Exit\nreason", justify="right", overflow="fold")
    return table


def _fill_cell(row: Row, stamp: str, price: str) -> str:
    """Date above the price; a time of day stands beside the price."""
    day, _, time = stamp_text(row[stamp]).partition(" ")
    return f"{day}\n{time} {_trade_cell(row, price)}"


def _trade_cell(row: Row, name: str) -> str:
    return escape(format_value(row[name], TRADE_LABELS[name].kind))


def _shown_result(row: Row, clock: ResultClock, *, exact: bool = False) -> dict[str, Any]:
    first = str(row["instruments"]).split(INSTRUMENT_SEPARATOR)[0]
    return {
        **{name: value for name, value in row.items() if name not in _OWN},
        **{name: clock.shown(row[name], first, exact=exact) for name in _SPAN},
        "created_at": row["created_at"].astimezone(clock.zone_of(first)),
    }


def _result_cells(row: Row) -> list[str]:
    span = "\n".join(stamp_text(row[name]) for name in _SPAN)
    return [
        f"{row['result_id']}\n{row['created_at']:%y-%m-%d %H:%M}",
        escape(f"{row['scenario']}\n{named_instruments(str(row['instruments']), 2)}"),
        span,
        *(_number(row.get(name), metric_label(name)) for name in _LISTED),
    ]


def _head(label: MetricLabel) -> str:
    """The short name in at most two lines, with the unit."""
    return label.short_label.replace(" ", "\n", 1) + " %" * (label.kind == "percent")


def _number(value: object, label: MetricLabel) -> str:
    """As its kind is read; a percentage shorter, since its head has the sign."""
    number = as_number(value)
    if label.kind != "percent" or number is None:
        return escape(format_value(value, label.kind))
    return f"{round(100.0 * number, 1) + 0.0:,.1f}".replace("-", "−")


def _table(words: Sequence[str], numbers: Sequence[str], *, whole: bool = False) -> Table:
    """A table whose first columns hold words, and which fits 80 characters.

    `whole`: numbers are never folded.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for head in words:
        table.add_column(head, overflow="fold", no_wrap=not head.startswith("Scenario"))
    for head in numbers:
        table.add_column(head, justify="right", overflow="fold", no_wrap=whole)
    return table


def _write(
    rows: Sequence[Row],
    found: Page,
    output: Output,
    noun: str,
    columns: Sequence[str],
    **more: object,
) -> None:
    """Print JSON, or write CSV; `columns`: its head where there is no row."""
    if output.csv is None:
        told = {**more, "total": found.total, "page": found.number, "pages": found.pages}
        typer.echo(as_json({**told, noun: rows}))
        return
    columns = list(dict.fromkeys(name for row in rows for name in row)) or columns
    text = csv_text(columns, rows)
    if output.csv == "-":
        typer.echo(text, nl=False)
        return
    path = Path(output.csv).expanduser()
    write_table(path, text, overwrite=output.overwrite)
    stdout_console().print(f"{len(rows):,} {noun}: {path}", markup=False, soft_wrap=True)


def _print_end(
    found: Page, clock: ResultClock, rows: Sequence[Row], noun: str, stored: int | None
) -> None:
    of_all = "" if stored is None or stored == found.total else f" ({stored:,} are stored)"
    count = f"{found.total:,} {noun}{'' if found.total == 1 else 's'}{of_all}"
    page = f", page {found.number:,} of {found.pages:,}" if found.pages > 1 else ""
    texts = [str(row.get("instruments", row.get("instrument"))) for row in rows]
    names = {name for text in texts for name in text.split(INSTRUMENT_SEPARATOR)}
    zones = clock.told(names)
    stdout_console().print(
        f"{count}{page}. Times are {zones}; a daily bar is named by its date.",
        markup=False,
        soft_wrap=True,
    )
