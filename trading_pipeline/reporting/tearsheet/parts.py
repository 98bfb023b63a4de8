"""Parts that the pages of one result share: curves, settings, provenance."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

import pandas as pd

from trading_pipeline.domain.hashing import SHOWN_DIGITS
from trading_pipeline.reporting.page.layout import card, facts, static_text
from trading_pipeline.reporting.page.number_format import MISSING, format_number, format_stamp

__all__ = [
    "FOOTER",
    "LOG_BUTTON",
    "MARKS",
    "ShownResult",
    "chart_box",
    "chart_scripts",
    "curve_cards",
    "provenance_card",
    "settings_card",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class ShownResult:
    """What every page of one result shows.

    Parameters
    ----------
    result_id, scenario, strategy, parameters
        What was run, for the head and the facts.
    equity, benchmark_equity
        Account value at each bar's close. The benchmark is on the same stamps; None where there is
        none.
    trades
        A result's trades frame.
    metrics, benchmark_metrics
        Values by the names of `performance.METRIC_NAMES`; None or NaN where one is not defined.
    initial_equity, currency
        Account value before the first bar, and its currency.
    hashes
        Hash of each input of the result by name (bars, features, predictions, scenario, code); None
        where the backtest had no such input.
    settings
        Settings of the scenario to list, by name.
    warnings
        Sentences of the engine and of the run.
    trials
        Trials made when the result was created.
    source
        Name of the source of the bars.
    run_id, created_at
        The run that made the result, and when.
    """

    result_id: str
    scenario: str
    strategy: str
    parameters: Mapping[str, object]
    equity: pd.Series
    trades: pd.DataFrame
    metrics: Mapping[str, float | None]
    initial_equity: float
    currency: str = "USD"
    benchmark_equity: pd.Series | None = None
    benchmark_metrics: Mapping[str, float | None] = field(default_factory=dict)
    hashes: Mapping[str, str | None] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    trials: int | None = None
    source: str | None = None
    run_id: str | None = None
    created_at: datetime | None = None


LOG_BUTTON = '<button id="log" aria-pressed="false" type="button">Log scale</button>'
MARKS = (
    '<span class="long">Long entry</span><span class="short">Short entry</span>'
    '<span class="muted">Exit</span><em id="markers-hint" hidden>Too many trades to draw: zoom in '
    "to see them.</em>"
)
"""Legend of the arrows in a chart of prices."""
FOOTER = (
    "Past results of a rule on past prices; not investment advice. Charts: "
    '<a href="https://www.tradingview.com/" rel="noreferrer">TradingView Lightweight Charts</a> '
    "(Apache-2.0)."
)


def curve_cards(currency: str, benchmark: str) -> list[str]:
    """Cards of equity and drawdown; `benchmark`: its name in the legend, empty where none is."""
    beside = f'<span class="benchmark">{html.escape(benchmark)}</span>' if benchmark else ""
    return [
        card(
            f"Equity ({currency})",
            chart_box("equity", 280, f'<span class="strategy">Strategy</span>{beside}'),
        ),
        card(
            "Drawdown", chart_box("drawdown", 180, f'<span class="short">Strategy</span>{beside}')
        ),
    ]


def chart_box(name: str, height: int, legend: str) -> str:
    """A legend (HTML) above the box that the script draws the chart in."""
    box = f'<div class="chart" id="{name}-chart" style="height:{height}px"></div>'
    return f'<div class="legend">{legend}</div>{box}'


def chart_scripts() -> list[str]:
    """Scripts of a page with charts, in the order in which they run."""
    return [
        static_text("page/static/theme.js"),
        _chart_library(),
        static_text("tearsheet/static/tearsheet.js"),
    ]


def settings_card(report: ShownResult) -> str:
    """Strategy, parameters and settings."""
    cash = f"{format_number(report.initial_equity, 'money')} {report.currency}"
    trials = [] if report.trials is None else [("Trials so far", f"{report.trials:,}")]
    shown = [
        ("Strategy", report.strategy),
        *((name, _plain(value)) for name, value in sorted(report.parameters.items())),
        ("Initial equity", cash),
        *((name, _plain(value)) for name, value in sorted(report.settings.items())),
        *trials,
    ]
    return card("Strategy and settings", facts(shown))


def provenance_card(report: ShownResult) -> str:
    """Hashes of what the result is made of, the source of the bars, the run."""
    hashes = (
        (name.capitalize(), MISSING if value is None else value[:SHOWN_DIGITS])
        for name, value in report.hashes.items()
    )
    shown = [
        ("Result", report.result_id),
        *hashes,
        ("Source of bars", report.source or MISSING),
        ("Run", report.run_id or MISSING),
        ("Created at (UTC)", format_stamp(report.created_at)),
    ]
    return card("Provenance", facts(shown, code=True))


def _plain(value: object) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, sort_keys=True, default=str)
    return MISSING if value is None else str(value)


@cache
def _chart_library() -> str:
    from litecharts import getLwcScript  # ships the library's JavaScript; nothing is downloaded

    script: str = getLwcScript()
    return script.removeprefix("<script>").removesuffix("</script>")
