"""Portfolio scenarios from a file to a stored result and its page."""

import base64
import json
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest.portfolio.run import run_portfolio_backtest
from trading_pipeline.backtest.portfolio.scenario_run import run_portfolio_scenario
from trading_pipeline.backtest.scenario_runner import scenario_settings, scenario_signals
from trading_pipeline.domain.membership import Membership, MemberSpan
from trading_pipeline.errors import (
    DataQualityError,
    InsufficientDataError,
    LookaheadError,
    TradingPipelineError,
)
from trading_pipeline.performance import INTERVAL_NAMES, METRIC_NAMES
from trading_pipeline.reporting.page.verdict import verdict
from trading_pipeline.stages.backtests.portfolio import PortfolioStage
from trading_pipeline.stages.backtests.portfolio_audit import audit_stored_on
from trading_pipeline.stages.backtests.scenario_inputs import load_inputs
from trading_pipeline.stages.backtests.shown_result import described_portfolio
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.universe import ActionStage, UniverseStage
from trading_pipeline.stages.reports.leaderboard import judged_rows, leaderboard_rows
from trading_pipeline.stages.reports.portfolio_report import PortfolioReportStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.stages.verification import verify_everything
from trading_pipeline.storage.parquet_files import read_frame
from trading_pipeline.strategies import SHIPPED
from trading_pipeline_tests.pipeline_world import World, new_world, pointed_at

WEIGHTS = {"AAPL_1d": 0.4, "IBM_1d": 0.3, "MSFT_1d": 0.3}
NAMES = sorted(WEIGHTS)
THREE = (
    "name: three\ninstruments: [AAPL_1d, IBM_1d, MSFT_1d]\n"
    "dates: {start: 2000-06-01, end: 2004-01-01}\n"
    "portfolio:\n  weights: {AAPL_1d: 0.4, IBM_1d: 0.3, MSFT_1d: 0.3}\n"
    "  rebalance: {calendar: month}\n"
)
SIGNALS = (
    "name: shared_cash\ninstruments: [MSFT_1d, AAPL_1d]\n"
    "strategy: {type: sma_crossover, params: {fast: 2, slow: 4}}\n"
    "dates: {start: 2001-01-01}\ncosts: {commission_bps: 10}\n"
    "portfolio: {priorities: {MSFT_1d: 1}}\n"
)
ROTATION = (
    "name: rotation\ninstruments: [AAPL_1d, IBM_1d, MSFT_1d]\n"
    "dates: {start: 2001-06-01, end: 2004-01-01}\ncosts: {commission_bps: 10}\n"
    "portfolio:\n  strategy: {type: cross_sectional_momentum, params: {top: 2}}\n"
    "  rebalance: {calendar: week}\n"
)
LEAKY_WEIGHTS = """
import numpy as np
from trading_pipeline.strategies import PortfolioStrategy


class Tomorrow(PortfolioStrategy):
    def weights(self, panel, params):
        after = np.vstack([panel.closes[1:], panel.closes[-1:]])
        return np.where((after == after.max(axis=1, keepdims=True)), 0.3, 0.0)
"""
LEAKY = """
from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies import Strategy


class Next(Strategy):
    def signals(self, market, params):
        change = market.bars["open"].diff().shift(-2)
        return Signals.long_only((change > 0).to_numpy(), (change < 0).to_numpy())
"""

TOLD = """
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies import Strategy


class Told(Strategy):
    def signals(self, market, params):
        rises = (market.bars["close"] > market.bars["open"]).to_numpy()
        return Signals.long_only(rises, ~rises)

    def chart_lines(self, market, params):
        return [ChartLine("Half the high", market.bars["high"] / 2)]

    def remarks(self, market, params):
        return [f"Looked at {len(market)} bars."]
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Bars and actions of three shares, shared by all tests of this file."""
    runtime = tmp_path_factory.mktemp("market") / "runtime"
    with pointed_at(runtime):
        made = new_world(runtime)
        workspace = made.workspace
        UniverseStage(workspace).materialize(WHOLE)
        for name in NAMES:
            ActionStage(workspace, name).materialize(WHOLE)
            BarStage(workspace, name).materialize(workspace.windows())
        yield made


def run(world: World, name: str, text: str):
    world.write(f"scenarios/{name}.yaml", text)
    workspace = world.workspace
    (outcome,) = PortfolioStage(workspace, name).materialize(WHOLE)
    return workspace, workspace.results.require(str(outcome.metadata["result_id"]))


