"""Portfolio strategies of a scenario: when their weights are decided, and what they earn."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest.portfolio import strategy_weights
from trading_pipeline.backtest.portfolio.scenario_run import run_portfolio_scenario
from trading_pipeline.backtest.portfolio.strategy_weights import decided_weights, rebalancing_of
from trading_pipeline.backtest.scenario_runner import ScenarioInputs
from trading_pipeline.domain.audit_records import PASSED, AuditOutcome
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.membership import Membership, MemberSpan
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import InsufficientDataError, StrategyError
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.strategies import SHIPPED

MOMENTUM = {"type": "cross_sectional_momentum", "params": {"lookback_months": 3, "top": 2}}
PAIRS = {"type": "pairs_reversion", "params": {"lookback_bars": 20, "enter": 1.5}}


@pytest.fixture(autouse=True)
def audit(request, monkeypatch):
    """Audits have tests of their own and take most of the time; one test makes a real one."""
    if "audited" not in request.node.name:
        passed = AuditOutcome(audit=PASSED, note="left out")
        monkeypatch.setattr(strategy_weights, "portfolio_outcome", lambda *_, **__: passed)


def inputs_of(name, index, *, timeframe="1d", calendar="XNYS", seed=0, split=None, year=252.0):
    """Random bars of one instrument; `split`: row of a split of two for one."""
    generator = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.012, len(index))))
    opens = np.append(close[0], close[:-1]) * np.exp(generator.normal(0.0, 0.003, len(index)))
    factor = np.where(np.arange(len(index)) >= (len(index) if split is None else split), 2.0, 1.0)
    prices = {
        "open": opens, "high": np.maximum(opens, close), "low": np.minimum(opens, close),
        "close": close,
    }  # fmt: skip
    columns = {key: value / factor for key, value in prices.items()}
    raw = pd.DataFrame({**columns, "volume": 1e6 * factor}, index=index)
    actions = []
    if split is not None:
        day = index[split].date()
        actions = [
            CorporateAction(
                instrument=name,
                ex_date=day,
                kind="split",
                value=2.0,
                source="test",
                seen_at=index[split],
            )
        ]
    hours = pd.Timedelta(hours=21) if timeframe == "1d" else Timeframe(timeframe).length
    return ScenarioInputs(
        instrument=Instrument(
            symbol=name.partition("_")[0], timeframe=Timeframe(timeframe), source="csv",
            calendar=calendar,
        ),
        raw=raw,
        factors=pd.DataFrame({"total": factor, "split": factor}, index=index),
        known_at=pd.DatetimeIndex(index + hours),
        actions=actions,
        periods_per_year=year,
        predictions={},
    )  # fmt: skip


def days(rows=300):
    return pd.date_range("2020-01-01", periods=rows, freq="B", tz="UTC", name="ts").as_unit("us")


def three(rows=300, **splits):
    names = ("A_1d", "B_1d", "C_1d")
    return {
        name: inputs_of(name, days(rows), seed=k, split=splits.get(name))
        for k, name in enumerate(names)
    }


def scenario(strategy, names=("A_1d", "B_1d", "C_1d"), *, plan=None, **more):
    plan = {"strategy": strategy, **(plan or {})}
    given = {"name": "mine", "instruments": list(names), "portfolio": plan, **more}
    return PortfolioScenario.parse(given, where="mine.yaml")


def decide(spec, inputs, **options):
    index = inputs[spec.members[0]].raw.index
    start, end = spec.dates.bounds
    traded = index[
        (index >= (start or index[0])) & (index < (end or index[-1] + pd.Timedelta(days=1)))
    ]
    return decided_weights(spec, inputs, traded, SHIPPED, **options)


def rotation_by_hand(inputs, bps):
    """Equity of the two best of three months, restored at the open after each month's last bar."""
    closes = pd.DataFrame({name: each.raw["close"] for name, each in inputs.items()})
    opens = pd.DataFrame({name: each.raw["open"] for name, each in inputs.items()})
    months = closes.resample("ME").last()
    growth = months.shift(1) / months.shift(3)
    cash, units = 100_000.0, pd.Series(0.0, closes.columns)
    for row in range(1, len(closes)):
        day, before = closes.index[row], closes.index[row - 1]
        ranking = growth.loc[f"{before:%Y-%m}"].iloc[0]
        if day.month != before.month and ranking.notna().all():
            price = opens.iloc[row]
            equity = cash + float((units * price).sum())
            best = ranking.nlargest(2).index
            wanted = pd.Series(0.0, closes.columns)
            wanted[best] = 0.5
            target = wanted * equity / (price * (1.0 + bps / 1e4))
            for name in sorted(closes.columns, key=lambda n: target[n] > units[n]):
                change = target[name] - units[name]
                if wanted[name] == 0.0:
                    change = -units[name]
                change = min(change, cash / (price[name] * (1.0 + bps / 1e4)))
                cash -= change * price[name] + abs(change) * price[name] * bps / 1e4
                units[name] += change
    return cash + float((units * closes.iloc[-1]).sum())


