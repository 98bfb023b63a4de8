from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    InsufficientDataError,
    LookaheadError,
)
from trading_pipeline.features.audits.causality import (
    audit_prefix_truncation,
    audit_scrambled_future,
    audit_warmup,
    ensure_causal,
)

PLANTED = {
    "centred window": lambda b: b.close.rolling(5, center=True).mean(),
    "shift(-1)": lambda b: b.close.shift(-1) / b.close - 1.0,
    "backward fill": lambda b: b.close.where(b.close > b.open).bfill(),
    "full-sample z-score": lambda b: (b.close - b.close.mean()) / b.close.std(),
    "centred extremum": lambda b: (b.high == b.high.rolling(7, center=True).max()).astype(float),
}
HONEST = {
    "return": lambda b: b.close.pct_change(),
    "rolling mean": lambda b: b.close.rolling(20).mean(),
    "exponential mean": lambda b: b.close.ewm(span=10, adjust=False).mean(),
    "forward fill": lambda b: b.close.where(b.close > b.open).ffill(),
    "expanding z-score": lambda b: (
        (b.close - b.close.expanding().mean()) / b.close.expanding().std()
    ),
    "past extremum": lambda b: (b.high == b.high.rolling(7).max()).astype(float),
    "on-balance volume": lambda b: (np.sign(b.close.diff()) * b.volume).cumsum(),
    "constant": lambda b: pd.Series(1.0, b.index),
    "rare event": lambda b: b.close.where(b.close.pct_change().abs() > 0.04),
}


@pytest.mark.parametrize("leak", PLANTED)
@pytest.mark.parametrize("audit", [audit_prefix_truncation, audit_scrambled_future])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_planted_leak_is_caught_by_both_audits(walk_bars, leak, audit, seed):
    findings = audit(PLANTED[leak], walk_bars(800, seed), cuts=5)
    assert findings, leak


@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_stops_the_run_and_is_explained(walk_bars, leak):
    def compute(bars):
        return pd.DataFrame({"honest": bars.close.pct_change(), "leaky": PLANTED[leak](bars)})

    with pytest.raises(LookaheadError, match="feature set 'mine' reads the future") as error:
        ensure_causal(compute, walk_bars(500), subject="feature set 'mine'")
    first = error.value.findings[0]
    message = str(error.value)
    for part in (
        "'leaky'",
        f"row {first.row}",
        repr(first.value_with_future),
        "Use only bars up to",
    ):
        assert part in message
    assert repr(first.value_without_future) in message
    assert {finding.column for finding in error.value.findings} == {"leaky"}


@pytest.mark.parametrize("name", HONEST)
def test_honest_computations_raise_no_alarm(walk_bars, index_bars, name):
    for bars in (walk_bars(800, 1), walk_bars(800, 2), index_bars):
        ensure_causal(HONEST[name], bars)


def test_a_finding_says_where_and_by_how_much(walk_bars):
    bars = walk_bars(300)
    finding = audit_prefix_truncation(PLANTED["shift(-1)"], bars)[-1]
    # the last cut takes one bar away: the row before it loses its outcome
    assert (finding.cut, finding.row, finding.ts) == (299, 298, bars.index[298])
    assert finding.value_with_future == pytest.approx(
        bars.close.iloc[299] / bars.close.iloc[298] - 1
    )
    assert np.isnan(finding.value_without_future)
    assert finding.audit == "prefix_truncation"


def test_the_last_cut_alone_catches_a_leak_at_the_end_of_the_bars(walk_bars):
    def peeks_at_the_end(bars):
        # the value of the row before the last bar of 2 January 1992 comes from that very bar
        values = bars.close.copy()
        marked = np.flatnonzero(bars.index == pd.Timestamp("1992-01-02", tz="UTC"))
        values.iloc[marked - 1] = bars.close.iloc[marked].to_numpy()
        return values

    bars = walk_bars(2000)
    ends_there = bars.loc[: pd.Timestamp("1992-01-02", tz="UTC")]
    assert audit_prefix_truncation(peeks_at_the_end, ends_there, cuts=0)


def test_equal_seeds_give_equal_findings_and_one_a_column_and_cut(walk_bars):
    bars = walk_bars(600)
    first = audit_scrambled_future(PLANTED["centred window"], bars)
    assert first == audit_scrambled_future(PLANTED["centred window"], bars)
    assert len({finding.cut for finding in first}) == len(first)


