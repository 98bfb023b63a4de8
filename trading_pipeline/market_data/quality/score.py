"""The quality score of a window of bars: one number from 0 to 1 that can be plotted.

score = coverage * 0.5^E * product over warning checks of (1 - weight * min(1, n / 5))

`coverage`: share of the due bars that are there. `E`: number of different checks with an ERROR.
`n`: findings of a warning check, those that its last row only counts included. `gap`, `coverage`
and `freshness` weigh nothing of their own, since the missing bars are in the coverage already, and
neither do `partial_last` and `repair`, which say what was rightly left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from trading_pipeline.market_data.quality.findings import Finding

__all__ = ["WARNING_WEIGHTS", "coverage_of", "quality_score"]

WARNING_WEIGHTS = {
    "level_shift": 0.20,
    "split_mismatch": 0.20,
    "spike": 0.10,
    "stale": 0.10,
    "zero_volume": 0.10,
    "extra_bar": 0.05,
    "restatement": 0.05,
}
"""What a warning takes off at most, as a fraction; checks that are absent take off nothing."""
_FULL_AT = 5.0


def coverage_of(index: pd.Index, due: pd.DatetimeIndex) -> float:
    """Share of the due bars that are there; 1.0 where none is due."""
    return float(due.isin(index).mean()) if len(due) else 1.0


def quality_score(findings: Iterable[Finding], coverage: float) -> float:
    """Score of a window, 1.0 where every due bar is there and nothing was found.

    >>> spike = Finding(check_name="spike", severity="WARN", ts=None, value=None, detail="")
    >>> quality_score([], 1.0), round(quality_score([spike], 0.99), 4)
    (1.0, 0.9702)
    """
    errors: set[str] = set()
    warnings: Counter[str] = Counter()
    for finding in findings:
        if finding.severity == "ERROR":
            errors.add(finding.check_name)
        else:
            warnings[finding.check_name] += finding.count
    score = min(max(coverage, 0.0), 1.0) * 0.5 ** len(errors)
    for name, count in warnings.items():
        score *= 1.0 - WARNING_WEIGHTS.get(name, 0.0) * min(1.0, count / _FULL_AT)
    return score
