"""What the pages of one result say of it beside its numbers: settings, hashes, warnings, trades."""

from __future__ import annotations

from typing import Any

import pandas as pd

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.workspace import Workspace

__all__ = ["listed_settings", "shown_hashes", "stored_trades", "stored_warnings"]

_TRADE_STAMPS = ("entry_ts", "exit_ts")
_SHOWN = {  # with labels of their own
    "capital.initial", "costs.commission_bps", "costs.slippage_bps", "execution.fill",
    "execution.intrabar", "sizing.type", "sizing.percent", "sizing.quantity", "sizing.cash",
}  # fmt: skip

_TRADE_COLUMNS = (
    "trade_no",
    "side",
    "quantity",
    "entry_ts",
    "entry_price",
    "exit_ts",
    "exit_price",
    "fees",
    "slippage",
    "pnl",
    "return",
    "bars_held",
    "mfe",
    "mae",
    "exit_reason",
    "is_open",
)


def listed_settings(
    scenario: ScenarioSpec, currency: str, audit_note: str | None
) -> dict[str, object]:
    """Settings of a scenario by name, and what the audit of its strategy came to."""
    return {
        "capital": f"{scenario.capital.initial:,.0f} {currency}",
        "commission": _bps("commission_bps", scenario),
        "slippage": _bps("slippage_bps", scenario),
        "sizing": scenario.sizing.described,
        "fill": scenario.execution.fill,
        "intrabar": scenario.execution.intrabar,
        **{name: value for name, value in scenario.changed_keys().items() if name not in _SHOWN},
        "audit": audit_note or "not audited",
    }


def _bps(name: str, scenario: ScenarioSpec) -> str:
    """Costs of a fill, and that they are the environment's."""
    by_default = ", default of the environment" if name in scenario.default_costs else ""
    return f"{getattr(scenario.costs, name):g} bps of each fill{by_default}"


def shown_hashes(row: dict[str, Any], scenario: ScenarioSpec) -> dict[str, str | None]:
    """Hashes of what a result was made of, by name; None where it had no such input."""
    names = ("bars", "features", "predictions", "settings", "code", "content")
    return {**{name: row[f"{name}_hash"] or None for name in names}, "scenario": scenario.hash}


def stored_warnings(row: dict[str, Any]) -> list[str]:
    """Stored sentences; a result from before audits says that it was not audited."""
    found = [text for text in str(row["warnings"] or "").split("\n") if text]
    if row["audit"] is None:
        found.insert(0, "Not audited: this result is from before strategies were audited. Run it.")
    return found


def stored_trades(
    workspace: Workspace, result_id: str, *, with_instrument: bool = False
) -> pd.DataFrame:
    """The trades of a result in the engine's columns and types."""
    columns = ["trade_no", *["instrument"] * with_instrument, *_TRADE_COLUMNS[1:]]
    frame = pd.DataFrame(workspace.results.trades(result_id), columns=columns)
    for column in _TRADE_STAMPS:
        stamps = [pd.NaT if value is None else value for value in frame[column]]
        frame[column] = pd.DatetimeIndex(stamps, dtype=TS_DTYPE)
    return frame