def test_a_leak_far_behind_the_cut_is_seen_by_scrambling(walk_bars):
    def first_row_knows_the_last(bars):
        values = bars.close.copy()
        values.iloc[0] = bars.close.iloc[-1]
        return values

    bars = walk_bars(600)
    assert audit_prefix_truncation(first_row_knows_the_last, bars) == []
    findings = audit_scrambled_future(first_row_knows_the_last, bars)
    assert {finding.row for finding in findings} == {0}


def test_a_permutation_alone_would_not_do_so_the_bars_are_scaled(walk_bars):
    # the mean of all closes is the same for every order of the bars
    assert audit_scrambled_future(lambda b: b.close * 0 + b.close.mean(), walk_bars(300))


def test_rounding_is_no_leak_but_a_tiny_real_difference_is(walk_bars):
    def noisy(size):
        return lambda b: b.close * (1.0 + size * (len(b) % 7))

    bars = walk_bars(300)
    assert audit_prefix_truncation(noisy(1e-15), bars) == []
    assert audit_prefix_truncation(noisy(1e-6), bars)


def test_a_warm_up_that_is_too_short_is_found_and_one_that_is_long_enough_is_not(walk_bars):
    bars = walk_bars(900)
    slow = lambda b: b.close.ewm(span=20, adjust=False).mean()  # noqa: E731
    assert audit_warmup(slow, bars, 20)
    assert audit_warmup(slow, bars, 250) == []
    # a running sum never forgets where it began
    findings = audit_warmup(lambda b: b.volume.cumsum(), bars, 500)
    assert findings
    assert "instead of" not in findings[0].mend
    assert "longer warm-up" in findings[0].mend


def test_a_warm_up_that_is_too_short_is_a_configuration_error_not_a_leak(walk_bars):
    slow = lambda b: b.close.ewm(span=20, adjust=False).mean().rename("slow")  # noqa: E731
    with pytest.raises(ConfigurationError, match="depends on where the bars begin: column 'slow'"):
        ensure_causal(slow, walk_bars(900), warmup=10)
    ensure_causal(slow, walk_bars(900), warmup={"slow": 250})


def test_warm_ups_by_column_must_name_every_column(walk_bars):
    with pytest.raises(ConfigurationError, match="Declare one for each column"):
        audit_warmup(lambda b: b[["close", "open"]], walk_bars(300), {"close": 0})


def test_each_column_is_held_to_its_own_warm_up(walk_bars):
    def compute(bars):
        return pd.DataFrame(
            {"fast": bars.close.diff(), "slow": bars.close.ewm(span=20, adjust=False).mean()}
        )

    findings = audit_warmup(compute, walk_bars(900), {"fast": 1, "slow": 30})
    assert {finding.column for finding in findings} == {"slow"}


def test_a_computation_that_writes_into_its_bars_is_audited_all_the_same(walk_bars):
    def writes(bars):
        bars["close"] = bars["close"].shift(-1)
        return bars["close"]

    bars = walk_bars(300)
    copy = bars.copy()
    assert audit_prefix_truncation(writes, bars)
    pd.testing.assert_frame_equal(bars, copy)


def test_nothing_to_compare_is_not_a_pass(walk_bars):
    with pytest.raises(InsufficientDataError, match="no value to compare on 100 bars"):
        audit_prefix_truncation(lambda b: b.close.rolling(200).mean(), walk_bars(100))
    with pytest.raises(InsufficientDataError, match="1 bars are too few"):
        audit_scrambled_future(lambda b: b.close, walk_bars(1))
    with pytest.raises(InsufficientDataError, match="no value to compare"):
        audit_warmup(lambda b: b.close, walk_bars(100), 100)


def test_an_empty_column_does_not_hide_the_leak_of_another(walk_bars):
    def compute(bars):
        return pd.DataFrame({"empty": bars.close * np.nan, "leaky": PLANTED["shift(-1)"](bars)})

    findings = audit_prefix_truncation(compute, walk_bars(400))
    assert len({finding.cut for finding in findings}) > 3


def test_a_column_of_rare_events_is_compared_where_it_is_nan_too(walk_bars):
    bars = walk_bars(400)
    marked = bars.index[[60, 61]]
    rare = lambda b: b.close.where(b.index.isin(marked))  # noqa: E731
    assert audit_prefix_truncation(rare, bars) == []


def test_a_computation_with_other_rows_or_columns_is_refused(walk_bars):
    bars = walk_bars(200)
    with pytest.raises(DataQualityError, match="one row for each bar"):
        audit_prefix_truncation(lambda b: b.close.iloc[1:], bars)
    with pytest.raises(DataQualityError, match="columns must not depend on the bars"):
        audit_prefix_truncation(lambda b: b.rename(columns={"open": str(len(b))}), bars)
