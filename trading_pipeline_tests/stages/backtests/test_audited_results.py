"""Results say whether their strategy was audited; a finding on one instrument holds for all."""

import numpy as np
import pytest

from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import LookaheadError
from trading_pipeline.features.sets.registry import SHIPPED_SETS, FeatureSet, FeatureSpec
from trading_pipeline.reporting.page.verdict import verdict
from trading_pipeline.stages.backtests.study import study_summary
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.known_findings import keep_findings
from trading_pipeline.stages.models.models import ModelStage
from trading_pipeline.stages.reports.leaderboard import judged_rows, leaderboard_rows
from trading_pipeline_tests.stage_calls import (
    materialize_backtest,
    materialize_summary,
    materialize_trials,
    refresh_actions,
    refresh_bars,
    refresh_universe,
)

LEAKY = """
from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies import Strategy


class Next(Strategy):
    def signals(self, market, params):
        change = market.bars["open"].diff().shift(-2)
        return Signals.long_only((change > 0).to_numpy(), (change < 0).to_numpy())
"""
SCENARIO = (
    "name: {name}\nstrategy: {{type: {type}}}\ndates: {{start: 2001-01-01}}\n"
    "costs: {{commission_bps: 0}}\n{more}"
)
NAMES = ("AAPL_1d", "MSFT_1d")


@pytest.fixture
def market(fresh_world):
    """Two instruments with bars, and a function that writes a scenario of the leaky strategy."""
    fresh_world.write("strategies/next_open.py", LEAKY)
    for name in NAMES:
        workspace = fresh_world.tampered
        refresh_universe(workspace)
        refresh_actions(workspace, name)
        refresh_bars(workspace, name, workspace.windows())
    return fresh_world


def scenario(world, name, *, strategy="next_open", more=""):
    world.write(f"scenarios/{name}.yaml", SCENARIO.format(name=name, type=strategy, more=more))
    return world.workspace


def test_a_strategy_that_knows_the_next_opens_has_no_result_on_any_instrument(market):
    workspace = scenario(market, "leak")
    with pytest.raises(LookaheadError, match=r"'next_open' reads the future.*'allow_lookahead'"):
        materialize_backtest(workspace, "AAPL_1d", "leak")
    with pytest.raises(LookaheadError, match=r"Found on AAPL_1d .* same code on MSFT_1d"):
        materialize_backtest(workspace, "MSFT_1d", "leak")
    assert market.value("SELECT count(*) FROM backtest_results WHERE scenario = 'leak'") == 0
    assert market.value("SELECT count(*) FROM audits WHERE finding <> ''") == 1
    # other code is another matter
    market.write("strategies/next_open.py", LEAKY.replace("shift(-2)", "shift(2)"))
    row = materialize_backtest(market.workspace, "MSFT_1d", "leak").row
    assert row["audit"] == "passed"
    assert row["audit_note"].startswith("no difference at ")


def test_a_reason_stores_the_result_in_red(market):
    workspace = scenario(market, "leak", more="allow_lookahead: to show what it does\n")
    row = materialize_backtest(workspace, "AAPL_1d", "leak").row
    assert row["audit"] == "look_ahead_allowed"
    warnings = row["warnings"].split("\n")
    assert any(w.startswith("Look-ahead allowed: to show what it does.") for w in warnings)
    assert any(w.startswith("Implausible: an annual Sharpe ratio of") for w in warnings)
    assert row["sharpe"] > 4.0


def test_a_result_that_was_stored_before_the_finding_is_refused_too(market, monkeypatch):
    from trading_pipeline.stages.backtests import backtest

    workspace = scenario(market, "honest", strategy="sma_crossover")
    assert materialize_backtest(workspace, "AAPL_1d", "honest").row["audit"] == "passed"

    def found(*_):
        raise LookaheadError("found elsewhere")

    monkeypatch.setattr(backtest, "refuse_known_look_ahead", found)
    with pytest.raises(LookaheadError):
        materialize_backtest(workspace, "AAPL_1d", "honest")


def test_a_finding_makes_results_of_the_same_code_worthless(market):
    # it reads ahead on MSFT alone, whose first close is another
    guarded = LEAKY.replace("shift(-2)", "shift(-2 if market.raw['close'].iloc[0] < 100.0 else 2)")
    market.write("strategies/next_open.py", guarded)
    closes = {
        name: market.value(f"SELECT first(close ORDER BY ts) FROM bars WHERE instrument = '{name}'")
        for name in NAMES
    }
    assert closes["MSFT_1d"] < 100.0 < closes["AAPL_1d"]
    workspace = scenario(market, "guarded")
    first = materialize_backtest(workspace, "AAPL_1d", "guarded").row
    assert first["audit"] == "passed"
    with pytest.raises(LookaheadError):
        materialize_backtest(workspace, "MSFT_1d", "guarded")
    (row,) = judged_rows(workspace, leaderboard_rows(workspace))
    assert row["result_id"] == first["result_id"]
    assert verdict(row) == "Worthless: its trial was called invalid"


def test_the_second_audit_of_equal_bars_is_not_made(market):
    workspace = scenario(market, "first", strategy="sma_crossover")
    materialize_backtest(workspace, "AAPL_1d", "first")
    made = market.value("SELECT count(*) FROM audits")
    workspace = scenario(
        market, "second", strategy="sma_crossover", more="risk: {stop_loss: 0.1}\n"
    )
    materialize_backtest(workspace, "AAPL_1d", "second")
    assert market.value("SELECT count(*) FROM audits") == made == 1