def by_hand(workspace, row, *, commission):
    """Final equity of weights that are restored at the open after each month's last bar."""
    bars = {
        name: workspace.bars.read_span(name, row["from_ts"], None).loc[: row["to_ts"]]
        for name in NAMES
    }
    actions = {name: workspace.reference.actions(name) for name in NAMES}
    days, cash, units = bars["IBM_1d"].index, 100_000.0, dict.fromkeys(NAMES, 0.0)
    for i, day in enumerate(days):
        for name in NAMES:
            for each in (a for a in actions[name] if a.ex_date == day.date()):
                cash += units[name] * each.value * (each.kind == "dividend")
                units[name] *= each.value if each.kind == "split" else 1.0
        opens = {name: float(bars[name]["open"].iloc[i]) for name in NAMES}
        if i == 1 or (i and day.month != days[i - 1].month):
            equity = cash + sum(units[name] * opens[name] for name in NAMES)
            price = {name: opens[name] * (1.0 + commission) for name in NAMES}
            change = {n: WEIGHTS[n] * equity / price[n] - units[n] for n in NAMES}
            for name in sorted(NAMES, key=lambda n: change[n] > 0.0):  # reductions first
                bought = min(change[name], cash / price[name])
                cost = abs(bought) * opens[name] * commission
                units[name], cash = units[name] + bought, cash - bought * opens[name] - cost
    return cash + sum(units[name] * float(bars[name]["close"].iloc[-1]) for name in NAMES)


@pytest.mark.parametrize("bps", [0, 10])
def test_a_monthly_rebalanced_portfolio_of_three_shares_equals_a_few_lines_of_python(market, bps):
    text = THREE + f"costs: {{commission_bps: {bps}}}\n"
    workspace, row = run(market, "three", text)
    assert row["final_equity"] == pytest.approx(
        by_hand(workspace, row, commission=bps / 1e4), rel=1e-9
    )


@pytest.fixture(scope="module")
def three(market):
    """The stored row of the portfolio of weights, with costs."""
    return run(market, "three", THREE + "costs: {commission_bps: 10, slippage_bps: 5}\n")[1]


def folder(world, row):
    return world.runtime / "output/backtests" / row["result_id"]


def test_the_asset_page_names_its_benchmark(market, three):
    shown = described_portfolio(market.workspace, three)
    assert "| equal weights, held |" in shown["metrics"].text
    picture = base64.b64decode(shown["equity"].text.partition("base64,")[2].rstrip(")")).decode()
    assert ">Equal weights, held<" in picture
    assert "buy and hold" not in (picture + shown["metrics"].text).lower()


def test_the_row_names_all_that_made_it(three):
    assert {name for name in (*METRIC_NAMES, *INTERVAL_NAMES) if name not in three} == set()
    assert three["instruments"] == "AAPL_1d, IBM_1d, MSFT_1d"
    assert (three["strategy"], three["audit"]) == ("target_weights", "passed")
    assert json.loads(three["parameters"]) == {"weights": WEIGHTS, "calendar": "month"}
    assert all(three[f"{kind}_hash"] for kind in ("settings", "bars", "code", "content"))
    assert (three["features_hash"], three["predictions_hash"]) == ("", "")
    assert "chosen with hindsight" in three["warnings"]
    assert "Free fills" not in three["warnings"]


def test_trades_of_all_instruments_add_up_to_the_change_of_equity(market, three):
    trades = pd.DataFrame(market.workspace.results.trades(three["result_id"]))
    assert set(trades["instrument"]) == set(NAMES)
    assert trades["pnl"].sum() == pytest.approx(three["final_equity"] - 100_000.0, rel=1e-9)


def test_weights_over_time_are_the_target_after_each_first_open_of_a_month(market, three):
    weights = read_frame(folder(market, three) / "weights.parquet")
    equity = read_frame(folder(market, three) / "equity.parquet")
    assert weights.index.equals(equity.index)
    assert (weights.iloc[0] == 0.0).all()
    off = (weights - pd.Series(WEIGHTS)).abs().max(axis=1).iloc[1:]
    month = off.index.month
    restored = month != np.roll(month, 1)
    restored[0] = True
    assert off[restored].mean() < 0.5 * off[np.roll(restored, -1)].mean()
    assert weights.iloc[1:].sum(axis=1).between(0.97, 1.0 + 1e-12).all()  # what costs leave


def test_turnover_counts_every_order_that_buys(market, three):
    orders = read_frame(folder(market, three) / "orders.parquet")
    equity = read_frame(folder(market, three) / "equity.parquet")["equity"]
    buys = orders[orders["side"] == "buy"]
    value = float((buys["filled"] * buys["price"]).sum())
    expected = value / equity.mean() / three["years"]
    assert three["turnover_annual"] == pytest.approx(expected, rel=1e-9)
    assert len(buys) > 20 > three["trade_count"] == 3


