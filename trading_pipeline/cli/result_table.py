"""The tables of results, studies and stage times that commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby

from rich import box
from rich.table import Table
from rich.text import Text

from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR
from trading_pipeline.reporting.page.cells import named_instruments
from trading_pipeline.reporting.page.metric_labels import metric_label
from trading_pipeline.reporting.page.number_format import as_number

__all__ = ["result_tables", "stage_table", "study_table", "variant_table"]

_METRICS = (
    "total_return",
    "benchmark_total_return",
    "sharpe",
    "benchmark_sharpe",
    "max_drawdown",
    "benchmark_max_drawdown",
)
_COMPARED = ("total_return", "benchmark_total_return", "sharpe", "max_drawdown")
Row = Mapping[str, object]


def result_tables(rows: Sequence[Row]) -> list[Table]:
    """One table a scenario and one line an instrument, beside buy and hold; 80 columns wide.

    Scenarios are in the order in which they first appear.
    """
    order = list(dict.fromkeys(map(_scenario, rows)))
    ordered = sorted(rows, key=lambda row: order.index(_scenario(row)))
    return [_scenario_table(name, list(group)) for name, group in groupby(ordered, key=_scenario)]


def variant_table(file: str, rows: Sequence[Row], variants: Mapping[str, str]) -> Table:
    """The variants of a file beside each other, one line a variant and instrument.

    `variants`: name of the variant by name of its scenario, in the order of the file.
    """
    order = list(variants)
    told = sorted(rows, key=lambda row: (str(row["instruments"]), order.index(_scenario(row))))
    title = f"Variants of {file} (after costs; B&H: held with the same costs)"
    heads = [_head(name) for name in (*_COMPARED, "trade_count")]
    table = _table(title, ("Variant", "Instrument"), heads)
    table.add_column("Result", no_wrap=True)
    for row in told:
        table.add_row(variants[_scenario(row)], *_cells(row, _COMPARED))
    return table


def study_table(rows: Sequence[Row]) -> Table:
    """The best trial of each study and instrument, and the number of trials it is the best of.

    DSR: its deflated Sharpe ratio by all trials of the ledger. Below, each best's verdict.
    """
    table = _table(
        "Optimization (best of many trials: it looks better than it is)",
        ("Study", "Instrument", "Best parameters"),
        ("Metric", "Best", "Median", "Trials", "DSR"),
    )
    for row in rows:
        table.add_row(
            str(row["study"]),
            str(row["instrument"]),
            _parameters(row.get("best_parameters")),
            str(row["metric"]),
            _number(row.get("best_value")),
            _number(row.get("median_value")),
            str(row["trials"]),
            _number(row.get("deflated_sharpe_ratio")),
        )
    table.caption = _verdicts(rows) or None
    return table


def stage_table(seconds: Mapping[str, float], runs: Mapping[str, int]) -> Table:
    """Time and number of runs of each stage."""
    table = _table("Time by stage", ("Stage",), ("Runs", "Seconds"))
    for name, value in seconds.items():
        table.add_row(name, str(runs.get(name, 0)), f"{value:.1f}")
    table.add_section()
    table.add_row("all", str(sum(runs.values())), f"{sum(seconds.values()):.1f}")
    return table


def _verdicts(rows: Sequence[Row]) -> Text:
    """One sentence a study and instrument, as what is to be believed of the table above."""
    told = [
        f"{row['instrument']}, {row['study']}. {row['verdict_in_words']}"
        for row in rows
        if row.get("verdict_in_words")
    ]
    return Text("\n".join(told))


def _scenario(row: Row) -> str:
    return str(row["scenario"])


def _scenario_table(scenario: str, rows: Sequence[Row]) -> Table:
    heads = [_head(name) for name in (*_METRICS, "trade_count")]
    is_portfolio = INSTRUMENT_SEPARATOR in str(rows[0]["instruments"])
    held = "equal weights, bought once" if is_portfolio else "buy and hold"
    title = f"{scenario} (after costs; B&H: {held} with the same costs)"
    table = _table(title, ("Instrument",), heads)
    table.add_column("Result", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row, _METRICS))
    return table


def _cells(row: Row, metrics: Sequence[str]) -> list[str]:
    """Instruments, metrics and id of a result."""
    return [
        named_instruments(str(row["instruments"]), 1),
        *(_number(row[name], percent=_is_percent(name)) for name in metrics),
        f"{as_number(row['trade_count']) or 0:.0f}",
        str(row["result_id"]),
    ]


def _table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        caption_style="",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    for head in words:
        table.add_column(head, no_wrap=head == "Instrument")
    for head in numbers:
        table.add_column(head, justify="right")
    return table


def _is_percent(name: str) -> bool:
    return metric_label(name).kind == "percent"


def _head(name: str) -> str:
    """The short name in at most two lines, with the unit."""
    return metric_label(name).short_label.replace(" ", "\n", 1) + " %" * _is_percent(name)


def _parameters(text: object) -> str:
    """A trial's parameters without texts, which are the same for all trials, but with distances."""
    values = json.loads(str(text)) if text else {}
    told = {
        name: value
        for name, value in values.items()
        if not isinstance(value, str) or value[:1].isdigit()
    }
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "-"


def _number(value: object, *, percent: bool = False) -> str:
    number = as_number(value)
    if number is None:
        return "-"
    digits = 1 if percent else 2
    rounded = round(number * (100 if percent else 1), digits) + 0.0  # never -0.00
    return f"{rounded:,.{digits}f}"