def test_a_study_whose_trials_look_ahead_is_refused_and_its_trials_are_invalid(market):
    scenario(market, "leak")
    market.write(
        "strategies/next_open.py",
        LEAKY.replace("Strategy\n\n", "Strategy, StrategyParams\n\n")
        .replace("class Next(Strategy)", PARAMS + "class Next(Strategy[NextParams])")
        .replace("shift(-2)", "shift(-2 if params.n == 77 else 2)"),
    )
    market.write(
        "studies/leak.yaml",
        "name: leak\nstrategy: next_open\nscenario: leak\nspace: {n: {range: [0, 150, 1]}}\n",
    )
    workspace = market.workspace
    with pytest.raises(LookaheadError, match='"n": 77'):
        materialize_trials(workspace, "AAPL_1d", "leak")
    assert market.value("SELECT count(*) FROM trials WHERE study = 'leak' AND status = 'ok'") == 151
    reasons = market.rows("SELECT reason FROM trials WHERE reason IS NOT NULL")
    assert len(reasons) == 1
    assert "reads the future" in reasons[0][0]


PARAMS = "class NextParams(StrategyParams):\n    n: int = 0\n\n\n"


def test_the_summary_of_a_study_says_what_was_tried(market):
    scenario(market, "sma_crossover", strategy="sma_crossover")
    workspace = market.workspace
    materialize_trials(workspace, "AAPL_1d", "sma_grid")
    materialize_summary(workspace, "AAPL_1d", "sma_grid")
    told = study_summary(workspace, "AAPL_1d", "sma_grid")
    assert told["audit"] == "passed"
    assert str(told["audit_note"]).startswith("no difference at ")


def gap_guard(bars):
    """1 where the next open gaps by more than 4 %: rare, and ahead."""
    opens, close = bars["open"].to_numpy(), bars["close"].to_numpy()
    gaps = np.append(np.abs(opens[1:] / close[:-1] - 1.0) > 0.04, False)
    return gaps.astype("float64")


def past_gaps(bars):
    """1 where the bar's own open gapped by more than 4 %."""
    opens, close = bars["open"].to_numpy(), bars["close"].to_numpy()
    gaps = np.insert(np.abs(opens[1:] / close[:-1] - 1.0) > 0.04, 0, False)
    return gaps.astype("float64")


def set_of(compute):
    spec = FeatureSpec(
        name="guard", version=1, inputs=("open", "close"), lookback=1, warmup=1, compute=compute
    )
    return FeatureSet(name="own", version=1, specs=(spec,))


@pytest.fixture
def guard(market, monkeypatch):
    """A set with a guard against gaps, which a model learns from."""
    monkeypatch.setitem(SHIPPED_SETS, "own", set_of(gap_guard))
    market.write("models/direction.yaml", "name: direction\nfeatures: own\n")
    refresh_universe(market.tampered)
    return market


def test_a_set_blocked_on_one_instrument_is_blocked_on_all(guard):
    workspace = guard.workspace
    windows = workspace.windows()
    other = FeatureStage(workspace, "MSFT_1d", "own")
    other.materialize(windows)  # before anything was found
    found = FeatureStage(workspace, "AAPL_1d", "own").audit(windows)
    assert {finding.column for finding in found} == {"guard"}

    again = FeatureStage(workspace, "MSFT_1d", "own")
    told = again.audit(windows)
    assert told
    assert "Found on AAPL_1d" in told[0].sentence()
    with pytest.raises(LookaheadError, match=r"refused by its audit on AAPL_1d.*guard"):
        again.materialize(windows)
    with pytest.raises(LookaheadError, match="same code on MSFT_1d"):
        ModelStage(workspace, "MSFT_1d", "direction").identity(windows[-1])


def test_a_blocked_set_that_was_changed_is_materialized_again(guard, monkeypatch):
    windows = guard.workspace.windows()
    FeatureStage(guard.workspace, "AAPL_1d", "own").audit(windows)
    with pytest.raises(LookaheadError, match="Change the set and materialize it again"):
        FeatureStage(guard.workspace, "AAPL_1d", "own").materialize(windows)
    monkeypatch.setitem(SHIPPED_SETS, "own", set_of(past_gaps))
    FeatureStage(guard.workspace, "AAPL_1d", "own").materialize(windows)
    assert FeatureStage(guard.workspace, "AAPL_1d", "own").pending(windows) == []


def test_findings_of_permuted_outcomes_hold_for_their_instrument_alone(guard):
    workspace = guard.workspace
    found = FeatureStage(workspace, "AAPL_1d", "own").audit(workspace.windows())
    before = guard.value("SELECT count(*) FROM audits")
    statistic = [type(found[0])(**{**vars(found[0]), "audit": "permuted_labels"})]
    chosen = workspace.registries.feature_sets.get("own")
    keep_findings(workspace, chosen, "AAPL_1d", statistic, bars=10)
    assert guard.value("SELECT count(*) FROM audits") == before


def test_bare_signals_say_that_they_are_not_audited():
    from trading_pipeline.backtest import run_backtest, run_portfolio_backtest
    from trading_pipeline_tests.conftest import random_bars

    bars = random_bars(50, seed=1)
    signals = Signals.long_only(np.ones(50, dtype=bool), np.zeros(50, dtype=bool))
    for result in (
        run_backtest(bars, signals),
        run_portfolio_backtest({"A_1d": bars}, {"A_1d": signals}),
    ):
        assert result.audit == "not_audited"
        assert "not audited" in repr(result)
        assert result.notices[0].startswith("Not audited: ")