def test_the_benchmark_holds_equal_weights_from_the_first_open(market, three):
    held = read_frame(folder(market, three) / "benchmark.parquet")["equity"]
    workspace, growth = market.workspace, []
    for name in NAMES:
        bars = workspace.bars.read_span(name, three["from_ts"], None).loc[held.index]
        units, cash = 1.0, 0.0
        for each in sorted(workspace.reference.actions(name), key=lambda a: a.ex_date):
            if bars.index[1].date() < each.ex_date <= bars.index[-1].date():
                cash += units * each.value * (each.kind == "dividend")
                units *= each.value if each.kind == "split" else 1.0
        paid = bars["open"].iloc[1] * 1.0005 * 1.001
        growth.append((units * bars["close"].iloc[-1] + cash) / paid)
    assert held.iloc[-1] == pytest.approx(100_000.0 * np.mean(growth), rel=1e-9)


def test_an_equal_file_runs_nothing_and_the_same_portfolio_is_one_trial(market):
    workspace, row = run(market, "three", THREE)
    trials = workspace.trials.count()
    assert PortfolioStage(workspace, "three").pending(WHOLE) == []
    reordered = THREE.replace("[AAPL_1d, IBM_1d, MSFT_1d]", "[MSFT_1d, AAPL_1d, IBM_1d]")
    again, other = run(market, "renamed", reordered.replace("name: three", "name: renamed"))
    assert other["final_equity"] == row["final_equity"]
    assert again.trials.count() == trials
    moved = THREE.replace("AAPL_1d: 0.4", "AAPL_1d: 0.3").replace("name: three", "name: moved")
    assert run(market, "moved", moved)[0].trials.count() == trials + 1


@pytest.fixture(scope="module")
def shared(market):
    """The stored row of the portfolio of signals."""
    return run(market, "shared_cash", SIGNALS)[1]


def test_signals_on_shared_cash_are_those_of_the_strategy_with_its_priorities(market, shared):
    workspace = market.workspace
    scenario = workspace.catalog.portfolio("shared_cash")
    name, bars, signals, settings, actions = scenario.strategy.type, {}, {}, {}, {}
    params = SHIPPED.validate_params(name, scenario.strategy.params)
    for each in scenario.members:
        inputs = load_inputs(workspace, each, scenario).inputs
        first = int(inputs.raw.index.searchsorted(pd.Timestamp("2001-01-01", tz="UTC")))
        rows = slice(first, len(inputs.raw))
        bars[each], actions[each] = inputs.raw.iloc[rows], inputs.actions
        signals[each] = scenario_signals(name, params, inputs.market, rows)
        settings[each] = scenario_settings(scenario, inputs.instrument, 252.0)
    given = {"instrument_settings": settings, "actions": actions}
    account = settings["AAPL_1d"]
    first_served = run_portfolio_backtest(
        bars, signals, account, priorities={"MSFT_1d": 1.0}, **given
    )
    assert shared["final_equity"] == first_served.final_equity
    assert shared["trade_count"] == first_served.trade_count > 20
    by_name = run_portfolio_backtest(bars, signals, account, **given)
    assert by_name.final_equity != first_served.final_equity


def test_signals_are_audited_on_each_instrument(shared):
    assert shared["audit"] == "passed"
    assert shared["audit_note"].count("no difference at") == 2
    assert shared["audit_note"].startswith("AAPL_1d: ")


def test_its_page_has_the_lines_of_the_signals_and_the_remarks_of_the_strategy(market):
    market.write("strategies/told.py", TOLD)
    text = SIGNALS.replace("sma_crossover, params: {fast: 2, slow: 4}", "told")
    row = run(market, "told", text.replace("shared_cash", "told"))[1]
    said = row["warnings"].split("\n")
    assert "Looked at 964 bars. (AAPL_1d, MSFT_1d)" in said
    PortfolioReportStage(market.workspace, "told").materialize(WHOLE)
    page = (market.runtime / f"output/reports/{row['result_id']}.html").read_text("utf-8")
    assert "Looked at 964 bars. (AAPL_1d, MSFT_1d)" in page
    assert "Half the high</span>" in page
    data = json.loads(page.split('id="chart-data">')[1].split("</script>")[0])
    assert list(data["instruments"]) == ["AAPL_1d", "MSFT_1d"]
    apple = data["instruments"]["AAPL_1d"]
    assert apple["lines"][0]["values"] == pytest.approx(np.array(apple["high"]) / 2, rel=1e-5)
    (market.runtime / "config/scenarios/told.yaml").unlink()


