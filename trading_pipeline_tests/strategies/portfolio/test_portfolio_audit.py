"""The proof that no portfolio strategy reads the future, and that the proof finds who does."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.audit_records import PASSED, AuditMemory
from trading_pipeline.errors import InsufficientDataError, LookaheadError
from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline.strategies import SHIPPED, PortfolioStrategy, StrategyCatalogue
from trading_pipeline.strategies.portfolio.audit import (
    audit_weights,
    portfolio_outcome,
    portfolio_parameters,
)
from trading_pipeline.strategies.portfolio.base import checked_weights
from trading_pipeline_tests.strategies.portfolio.panels import (
    market,
    month_ends,
    random_panel,
    weights_of,
)

TRIED = [
    ("cross_sectional_momentum", {"lookback_months": 3, "top": 1}),
    ("cross_sectional_momentum", {"lookback_months": 2, "skip_months": 0, "top_share": 0.5}),
    (
        "cross_sectional_momentum",
        {"weighting": "inverse_volatility", "lookback_months": 2, "volatility_bars": 20},
    ),
    ("minimum_variance", {"lookback_bars": 20, "maximum_weight": 0.6}),
    ("pairs_reversion", {"lookback_bars": 30}),
    ("pairs_reversion", {"lookback_bars": 20, "weighting": "hedge_ratio", "stop": None}),
    (
        "volatility_target",
        {"covariance": "ewma", "lookback_bars": 20, "base": "inverse_volatility"},
    ),
]


def staggered(count):
    """Random walks on clocks that differ: one has no Fridays, one is known a day later."""
    seen = random_panel(count, 190, periods_per_year=261.0)
    markets = {}
    for place, (name, each) in enumerate(seen.markets.items()):
        index = pd.DatetimeIndex(each.raw.index)
        keep = np.ones(len(index), dtype=bool) if place else index.day_of_week != 4
        hours = 21 if place < count - 1 else 24
        index, closes = index[keep], each.close[keep]
        markets[name] = market(closes, index, index + pd.Timedelta(hours=hours))
    made = type(seen)(markets, periods_per_year=261.0)
    made.due = month_ends(made) | (np.arange(len(made)) % 7 == 0)
    return made


@pytest.mark.parametrize(("name", "given"), TRIED)
def test_the_audit_passes_every_shipped_strategy_on_clocks_that_differ(name, given):
    seen = staggered(2 if name == "pairs_reversion" else 4)
    params = SHIPPED.validate_params(name, given)
    found = audit_weights(
        lambda part: SHIPPED.weights(name, part, params),
        seen,
        memory=SHIPPED.warmup_bars(name, given),
        fresh=SHIPPED.fresh_weights(name, params),
    )
    assert found == []
    whole = weights_of(name, seen, **given)
    assert np.isfinite(whole).all(axis=1).sum() > 3
    for rows in range(0, len(seen) + 1, 13):
        np.testing.assert_array_equal(weights_of(name, seen.head(rows), **given), whole[:rows])


def test_every_shipped_portfolio_strategy_is_audited():
    known = {n for n in SHIPPED.names() if isinstance(SHIPPED.get(n), PortfolioStrategy)}
    assert {name for name, _ in TRIED} == known


def of_growth(seen, growth):
    """All in the instrument with the highest growth, at month ends."""
    found = np.full(growth.shape, np.nan)
    for row in np.flatnonzero(month_ends(seen) & np.isfinite(growth).all(axis=1)):
        found[row] = np.eye(growth.shape[1])[np.argmax(growth[row])]
    return found


def tomorrow(seen):
    closes = seen.closes
    after = np.vstack([closes[1:], closes[-1:]])
    return of_growth(seen, after / closes)


def whole_column(seen):
    return of_growth(seen, seen.closes / np.nanmean(seen.closes, axis=0))


def not_yet_known(seen):
    """Joins on stamps: takes the newest bar of a row although it is known only later."""
    tables = [each.raw["close"].reindex(seen.index).ffill() for each in seen.markets.values()]
    closes = np.column_stack(tables)
    before = np.vstack([np.full((5, closes.shape[1]), np.nan), closes[:-5]])
    return of_growth(seen, closes / before)


def last_of_one(seen):
    """Only one instrument's future is read, and only on the last row of a month."""
    found = of_growth(seen, seen.closes)
    rows = np.flatnonzero(month_ends(seen))
    later = np.minimum(rows + 1, len(seen) - 1)
    up = seen.closes[later, 0] > seen.closes[rows, 0]
    found[rows[up]] = np.eye(seen.closes.shape[1])[0]
    return found


@pytest.mark.parametrize("rule", [tomorrow, whole_column, not_yet_known, last_of_one])
def test_the_audit_finds_a_leak_in_a_few_rows_a_year(rule):
    found = audit_weights(rule, staggered(3), memory=5)
    assert found, rule
    assert found[0].column in {"A_1d", "B_1d", "C_1d"}


class NextMonth(PortfolioStrategy):
    """Hold what rises on the next row."""

    name: ClassVar[str] = "next_month"

    def weights(self, panel, params):
        return tomorrow(panel)


@pytest.fixture
def leaking():
    strategies = StrategyCatalogue()
    strategies.shipped = {**strategies.shipped, "next_month": NextMonth()}
    return strategies


def outcome(strategies, seen, rebalancing=None, **options):
    params = strategies.validate_params("next_month", {})
    dates = rebalancing or Rebalancing()
    return portfolio_outcome(strategies, "next_month", params, seen, dates, **options)


def test_a_finding_is_refused_and_holds_for_other_instruments(leaking):
    log = AuditMemory()
    with pytest.raises(LookaheadError, match=r"'next_month' reads the future.*A_1d, B_1d, C_1d"):
        outcome(leaking, staggered(3), log=log)
    with pytest.raises(LookaheadError, match="refused there as well"):
        outcome(leaking, staggered(2), log=log)
    allowed = outcome(leaking, staggered(2), log=log, allow_lookahead="A test.")
    assert allowed.audit == "look_ahead_allowed"


def test_equal_code_parameters_and_bars_are_audited_once(monkeypatch):
    log, seen, calls = AuditMemory(), staggered(3), []
    params = SHIPPED.validate_params("volatility_target", {"lookback_bars": 20})
    monthly = Rebalancing(calendar="month")
    counted = SHIPPED.weights

    def weights(*given):
        calls.append(1)
        return counted(*given)

    monkeypatch.setattr(SHIPPED, "weights", weights)
    for _ in range(2):
        found = portfolio_outcome(SHIPPED, "volatility_target", params, seen, monthly, log=log)
        assert found.audit == PASSED
    made = len(calls)
    assert made > 0
    # the rebalancing says on which rows weights are decided
    portfolio_outcome(SHIPPED, "volatility_target", params, seen, Rebalancing(calendar=5), log=log)
    assert len(calls) > made
    assert portfolio_parameters(params, monthly)["rebalance"] == {"calendar": "month"}


def test_nothing_to_audit_is_said():
    seen = random_panel(2, 50)
    with pytest.raises(InsufficientDataError, match="No weights were given on 50 rows"):
        audit_weights(lambda part: np.full(part.closes.shape, np.nan), seen, memory=5)
    checked_weights(seen, np.full((50, 2), np.nan), who="nothing")
