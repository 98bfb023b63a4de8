"""Cells and column heads of tables, from a value and its label."""

from __future__ import annotations

from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR
from trading_pipeline.reporting.page.layout import Cell, Column
from trading_pipeline.reporting.page.metric_labels import MetricLabel
from trading_pipeline.reporting.page.number_format import (
    as_number,
    format_value,
    is_missing,
    sign_class,
)

__all__ = ["label_column", "named_instruments", "value_cell"]


def named_instruments(text: str, most: int) -> str:
    """The instruments of a result, and only their number where there are more than `most`.

    >>> named_instruments("AAPL_1d", 1), named_instruments("AAPL_1d, IBM_1d", 1)
    ('AAPL_1d', '2 instruments')
    """
    count = len(text.split(INSTRUMENT_SEPARATOR))
    return text if count <= most else f"{count} instruments"


def value_cell(value: object, label: MetricLabel, *, sortable: bool = False) -> Cell:
    """The value in the form of its kind, coloured where the label is signed."""
    words = label.kind in ("text", "time")
    number = None if words else as_number(value)
    return Cell(
        format_value(value, label.kind),
        "text" if words else sign_class(number) if label.signed else "",
        sort=("" if number is None else repr(number)) if sortable else None,
        title="Not defined for this result" if is_missing(value) else "",
    )


def label_column(label: MetricLabel, *, sortable: bool = False) -> Column:
    """A head with the short name; the meaning is its hover title."""
    css = "text" if label.kind in ("text", "time") else ""
    return Column(label.short_label, css, "number" if sortable else "", label.help)
