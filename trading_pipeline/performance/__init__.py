"""What a series of returns or a list of trades is worth.

Read `bar_returns` first (equity to returns and drawdowns), then `return_metrics`, `trade_metrics`
and `benchmark_metrics`; then `dependence`, which says how sure a Sharpe ratio is
(`sharpe_statistics` has the published formulas for independent bars). `summary.summarize` calls
them all. `headline_intervals` gives the intervals that are stored with a result, by
`clustered_volatility` and `stationary_bootstrap`. `search` says how far the best of many trials
can be believed. The others stand alone: `bootstrap_intervals`,
`rolling_metrics`, `drawdown_table`, `period_returns`, `cost_sensitivity` and
`daily_target_statistics`. Only arrays and frames come in:
no engine, no storage, no formatting.
"""

from __future__ import annotations

from trading_pipeline.performance.headline_intervals import INTERVAL_NAMES, headline_intervals
from trading_pipeline.performance.summary import METRIC_NAMES, summarize

__all__ = ["INTERVAL_NAMES", "METRIC_NAMES", "headline_intervals", "summarize"]