def test_a_strategy_that_knows_the_next_opens_has_no_portfolio(market):
    market.write("strategies/next_open.py", LEAKY)
    text = SIGNALS.replace("sma_crossover, params: {fast: 2, slow: 4}", "next_open")
    with pytest.raises(LookaheadError, match="'next_open' reads the future"):
        run(market, "leak", text.replace("shared_cash", "leak"))
    assert market.value("SELECT count(*) FROM backtest_results WHERE scenario = 'leak'") == 0
    (market.runtime / "config/scenarios/leak.yaml").unlink()


def test_an_instrument_without_bars_in_the_dates_is_named(market):
    late = THREE.replace("IBM_1d", "FB_1d").replace("name: three", "name: late")
    with pytest.raises(InsufficientDataError, match="FB_1d"):
        run(market, "late", late)
    (market.runtime / "config/scenarios/late.yaml").unlink()


def test_the_page_shows_the_portfolio_and_the_leaderboard_lists_it(market, three):
    workspace = market.workspace
    market.write("scenarios/three.yaml", THREE + "costs: {commission_bps: 10, slippage_bps: 5}\n")
    workspace = market.workspace
    PortfolioStage(workspace, "three").materialize(WHOLE)
    (outcome,) = PortfolioReportStage(workspace, "three").materialize(WHOLE)
    assert outcome.changed
    page = (market.runtime / f"output/reports/{three['result_id']}.html").read_text("utf-8")
    for text in ("Weights", "Contributions", "Equal weights, held", *NAMES):
        assert text in page
    assert PortfolioReportStage(workspace, "three").pending(WHOLE) == []
    rows = judged_rows(workspace, leaderboard_rows(workspace))
    (row,) = [each for each in rows if each["scenario"] == "three"]
    assert row["result_id"] == three["result_id"]
    assert row["trial_variance"] is not None


def test_a_damaged_file_is_found_and_made_again(market, three):
    market.write("scenarios/three.yaml", THREE + "costs: {commission_bps: 10, slippage_bps: 5}\n")
    workspace = market.workspace
    PortfolioStage(workspace, "three").materialize(WHOLE)
    path = folder(market, three) / "weights.parquet"
    path.write_bytes(b"other")
    found = [d for each in verify_everything(workspace) for d in each.damages]
    (damage,) = [each for each in found if three["result_id"] in each.what]
    assert damage.recovery == "Make it again with: trading-pipeline run."
    assert "weights.parquet" in damage.detail
    with pytest.raises(DataQualityError, match=r"weights\.parquet"):
        PortfolioReportStage(workspace, "three").produce(
            *WHOLE, PortfolioReportStage(workspace, "three").identity(*WHOLE)
        )
    assert PortfolioStage(workspace, "three").pending(WHOLE) == list(WHOLE)
    PortfolioStage(workspace, "three").materialize(WHOLE)
    assert PortfolioStage(workspace, "three").pending(WHOLE) == []


@pytest.fixture(scope="module")
def inputs_of_three(market, three):
    """The portfolio of weights, and the inputs of its instruments."""
    workspace = market.workspace
    scenario = workspace.catalog.portfolio(three["scenario"])
    return scenario, {name: load_inputs(workspace, name, scenario).inputs for name in NAMES}


def test_portfolio_and_benchmark_hold_an_instrument_only_while_it_belongs(inputs_of_three):
    left = Membership.of([MemberSpan(date(2000, 1, 1), date(2001, 12, 31))])
    run = run_portfolio_scenario(*inputs_of_three, memberships={"IBM_1d": left})
    for result in (run.result, run.benchmark):
        held = result.weights["IBM_1d"]
        assert (held[:"2001-12-31"].iloc[1:] > 0.1).all()
        assert (held["2002-01-04":] == 0.0).all()


def test_instruments_of_several_calendars_have_the_year_of_their_common_clock(inputs_of_three):
    scenario, inputs = inputs_of_three
    assert run_portfolio_scenario(scenario, inputs).result.periods_per_year == 252.0
    coin = replace(inputs["IBM_1d"].instrument, calendar="24/7")
    others = inputs | {"IBM_1d": replace(inputs["IBM_1d"], instrument=coin)}
    result = run_portfolio_scenario(scenario, others).result
    assert result.year_basis != ""
    assert result.periods_per_year == pytest.approx(252.0, abs=1.0)


@pytest.fixture(scope="module")
def rotation(market):
    """The stored row of a portfolio strategy."""
    return run(market, "rotation", ROTATION)[1]


