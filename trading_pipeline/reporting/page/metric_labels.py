"""Label, unit and meaning of every metric and table column, for reports and the command line.

`docs/glossary.md` is built from this file (`tools/build_glossary.py`), and hover titles show the
same words. Only labels may change here: the keys are table columns and JSON keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from trading_pipeline.reporting.page.number_format import ValueKind

__all__ = [
    "GROUPS",
    "INTERVAL_WORDS",
    "LEADERBOARD_LABELS",
    "METRIC_LABELS",
    "TRADE_LABELS",
    "MetricLabel",
    "interval_words",
    "metric_label",
]


@dataclass(frozen=True)
class MetricLabel:
    """Name, unit and meaning; gains and losses of `signed` ones are coloured.

    `short` is the name in narrow tables; where it is empty, `label` serves there too.
    """

    label: str
    kind: ValueKind
    group: str
    help: str
    signed: bool = False
    short: str = ""

    @property
    def short_label(self) -> str:
        """The name in narrow tables."""
        return self.short or self.label


GROUPS = ("Return", "Risk", "Statistics", "Trades", "Exposure and costs", "Versus buy and hold")
_R, _K, _S, _T, _E, _B = GROUPS

METRIC_LABELS: dict[str, MetricLabel] = {
    "total_return": MetricLabel(
        "Total return", "percent", _R, "Compounded return over the whole period", True, "Return"
    ),
    "cagr": MetricLabel("CAGR", "percent", _R, "Compound annual growth rate", True),
    "initial_equity": MetricLabel(
        "Initial equity", "money", _R, "Account value before the first bar"
    ),
    "final_equity": MetricLabel("Final equity", "money", _R, "Account value at the last close"),
    "best_bar": MetricLabel("Best bar", "percent", _R, "Largest return of one bar", True),
    "worst_bar": MetricLabel("Worst bar", "percent", _R, "Smallest return of one bar", True),
    "share_of_up_bars": MetricLabel(
        "Positive bars", "percent", _R, "Share of bars with a return above 0"
    ),
    "mean_bar_return": MetricLabel(
        "Mean bar return", "percent", _R, "Arithmetic mean of the bar returns", True
    ),
    "sharpe": MetricLabel(
        "Sharpe ratio",
        "ratio",
        _K,
        "Mean bar return over its standard deviation, annualized; the risk-free rate is 0",
        short="Sharpe",
    ),
    "sortino": MetricLabel(
        "Sortino ratio", "ratio", _K, "Mean bar return over downside deviation, annualized"
    ),
    "calmar": MetricLabel("Calmar ratio", "ratio", _K, "CAGR over the size of the max drawdown"),
    "annual_volatility": MetricLabel(
        "Annual volatility", "percent", _K, "Standard deviation of bar returns, annualized"
    ),
    "max_drawdown": MetricLabel(
        "Max drawdown", "percent", _K, "Largest fall of equity from an earlier peak", True, "Max DD"
    ),
    "longest_drawdown_bars": MetricLabel(
        "Max drawdown duration", "bars", _K, "Most consecutive bars that closed below a peak"
    ),
    "recovery_factor": MetricLabel(
        "Recovery factor", "ratio", _K, "Total return over the size of the max drawdown"
    ),
    "ulcer_index": MetricLabel(
        "Ulcer index", "percent", _K, "Root mean square of the drawdowns at all closes"
    ),
    "martin_ratio": MetricLabel("Martin ratio", "ratio", _K, "CAGR over the ulcer index"),
    "value_at_risk_95": MetricLabel(
        "Value at risk (95 %)", "percent", _K, "5th percentile of the bar returns", True
    ),
    "conditional_value_at_risk_95": MetricLabel(
        "Expected shortfall (95 %)", "percent", _K, "Mean of the worst 5 % of bar returns", True
    ),
    "bar_return_deviation": MetricLabel(
        "Bar volatility", "percent", _K, "Standard deviation of bar returns, not annualized"
    ),
    "bars": MetricLabel("Bars", "count", _S, "Bars in the backtest"),
    "years": MetricLabel(
        "Years", "years", _S, "Time from the first bar to the last, in years of 365.25 days"
    ),
    "periods_per_year": MetricLabel(
        "Bars a year",
        "count",
        _S,
        "Bars that count as a year: the calendar's, or those observed where fewer are there",
    ),
    "probabilistic_sharpe_ratio": MetricLabel(
        "Probabilistic Sharpe ratio",
        "percent",
        _S,
        "Probability that the true Sharpe is above 0; knows that neighbouring bars depend on each "
        "other",
    ),
    "plain_probabilistic_sharpe_ratio": MetricLabel(
        "Probabilistic Sharpe ratio, plain",
        "percent",
        _S,
        "The same as if bars were independent (Bailey and Lopez de Prado 2012)",
    ),
    "deflated_sharpe_ratio": MetricLabel(
        "Deflated Sharpe ratio",
        "percent",
        _S,
        "Probability that the true Sharpe is above the best that all trials reach by chance",
        short="Deflated Sharpe",
    ),
    "plain_deflated_sharpe_ratio": MetricLabel(
        "Deflated Sharpe ratio, plain",
        "percent",
        _S,
        "The same as if bars were independent (Bailey and Lopez de Prado 2014)",
        short="Plain DSR",
    ),
    "minimum_track_record_bars": MetricLabel(
        "Minimum track record length",
        "bars",
        _S,
        "Bars needed for 95 % confidence that the Sharpe ratio is above 0, with the dependence of "
        "the bars",
    ),
    "plain_minimum_track_record_bars": MetricLabel(
        "Minimum track record length, plain",
        "bars",
        _S,
        "The same as if bars were independent (Bailey and Lopez de Prado 2012)",
    ),
    "sharpe_standard_error": MetricLabel(
        "Sharpe standard error",
        "ratio",
        _S,
        "Standard error of the annualized ratio, with the dependence of the bars",
    ),
    "lo_standard_error_annual": MetricLabel(
        "Sharpe standard error, plain",
        "ratio",
        _S,
        "The same as if bars were independent and normal (Lo 2002)",
    ),
    "sharpe_variance_inflation": MetricLabel(
        "Sharpe variance inflation",
        "ratio",
        _S,
        "Variance of the Sharpe ratio with the dependence of the bars over that without",
    ),
    "sharpe_degrees_of_freedom": MetricLabel(
        "Sharpe degrees of freedom",
        "count",
        _S,
        "Degrees of freedom of the standard error; few where few bars made the result",
    ),
    "skewness": MetricLabel("Skewness", "ratio", _S, "Third standardized moment of bar returns"),
    "kurtosis": MetricLabel(
        "Kurtosis", "ratio", _S, "Fourth standardized moment of bar returns; 3 for a normal law"
    ),
    "omega": MetricLabel("Omega ratio", "ratio", _S, "Sum of gains over sum of losses, by bar"),
    "tail_ratio": MetricLabel(
        "Tail ratio", "ratio", _S, "95th over 5th percentile of bar returns, by size"
    ),
    "stability_r2": MetricLabel(
        "Stability (R²)", "ratio", _S, "R squared of cumulative log returns against time"
    ),
    "trade_count": MetricLabel("Trades", "count", _T, "Round trips, open ones included"),
    "open_trade_count": MetricLabel(
        "Open trades", "count", _T, "Not closed yet; marked at the last close"
    ),
    "long_trade_count": MetricLabel("Long trades", "count", _T, "Round trips that bought first"),
    "short_trade_count": MetricLabel("Short trades", "count", _T, "Round trips that sold first"),
    "win_rate": MetricLabel(
        "Win rate", "percent", _T, "Share of closed trades with a profit after costs"
    ),
    "profit_factor": MetricLabel("Profit factor", "ratio", _T, "Gross profit over gross loss"),
    "payoff_ratio": MetricLabel(
        "Payoff ratio", "ratio", _T, "Average win over the size of the average loss"
    ),
    "expectancy": MetricLabel(
        "Expectancy", "money", _T, "Mean profit or loss of a closed trade", True
    ),
    "expectancy_return": MetricLabel(
        "Expectancy (return)", "percent", _T, "Mean return of a closed trade", True
    ),
    "average_win": MetricLabel("Average win", "money", _T, "Mean profit of winning trades", True),
    "average_loss": MetricLabel("Average loss", "money", _T, "Mean loss of losing trades", True),
    "best_trade_return": MetricLabel(
        "Best trade", "percent", _T, "Largest return of a closed trade", True
    ),
    "worst_trade_return": MetricLabel(
        "Worst trade", "percent", _T, "Smallest return of a closed trade", True
    ),
    "sqn": MetricLabel(
        "System quality number",
        "ratio",
        _T,
        "Mean profit or loss over its deviation, times the root of the number of closed trades",
    ),
    "longest_winning_streak": MetricLabel(
        "Longest winning streak", "count", _T, "Most winning trades in a row"
    ),
    "longest_losing_streak": MetricLabel(
        "Longest losing streak", "count", _T, "Most losing trades in a row"
    ),
    "average_bars_held": MetricLabel(
        "Average holding period", "bars", _T, "Mean number of bars that a closed trade was held"
    ),
    "total_fees": MetricLabel("Total fees", "money", _E, "Commissions of all trades"),
    "total_slippage": MetricLabel(
        "Total slippage", "money", _E, "What fills away from the quoted price cost, all trades"
    ),
    "time_in_market": MetricLabel(
        "Time in market", "percent", _E, "Share of closes with an open position"
    ),
    "average_exposure": MetricLabel(
        "Average exposure", "percent", _E, "Mean of position value over equity at the closes"
    ),
    "largest_exposure": MetricLabel(
        "Max exposure", "percent", _E, "Largest position value over equity at a close"
    ),
    "turnover_annual": MetricLabel(
        "Annual turnover", "ratio", _E, "Value of all entries over mean equity, annualized"
    ),
    "benchmark_total_return": MetricLabel(
        "Benchmark total return", "percent", _B, "Return of buy and hold", True, "B&H return"
    ),
    "benchmark_cagr": MetricLabel("Benchmark CAGR", "percent", _B, "CAGR of buy and hold", True),
    "benchmark_sharpe": MetricLabel(
        "Benchmark Sharpe ratio", "ratio", _B, "Sharpe ratio of buy and hold", short="B&H Sharpe"
    ),
    "benchmark_max_drawdown": MetricLabel(
        "Benchmark max drawdown",
        "percent",
        _B,
        "Max drawdown of buy and hold",
        True,
        "B&H max DD",
    ),
    "excess_return": MetricLabel(
        "Excess return", "percent", _B, "Total return less that of buy and hold", True
    ),
    "alpha": MetricLabel(
        "Alpha", "percent", _B, "Annual return that beta does not explain (Jensen 1968)", True
    ),
    "beta": MetricLabel(
        "Beta", "ratio", _B, "Mean move of the strategy for a move of 1 in buy and hold"
    ),
    "correlation": MetricLabel(
        "Correlation", "ratio", _B, "Correlation of the bar returns with those of buy and hold"
    ),
    "tracking_error": MetricLabel(
        "Tracking error", "percent", _B, "Standard deviation of the difference, annualized"
    ),
    "information_ratio": MetricLabel(
        "Information ratio", "ratio", _B, "Mean difference over its deviation, annualized"
    ),
    "up_capture": MetricLabel(
        "Up capture", "percent", _B, "Growth relative to buy and hold over the bars it rose"
    ),
    "down_capture": MetricLabel(
        "Down capture", "percent", _B, "Loss relative to buy and hold over the bars it fell"
    ),
}

_LIST, _BOARD = "Trade list", "Leaderboard"
TRADE_LABELS: dict[str, MetricLabel] = {
    "trade_no": MetricLabel("No.", "count", _LIST, "Number of the round trip, oldest first"),
    "side": MetricLabel("Side", "text", _LIST, "long: bought first; short: sold first"),
    "quantity": MetricLabel("Quantity", "quantity", _LIST, "Shares, coins or contracts"),
    "entry_ts": MetricLabel("Entry", "time", _LIST, "Bar of the entry, in UTC"),
    "entry_price": MetricLabel("Entry price", "price", _LIST, "Price of the entry, as traded"),
    "exit_ts": MetricLabel("Exit", "time", _LIST, "Bar of the exit, in UTC"),
    "exit_price": MetricLabel("Exit price", "price", _LIST, "Price of the exit, as traded"),
    "fees": MetricLabel("Fees", "money", _LIST, "Commissions of entry and exit"),
    "pnl": MetricLabel("P&L", "money", _LIST, "Profit or loss after costs", True),
    "return": MetricLabel("Return", "percent", _LIST, "P&L over the value of the entry", True),
    "bars_held": MetricLabel("Bars held", "bars", _LIST, "Bars that the position was open"),
    "mfe": MetricLabel(
        "MFE",
        "percent",
        _LIST,
        "Maximum favourable excursion: best move from the entry price while open",
    ),
    "mae": MetricLabel(
        "MAE",
        "percent",
        _LIST,
        "Maximum adverse excursion: worst move from the entry price while open",
    ),
    "exit_reason": MetricLabel("Exit reason", "text", _LIST, "What closed the position"),
}
LEADERBOARD_LABELS: dict[str, MetricLabel] = {
    "minimum_backtest_years": MetricLabel(
        "Minimum backtest length",
        "years",
        _BOARD,
        "Years below which the best of all trials without skill is expected to reach a Sharpe of 1",
        short="Years needed",
    ),
    "verdict": MetricLabel(
        "Verdict", "text", _BOARD, "What the numbers support, by the strictest rule that applies"
    ),
    "trials": MetricLabel("Trials", "count", _BOARD, "Trials made so far; they judge the row"),
    "trials_at_creation": MetricLabel(
        "Trials then", "count", _BOARD, "Trials made when this result was created"
    ),
}


INTERVAL_WORDS = (
    "90 % interval, with the dependence of the bars and the clusters of their volatility; it does "
    "not know how many trials were made"
)
"""Meaning of the columns `<metric>_low` and `<metric>_high` of headline metrics."""
_OTHER_HISTORIES = (
    "9 of 10 other histories of the same length would lie between these; it does not know how many "
    "trials were made"
)


def interval_words(name: str) -> str:
    """Meaning of a metric's interval: of the true value, or of other histories of that length."""
    return _OTHER_HISTORIES if name in ("max_drawdown", "calmar") else INTERVAL_WORDS


@cache
def metric_label(name: str) -> MetricLabel:
    """Label of a metric or column; an unknown one is shown by its name, as a ratio.

    >>> metric_label("sharpe").label, metric_label("my_metric").label
    ('Sharpe ratio', 'My metric')
    >>> metric_label("sharpe_low").label
    'Sharpe ratio, 90 % low'
    """
    words = name.replace("_", " ").capitalize()
    known = METRIC_LABELS | LEADERBOARD_LABELS
    of, _, bound = name.rpartition("_")
    if bound in ("low", "high") and of in METRIC_LABELS:
        whole = METRIC_LABELS[of]
        named = f"{whole.label}, 90 % {bound}"
        return replace(whole, label=named, help=interval_words(of), short=f"{bound} (90 %)")
    return known.get(name, MetricLabel(words, "ratio", "Statistics", ""))
