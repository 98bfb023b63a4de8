"""This file holds how each metric is called, written and explained in reports."""

from __future__ import annotations

from dataclasses import dataclass

from trading_pipeline.reporting.page.number_format import NumberKind

__all__ = ["GROUPS", "METRIC_LABELS", "MetricLabel", "metric_label"]


@dataclass(frozen=True)
class MetricLabel:
    """Words for a metric; `signed` ones are coloured by gain and loss."""

    label: str
    kind: NumberKind
    group: str
    help: str
    signed: bool = False


GROUPS = ("Return", "Risk", "Statistics", "Trades", "Exposure and costs", "Against buy and hold")
_R, _K, _S, _T, _E, _B = GROUPS

METRIC_LABELS: dict[str, MetricLabel] = {
    "total_return": MetricLabel("Total return", "percent", _R, "Over the whole period", True),
    "cagr": MetricLabel("Growth a year", "percent", _R, "Compound annual growth rate", True),
    "initial_equity": MetricLabel("Initial equity", "money", _R, "Account before the first bar"),
    "final_equity": MetricLabel("Final equity", "money", _R, "Account at the last close"),
    "best_bar": MetricLabel("Best bar", "percent", _R, "Largest return of a bar", True),
    "worst_bar": MetricLabel("Worst bar", "percent", _R, "Smallest return of a bar", True),
    "share_of_up_bars": MetricLabel("Bars with a gain", "percent", _R, "Share of all bars"),
    "mean_bar_return": MetricLabel("Mean bar", "percent", _R, "Mean return of a bar", True),
    "sharpe": MetricLabel("Sharpe ratio", "ratio", _K, "Mean over deviation, a year, no cash rate"),
    "sortino": MetricLabel("Sortino ratio", "ratio", _K, "Mean over downside deviation, a year"),
    "calmar": MetricLabel("Calmar ratio", "ratio", _K, "Growth a year over the deepest drawdown"),
    "annual_volatility": MetricLabel("Volatility a year", "percent", _K, "Standard deviation"),
    "max_drawdown": MetricLabel("Deepest drawdown", "percent", _K, "From a peak of equity", True),
    "longest_drawdown_bars": MetricLabel("Longest drawdown", "bars", _K, "Bars below a peak"),
    "recovery_factor": MetricLabel("Recovery factor", "ratio", _K, "Total return over drawdown"),
    "ulcer_index": MetricLabel("Ulcer index", "percent", _K, "Root mean square of drawdowns"),
    "martin_ratio": MetricLabel("Martin ratio", "ratio", _K, "Growth a year over ulcer index"),
    "value_at_risk_95": MetricLabel("Value at risk 95 %", "percent", _K, "A bar", True),
    "conditional_value_at_risk_95": MetricLabel(
        "Expected shortfall 95 %", "percent", _K, "Mean of the worst 5 % of bars", True
    ),
    "bar_return_deviation": MetricLabel("Deviation of a bar", "percent", _K, "Standard deviation"),
    "bars": MetricLabel("Bars", "count", _S, "Bars that were traded on"),
    "years": MetricLabel("Years", "years", _S, "Bars over bars in a year"),
    "probabilistic_sharpe_ratio": MetricLabel(
        "Probabilistic Sharpe", "percent", _S, "Chance that the true Sharpe ratio is above 0"
    ),
    "deflated_sharpe_ratio": MetricLabel(
        "Deflated Sharpe", "percent", _S, "The same after all trials that were made"
    ),
    "minimum_track_record_bars": MetricLabel(
        "Bars needed", "bars", _S, "Track record for 95 % confidence in a Sharpe ratio above 0"
    ),
    "lo_standard_error_annual": MetricLabel(
        "Error of the Sharpe", "ratio", _S, "Standard error a year (Lo 2002)"
    ),
    "skewness": MetricLabel("Skewness", "ratio", _S, "Of bar returns"),
    "kurtosis": MetricLabel("Kurtosis", "ratio", _S, "Of bar returns"),
    "omega": MetricLabel("Omega ratio", "ratio", _S, "Sum of gains over sum of losses"),
    "tail_ratio": MetricLabel("Tail ratio", "ratio", _S, "95th over 5th percentile of bars"),
    "stability_r2": MetricLabel("Stability", "ratio", _S, "R squared of log equity on time"),
    "trade_count": MetricLabel("Trades", "count", _T, "Round trips, open ones included"),
    "open_trade_count": MetricLabel("Open trades", "count", _T, "Marked at the last close"),
    "long_trade_count": MetricLabel("Long trades", "count", _T, "Bought first"),
    "short_trade_count": MetricLabel("Short trades", "count", _T, "Sold first"),
    "win_rate": MetricLabel("Trades with a gain", "percent", _T, "Share of closed trades"),
    "profit_factor": MetricLabel("Profit factor", "ratio", _T, "Sum of gains over losses"),
    "payoff_ratio": MetricLabel("Payoff ratio", "ratio", _T, "Average gain over average loss"),
    "expectancy": MetricLabel("Mean result", "money", _T, "Money a trade", True),
    "expectancy_return": MetricLabel("Mean return", "percent", _T, "Of a trade", True),
    "average_win": MetricLabel("Average gain", "money", _T, "Money a winning trade", True),
    "average_loss": MetricLabel("Average loss", "money", _T, "Money a losing trade", True),
    "best_trade_return": MetricLabel("Best trade", "percent", _T, "Return", True),
    "worst_trade_return": MetricLabel("Worst trade", "percent", _T, "Return", True),
    "sqn": MetricLabel("System quality", "ratio", _T, "System quality number"),
    "longest_winning_streak": MetricLabel("Longest run of gains", "count", _T, "Trades"),
    "longest_losing_streak": MetricLabel("Longest run of losses", "count", _T, "Trades"),
    "average_bars_held": MetricLabel("Average holding", "bars", _T, "Bars in a trade"),
    "total_fees": MetricLabel("Fees", "money", _E, "All trades"),
    "total_slippage": MetricLabel("Slippage", "money", _E, "All trades"),
    "time_in_market": MetricLabel("Time in the market", "percent", _E, "Share of closes"),
    "average_exposure": MetricLabel("Average exposure", "percent", _E, "Position over equity"),
    "largest_exposure": MetricLabel("Largest exposure", "percent", _E, "Position over equity"),
    "turnover_annual": MetricLabel("Turnover a year", "ratio", _E, "Entries over mean equity"),
    "benchmark_total_return": MetricLabel("Its total return", "percent", _B, "Whole period", True),
    "benchmark_cagr": MetricLabel("Its growth a year", "percent", _B, "Compound", True),
    "benchmark_sharpe": MetricLabel("Its Sharpe ratio", "ratio", _B, "A year"),
    "benchmark_max_drawdown": MetricLabel("Its deepest drawdown", "percent", _B, "", True),
    "excess_return": MetricLabel("Return above it", "percent", _B, "Difference of totals", True),
    "alpha": MetricLabel("Alpha", "percent", _B, "Return that beta does not explain", True),
    "beta": MetricLabel("Beta", "ratio", _B, "Move for a move of 1 of buy and hold"),
    "correlation": MetricLabel("Correlation", "ratio", _B, "Of bar returns"),
    "tracking_error": MetricLabel("Tracking error", "percent", _B, "Deviation of the difference"),
    "information_ratio": MetricLabel("Information ratio", "ratio", _B, "Mean over tracking error"),
    "up_capture": MetricLabel("Up capture", "percent", _B, "Share of its growth in rising bars"),
    "down_capture": MetricLabel("Down capture", "percent", _B, "Share of its loss in falling bars"),
}


def metric_label(name: str) -> MetricLabel:
    """Label of a metric; one that nobody has described is shown by its name, as a ratio.

    >>> metric_label("sharpe").label, metric_label("my_metric").label
    ('Sharpe ratio', 'My metric')
    """
    words = name.replace("_", " ").capitalize()
    return METRIC_LABELS.get(name, MetricLabel(words, "ratio", "Statistics", ""))