def test_an_audited_monthly_rotation_equals_a_few_lines_of_python():
    inputs = three()
    run = run_portfolio_scenario(scenario(MOMENTUM), inputs)
    assert run.result.final_equity == pytest.approx(rotation_by_hand(inputs, 0), rel=1e-9)
    assert run.result.audit == PASSED
    assert run.result.audit_note.startswith("no difference at")
    assert run.parameters["rebalance"] == {"calendar": "month"}
    assert run.metrics["turnover_annual"] > 0.5
    total = run.result.contributions["pnl"].sum()
    assert total == pytest.approx(run.result.final_equity - 100_000.0, rel=1e-9)


def test_costs_are_paid_at_each_rotation():
    inputs = three()
    spec = scenario(MOMENTUM, costs={"commission_bps": 20})
    free = run_portfolio_scenario(scenario(MOMENTUM), inputs).result.final_equity
    costly = run_portfolio_scenario(spec, inputs).result
    # entries are sized after the exits' costs, here before them: less than a cent on the dollar
    assert costly.final_equity == pytest.approx(rotation_by_hand(inputs, 20), rel=1e-3)
    assert costly.final_equity < free


def test_a_split_inside_the_look_back_changes_no_weight():
    plain, split = three(), three(A_1d=200, B_1d=217)
    for strategy in (MOMENTUM, {"type": "volatility_target", "params": {"lookback_bars": 30}},
                     {"type": "minimum_variance", "params": {"lookback_bars": 30}}):  # fmt: skip
        spec = scenario(strategy)
        before, after = decide(spec, plain).targets.frame, decide(spec, split).targets.frame
        pd.testing.assert_frame_equal(before, after, rtol=1e-9)
        results = [run_portfolio_scenario(spec, each).result for each in (plain, split)]
        assert results[0].final_equity == pytest.approx(results[1].final_equity, rel=1e-9)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ({"rebalance": {"calendar": "month"}}, 11),
        ({"rebalance": {"calendar": 50}}, 6),
        ({"rebalance": {"threshold": 0.1}}, 210),
        ({}, 11),
    ],
)
def test_weights_are_decided_where_they_can_be_acted_on(plan, expected):
    strategy = {"type": "volatility_target", "params": {"lookback_bars": 20}}
    spec = scenario(strategy, plan=plan, dates={"start": "2020-04-22"})
    decided = decide(spec, three(290))
    assert len(decided.targets) == pytest.approx(expected, abs=1)
    assert decided.targets.index[0] == pd.Timestamp("2020-04-22", tz="UTC")  # warm at the start


def test_a_threshold_restores_the_last_weights_decided():
    strategy = {
        "type": "volatility_target",
        "params": {"lookback_bars": 20, "annual_volatility": 2.0},
    }
    plan = {"rebalance": {"calendar": "quarter", "threshold": 0.02}}
    run = run_portfolio_scenario(scenario(strategy, plan=plan), three())
    off = (run.result.weights - 1.0 / 3.0).abs().max(axis=1)["2020-04-02":]
    assert off.max() < 0.05
    quarterly = run_portfolio_scenario(
        scenario(strategy, plan={"rebalance": {"calendar": "quarter"}}), three()
    )
    assert len(quarterly.result.orders) < len(run.result.orders)


def test_cash_is_left_and_priorities_serve_first():
    inputs = three()
    spec = scenario(MOMENTUM, plan={"cash": 0.25, "priorities": {"C_1d": 1.0}})
    decided = decide(spec, inputs)
    np.testing.assert_allclose(decided.targets.values.sum(axis=1), 0.75)
    assert "cash" not in decided.parameters
    run = run_portfolio_scenario(spec, inputs)
    assert run.result.instruments[0] == "C_1d"
    assert run.result.weights.sum(axis=1).max() < 0.8