def test_a_portfolio_strategy_is_a_trial_of_its_own_name_and_parameters(market, rotation):
    assert (rotation["strategy"], rotation["audit"]) == ("cross_sectional_momentum", "passed")
    parameters = json.loads(rotation["parameters"])
    assert (parameters["top"], parameters["rebalance"]) == (2, {"calendar": "week"})
    workspace = market.workspace
    assert PortfolioStage(workspace, "rotation").pending(WHOLE) == []
    trials = workspace.trials.count()
    renamed = ROTATION.replace("name: rotation", "name: same").replace(
        "{top: 2}", "{top: 2, skip_months: 1}"
    )
    again, same = run(market, "same", renamed)
    assert (same["final_equity"], again.trials.count()) == (rotation["final_equity"], trials)
    monthly = ROTATION.replace("name: rotation", "name: monthly").replace("week", "month")
    assert run(market, "monthly", monthly)[0].trials.count() == trials + 1


def test_its_weights_are_those_of_the_strategy_on_the_stored_bars(market, rotation):
    weights = read_frame(folder(market, rotation) / "weights.parquet")
    held = (weights > 0.4).sum(axis=1)
    assert (held.iloc[1:] == 2).mean() > 0.95
    assert weights.index[0].date() == date(2001, 6, 1)  # warm at the start: held from the next open
    assert held.iloc[1] == 2


def test_rebalances_and_not_trades_say_how_much_a_portfolio_of_weights_tells(market, rotation):
    workspace = market.workspace
    rows = {row["scenario"]: row for row in leaderboard_rows(workspace)}
    found = rows["rotation"]
    orders = read_frame(folder(market, rotation) / "orders.parquet")
    assert found["rebalance_count"] == orders.index[orders["filled"] > 0.0].nunique() > 100
    assert found["trade_count"] < 30
    (judged,) = judged_rows(workspace, [found])
    assert "trades" not in verdict(judged)
    assert rows["shared_cash"]["rebalance_count"] is None
    (folder(market, rotation) / "orders.parquet").write_bytes(b"other")
    (damaged,) = [r for r in leaderboard_rows(workspace) if r["scenario"] == "rotation"]
    assert damaged["rebalance_count"] is None
    PortfolioStage(workspace, "rotation").materialize(WHOLE)


def test_a_portfolio_strategy_is_audited_on_all_stored_bars_without_a_scenario(market):
    workspace, name = market.workspace, "cross_sectional_momentum"
    found = audit_stored_on(workspace, NAMES[::-1], name)
    closes = [workspace.bars.read_span(each, None, None) for each in NAMES]
    days = sorted(set().union(*(each.index for each in closes)))
    assert (found.instrument, found.bars) == (", ".join(NAMES), len(days))
    assert (found.first_ts, found.last_ts, found.findings) == (days[0], days[-1], [])
    assert "no difference at" in found.tried
    market.write("strategies/tomorrow.py", LEAKY_WEIGHTS)
    leaks = audit_stored_on(market.workspace, NAMES, "tomorrow").findings
    assert {leak.column for leak in leaks} <= set(NAMES)
    assert leaks
    for instruments, subject, words in (
        (NAMES[:1], name, f"audit {name} -i AAPL_1d -i ANOTHER"),
        (NAMES, "pairs_reversion", "trades 2 instruments"),
        (NAMES, "core", "'core' is audited on one instrument at a time"),
        ([*NAMES, "IMB_1d"], name, "Did you mean 'IBM_1d'"),
    ):
        with pytest.raises(TradingPipelineError, match=words):
            audit_stored_on(market.workspace, instruments, subject)


def test_weights_that_know_the_next_closes_are_refused_and_their_trials_called_invalid(market):
    market.write("strategies/tomorrow.py", LEAKY_WEIGHTS)
    text = ROTATION.replace("cross_sectional_momentum, params: {top: 2}", "tomorrow")
    allowed = text.replace("name: rotation", "name: known_ahead") + "allow_lookahead: a test\n"
    row = run(market, "known_ahead", allowed)[1]
    assert row["audit"] == "look_ahead_allowed"
    with pytest.raises(LookaheadError, match="'tomorrow' reads the future"):
        run(market, "leak", text.replace("name: rotation", "name: leak"))
    workspace = market.workspace
    with pytest.raises(LookaheadError):  # known by now, without another audit
        PortfolioStage(workspace, "leak").identity(*WHOLE)
    assert market.value("SELECT count(*) FROM backtest_results WHERE scenario = 'leak'") == 0
    for name in ("leak", "known_ahead"):
        (market.runtime / f"config/scenarios/{name}.yaml").unlink()
