"""Label, unit, meaning and source of the statistics of a search, for the glossary.

The keys are those of a study's summary (docs/studies.md).
"""

from __future__ import annotations

from trading_pipeline.reporting.page.metric_labels import MetricLabel

__all__ = ["SEARCH_GROUP", "SEARCH_LABELS"]

SEARCH_GROUP = "Statistics of a search"

SEARCH_LABELS: dict[str, MetricLabel] = {
    "pbo": MetricLabel(
        "Probability of backtest overfitting",
        "ratio",
        SEARCH_GROUP,
        "Share of all splits of the history into halves in which the best of one half is not above "
        "the middle in the other (Bailey, Borwein, Lopez de Prado and Zhu 2017)",
        short="PBO",
    ),
    "spa": MetricLabel(
        "Test for superior predictive ability",
        "ratio",
        SEARCH_GROUP,
        "P-value that no trial has a higher mean return than the benchmark, with all trials tried "
        "at once (Hansen 2005)",
        short="SPA",
    ),
    "stepm": MetricLabel(
        "Stepwise multiple test",
        "text",
        SEARCH_GROUP,
        "The trials that beat the benchmark, with a chance of 5 % that any is named wrongly "
        "(Romano and Wolf 2005)",
        short="StepM",
    ),
    "effective_trials": MetricLabel(
        "Effective number of trials",
        "count",
        SEARCH_GROUP,
        "Independent trials that the correlated ones are worth: their number squared over the sum "
        "of squared correlations (participation ratio)",
    ),
    "expected_best_sharpe": MetricLabel(
        "Expected best Sharpe ratio",
        "ratio",
        SEARCH_GROUP,
        "Sharpe ratio that the best of all trials without skill is expected to show (Bailey and "
        "Lopez de Prado 2014)",
    ),
    "needed_sharpe": MetricLabel(
        "Needed Sharpe ratio",
        "ratio",
        SEARCH_GROUP,
        "Lowest Sharpe ratio at which the best would stand out from luck and from holding",
    ),
    "bars_needed": MetricLabel(
        "Bars needed",
        "bars",
        SEARCH_GROUP,
        "Further bars after which the measured Sharpe ratio would stand out, if it stayed as it is",
    ),
    "deflated_appraisal_ratio": MetricLabel(
        "Deflated appraisal ratio",
        "ratio",
        SEARCH_GROUP,
        "The deflated Sharpe ratio of the part of the return that holding does not explain "
        "(Treynor and Black 1973); undefined where holding did not gain",
    ),
    "plateau": MetricLabel(
        "Plateau",
        "text",
        SEARCH_GROUP,
        "Whether neighbouring parameters keep at least half of the lead of the best (plateau), "
        "less than a fifth (spike), or something between (slope)",
    ),
    "importance": MetricLabel(
        "Parameter importance",
        "ratio",
        SEARCH_GROUP,
        "Share of the variance of the results that a parameter explains by itself (epsilon "
        "squared; Kelley 1935)",
    ),
    "stress": MetricLabel(
        "Stress",
        "text",
        SEARCH_GROUP,
        "Sharpe ratio of the best in halves, years, calm and wild markets, and its metrics at "
        "none, twice and three times the costs",
    ),
    "break_even_cost_bps": MetricLabel(
        "Break-even cost, in bps",
        "ratio",
        SEARCH_GROUP,
        "All costs of a fill, in basis points of its value, at which the best neither gains nor "
        "loses; found by reruns",
    ),
    "minimum_track_record_bars": MetricLabel(
        "Minimum track record length",
        "bars",
        SEARCH_GROUP,
        "Bars after which a Sharpe ratio is above 0 with 95 % confidence (Bailey and Lopez de "
        "Prado 2012)",
        short="MinTRL",
    ),
    "minimum_backtest_years": MetricLabel(
        "Minimum backtest length",
        "years",
        SEARCH_GROUP,
        "Years below which the best of as many trials without skill is expected to reach a Sharpe "
        "ratio of 1 (Bailey, Borwein, Lopez de Prado and Zhu 2014)",
        short="MinBTL",
    ),
    "walk_forward": MetricLabel(
        "Walk-forward efficiency",
        "ratio",
        SEARCH_GROUP,
        "Result on the windows after those that chose the parameters, over the result on these "
        "(Pardo 2008)",
    ),
}