def test_a_pair_is_short_one_and_long_the_other():
    spec = scenario(PAIRS, ("A_1d", "B_1d"))
    result = run_portfolio_scenario(spec, three()).result
    trades = result.trades
    assert set(trades["side"]) == {"long", "short"}
    open_rows = result.weights[(result.weights != 0.0).all(axis=1)]
    assert (np.sign(open_rows["A_1d"]) == -np.sign(open_rows["B_1d"])).all()
    assert rebalancing_of(spec, SHIPPED).calendar is None


def test_only_members_are_chosen_and_held():
    known = Membership.of([MemberSpan(date(2020, 1, 1), date(2020, 8, 31))])
    inputs = three()
    decided = decide(scenario(MOMENTUM), inputs, memberships={"A_1d": known})
    plain = decide(scenario(MOMENTUM), inputs)
    assert (plain.targets.frame.loc["2020-09":, "A_1d"] > 0.0).any()
    assert (decided.targets.frame.loc["2020-09":, "A_1d"] == 0.0).all()
    np.testing.assert_allclose(decided.targets.values.sum(axis=1), 1.0)


def test_what_a_strategy_says_stands_beside_the_result():
    strategy = {"type": "minimum_variance", "params": {"lookback_bars": 3, "shrinkage": "none"}}
    result = run_portfolio_scenario(scenario(strategy), three(80)).result
    assert any(each.startswith("Singular covariance") for each in result.warnings)


def test_intraday_sessions_are_rebalanced_at_their_last_bar():
    hours = pd.DatetimeIndex(
        [day + pd.Timedelta(hours=14 + k, minutes=30) for day in days(40) for k in range(7)],
        name="ts",
    ).as_unit("us")
    inputs = {
        name: inputs_of(name, hours, timeframe="1h", seed=k, year=1_764.0)
        for k, name in enumerate(("A_1h", "B_1h"))
    }
    strategy = {"type": "volatility_target", "params": {"lookback_bars": 14}}
    spec = scenario(strategy, ("A_1h", "B_1h"), plan={"rebalance": {"calendar": "day"}})
    run = run_portfolio_scenario(spec, inputs)
    orders = run.result.orders
    assert {f"{each:%H:%M}" for each in orders["decided_ts"]} == {"20:30"}
    assert {f"{each:%H:%M}" for each in orders["ts"]} == {"14:30"}
    scale = decide(spec, inputs).targets.values.sum(axis=1)[3:]
    hourly = pd.DataFrame({n: each.raw["close"].pct_change() for n, each in inputs.items()})
    deviation = hourly.mean(axis=1).std() * np.sqrt(1_764.0)
    assert np.median(scale) == pytest.approx(0.1 / deviation, rel=0.15)


@pytest.mark.parametrize(
    ("strategy", "names", "rows", "error", "words"),
    [
        (PAIRS, ("A_1d", "B_1d", "C_1d"), 80, StrategyError, "trades 2 instruments"),
        ({"type": "sma_crossover"}, ("A_1d", "B_1d"), 80, StrategyError, "under 'strategy'"),
        ({"type": "minimum_varianc"}, ("A_1d", "B_1d"), 80, StrategyError, "minimum_variance"),
        ({"type": "minimum_variance", "params": {"bars": 3}}, ("A_1d", "B_1d"), 80, StrategyError,
         "bars"),
        ({"type": "minimum_variance"}, ("A_1d", "B_1d"), 80, InsufficientDataError,
         "The portfolio 'mine' holds nothing.*about 252 rows.*'dates'"),
        ({"type": "volatility_target", "params": {"lookback_bars": 20, "annual_volatility": 1.5,
          "maximum_leverage": 2.0}}, ("A_1d", "B_1d"), 80, StrategyError,
         "The strategy 'volatility_target' of the portfolio 'mine' gives weights that add up to 2 "
         "without their signs on .*'limits.leverage' is 1"),
    ],
)  # fmt: skip
def test_a_portfolio_that_cannot_be_held_is_refused_in_plain_words(
    strategy, names, rows, error, words
):
    spec = scenario(strategy, names)
    with pytest.raises(error, match=words) as refused:
        run_portfolio_scenario(spec, {name: three(rows)[name] for name in names})
    assert "\n" not in str(refused.value)
