"""The commands `strategies list`, `show` and `new`, and how the program lives with users' files."""

import json

import pytest

from trading_pipeline.strategies import SHIPPED
from trading_pipeline_tests.stage_calls import refresh_universe
from trading_pipeline_tests.strategies.test_own_strategies import SMALLEST, WITH_PARAMETERS

SCENARIO = (
    "name: {name}\nstrategy: {{type: {name}}}\ninstruments: [AAPL_1d]\n"
    "dates: {{start: 2002-01-01, end: 2004-01-01}}\ncosts: {{commission_bps: 10}}\n"
)


@pytest.fixture(autouse=True)
def wide(call, monkeypatch):
    """A terminal in which no path is broken over two lines."""
    monkeypatch.setenv("COLUMNS", "500")


def test_the_list_shows_shipped_own_and_broken_files(call, fresh_world):
    mine = fresh_world.write("strategies/mine.py", SMALLEST)
    bad = fresh_world.write("strategies/bad.py", "x = (\n")
    rows = {row["name"]: row for row in json.loads(call("strategies", "list", "--json").out)}
    assert {name: row["origin"] for name, row in rows.items()} == {
        "bad": "broken",
        "mine": "own",
        **dict.fromkeys(SHIPPED.names(), "shipped"),
    }
    families = {name: rows[name]["family"] for name in ("bad", "mine", "macd", "buy_and_hold")}
    assert families == {"bad": "own", "mine": "own", "macd": "trend", "buy_and_hold": "benchmark"}
    assert rows["mine"]["meaning"] == "Buy after a fall, sell after a rise."
    assert rows["mine"]["file"] == str(mine)
    assert rows["bad"]["error"].startswith(f"{bad}, line 1: SyntaxError")
    ended = call("strategies", "list")
    assert ended.code == 0
    assert "Buy after a fall" in ended.out
    assert f"{bad}, line 1: SyntaxError" in " ".join(ended.out.split())


def test_show_tells_parameters_warm_up_and_place(call, fresh_world):
    path = fresh_world.write("strategies/mine.py", WITH_PARAMETERS)
    told = json.loads(call("strategies", "show", "mine", "--json").out)
    assert (told["file"], told["line"], told["warmup_bars"]) == (str(path), 11, 8)
    assert told["parameters"][0] == {
        "name": "window",
        "type": "whole number",
        "default": 3,
        "required": False,
        "bounds": "",
        "meaning": "",
    }
    shown = call("strategies", "show", "sma_crossover").out
    for words in ("fast", "whole number", "at least 1", "Warm-up at the defaults: 30 bars"):
        assert words in shown
    assert "sma_crossover.py, line" in shown
    assert "Chart line: SMA 30 (pane price, line)" in shown
    assert json.loads(call("strategies", "show", "rsi_cross", "--json").out)["chart_lines"] == [
        {"name": "RSI 14", "pane": "RSI", "style": "line", "levels": [30.0, 70.0]}
    ]
    candle = call("strategies", "show", "first_candle_breakout").out
    assert [
        word for word in ("number or null", "true/false", "│ true ") if word not in candle
    ] == []
    assert "│ null " in call("strategies", "show", "opening_range_breakout").out


def test_show_of_an_unknown_or_broken_one_is_one_paragraph(call, fresh_world):
    unknown = call("strategies", "show", "sma_crosover")
    assert (unknown.code, unknown.out) == (1, "")
    assert "no strategy 'sma_crosover'. Did you mean 'sma_crossover'" in unknown.error
    bad = fresh_world.write("strategies/bad.py", "import no_such_module\n")
    broken = call("strategies", "show", "bad")
    assert broken.code == 1
    assert f"{bad}, line 1: ModuleNotFoundError" in broken.error


@pytest.mark.parametrize("form", [(), ("--bar-by-bar",)])
def test_a_new_strategy_is_listed_audited_and_traded_as_it_was_written(call, world, form):
    ended = call("strategies", "new", "my_rule", *form, "--json")
    told = json.loads(ended.out)
    assert told["file"] == str(world.runtime / "config" / "strategies" / "my_rule.py")
    shown = json.loads(call("strategies", "show", "my_rule", "--json").out)
    assert (shown["origin"], shown["warmup_bars"]) == ("own", 20)
    assert [row["bounds"] for row in shown["parameters"]] == ["at least 2, at most 500"]
    assert call("audit", "my_rule", "--instrument", "AAPL_1d").code == 0
    (row,) = json.loads(
        call("backtest", world.write("mine.yaml", SCENARIO.format(name="my_rule")), "--json").out
    )
    assert row["trade_count"] > 10


def test_new_changes_no_file_and_refuses_names_that_cannot_be(call, fresh_world):
    assert "Written: " in call("strategies", "new", "mine").out
    path = fresh_world.write("strategies/mine.py", SMALLEST)
    again = call("strategies", "new", "mine")
    assert (again.code, again.out) == (1, "")
    assert "is there already and was not changed" in again.error
    assert path.read_text("utf-8") == SMALLEST
    shipped = call("strategies", "new", "macd")
    assert (shipped.code, "a strategy 'macd' already" in shipped.error) == (1, True)
    for name in ("My", "2nd", "my-rule", "_shared", "../up", "x" * 65):
        ended = call("strategies", "new", name)
        assert (ended.code, ended.out) == (1, ""), name
        assert "A strategy cannot be called" in ended.error
    for name, words in (
        ("class", "a keyword"),
        ("none", "its class would be called None"),
        ("strategy", "its class would be called Strategy"),
        ("signals", "its class would be called Signals"),
        ("json", "Python has a module"),
        ("numpy", "an installed module"),
    ):
        ended = call("strategies", "new", name)
        assert (ended.code, ended.out) == (1, ""), name
        assert words in ended.error
        assert f"Choose another name, such as my_{name}." in ended.error
    assert [each.name for each in path.parent.glob("*.py")] == ["mine.py"]


def test_a_strategy_of_ones_own_is_backtested_and_audited_by_its_name(call, world):
    world.write("strategies/mine.py", SMALLEST)
    path = world.write("mine.yaml", SCENARIO.format(name="mine"))
    ended = call("backtest", path, "--json")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)
    assert (row["strategy"], row["instruments"]) == ("mine", "AAPL_1d")
    assert row["trade_count"] > 50
    first = row["code_hash"]

    world.write("strategies/mine.py", SMALLEST.replace("change > 0", "change > 0.1"))
    (changed,) = json.loads(call("backtest", path, "--json").out)
    assert changed["code_hash"] != first
    assert changed["result_id"] != row["result_id"]

    audited = call("audit", "mine", "-i", "AAPL_1d")
    assert (audited.code, "strategy 'mine' on" in audited.out) == (0, True)
    shipped = call("audit", "ml_direction", "-i", "AAPL_1d", "--json")
    assert shipped.code == 0, shipped.err
    assert json.loads(shipped.out)["kind"] == "strategy"


def test_a_strategy_that_reads_the_future_has_no_result_and_the_audit_says_why(call, world):
    world.write("strategies/leaky.py", SMALLEST.replace("diff()", "diff().shift(-1)"))
    path = world.write("leaky.yaml", SCENARIO.format(name="leaky"))
    ended = call("backtest", path)
    assert ended.code == 1
    assert "the strategy 'leaky' reads the future: column 'entry_long'" in ended.error
    assert world.value("SELECT count(*) FROM backtest_results WHERE strategy = 'leaky'") == 0
    audited = call("audit", "leaky", "-i", "AAPL_1d")
    assert audited.code == 1
    assert "prefix_truncation: column 'entry_long' at 200" in audited.out


BAR_BY_BAR = """\
from trading_pipeline import BarByBarStrategy, Signal, SignalType


class Mine(BarByBarStrategy):
    def on_bar(self, history):
        if history.time.year == 2003:
            return {answer}
        return Signal(SignalType.HOLD)
"""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("None", ": signals of 'mine' failed: on_bar of 'mine' failed at the bar 2003-01-02 (row"),
        ("'buy'", "it returned a str; give a Signal, such as Signal(SignalType.BUY)."),
        ("history.close[9999]", ", line 7: signals of 'mine' failed: on_bar of 'mine' failed at t"),
        ("Signal(SignalType.BUY, size=float('nan'))", "The size of a Signal is nan; give a number"),
    ],
)
def test_a_bar_that_cannot_be_decided_ends_in_one_paragraph(call, world, answer, words):
    path = world.write("strategies/mine.py", BAR_BY_BAR.format(answer=answer))
    ended = call("backtest", world.write("mine.yaml", SCENARIO.format(name="mine")))
    assert ended.code == 1
    assert f"{path}" in ended.error
    assert words in ended.error
    assert "Traceback" not in ended.err
    assert world.value("SELECT count(*) FROM backtest_results WHERE strategy = 'mine'") == 0


PREDICTIVE = """\
name: ahead
strategy: {{type: ml_predictive, params: {{{params}}}}}
instruments: [AAPL_1d]
dates: {{start: 2002-01-01, end: 2004-01-01}}
costs: {{commission_bps: 10}}
{more}
"""


def test_ml_predictive_trades_the_shipped_model_and_its_page_draws_the_probability(call, world):
    given = "confidence_threshold: 0.5, prefilter: 20, risk_per_trade: 0.01, stop: 2 atr"
    path = world.write("ahead.yaml", PREDICTIVE.format(params=given, more=""))
    (row,) = json.loads(call("backtest", path, "--json").out)
    assert row["trade_count"] > 5
    page = world.runtime / "output" / "reports" / f"{row['result_id']}.html"
    assert "Probability of a rise (p_up)" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("params", "more", "words"),
    [
        ("model: vola", "", "The model 'vola' forecasts a volatility, which has no direction."),
        ("risk_per_trade: 0.01", "", "risk_per_trade of 0.01 needs the distance of a stop"),
        (
            "risk_per_trade: 0.01, stop: 2 atr",
            "sizing: {type: fixed_quantity, quantity: 5}",
            "gives sizes for the sizing percent_of_equity, and the scenario 'ahead' has",
        ),
        ("horizon: 30", "", "no forecast 30 bars ahead; it has those of"),
    ],
)
def test_what_ml_predictive_cannot_trade_is_refused(call, world, params, more, words):
    world.write(
        "models/vola.yaml", "name: vola\npredictor: {type: volatility}\nestimator: {type: ridge}\n"
        "label: {type: volatility, horizon_bars: 5}\n",
    )  # fmt: skip
    ended = call("backtest", world.write("ahead.yaml", PREDICTIVE.format(params=params, more=more)))
    assert (ended.code, "Traceback" in ended.err) == (1, False)
    assert words in ended.error


def test_a_broken_file_stops_only_the_scenarios_that_name_it(call, world):
    bad = world.write("strategies/bad.py", "def f(:\n")
    world.write("scenarios/bad.yaml", SCENARIO.format(name="bad"))
    refresh_universe(world.tampered)
    ended = call("run", "AAPL_1d", "--json")
    assert ended.code == 1
    told = json.loads(ended.out)
    assert list(told["failures"]) == ["AAPL_1d|bad"]
    assert told["failures"]["AAPL_1d|bad"].startswith(f"{bad}, line 1: SyntaxError")
    assert {row["scenario"] for row in told["results"]} == {"sma_crossover", "ml_direction"}
    other = call("backtest", world.runtime / "config" / "scenarios" / "sma_crossover.yaml")
    assert other.code == 0, other.err
    alone = call("backtest", world.runtime / "config" / "scenarios" / "bad.yaml")
    assert alone.code == 1
    assert alone.error.startswith(f"Error: {bad}, line 1: SyntaxError")


def test_doctor_names_every_file_and_what_a_broken_one_stops(call, fresh_world):
    fresh_world.write("strategies/mine.py", SMALLEST)
    fresh_world.write("strategies/idle.py", "x = (\n")
    fresh_world.write("strategies/bad.py", "x = (\n")
    fresh_world.write("scenarios/bad.yaml", SCENARIO.format(name="bad"))
    ended = call("doctor", "--offline", "--json")
    found = {row["check"]: row for row in json.loads(ended.out)}
    assert ended.code == 1
    assert found["own strategy mine"]["ok"]
    assert found["own strategy bad"]["needed"]
    assert found["own strategy bad"]["detail"].endswith("It stops scenarios/bad.")
    assert not found["own strategy idle"]["needed"]
    assert found["own strategy idle"]["detail"].endswith("Nothing uses it.")


def test_a_study_searches_the_parameters_of_a_strategy_of_ones_own(call, world):
    world.write("strategies/mine.py", WITH_PARAMETERS)
    world.write("scenarios/mine.yaml", SCENARIO.format(name="mine"))
    world.write(
        "studies/mine_grid.yaml",
        "name: mine_grid\nstrategy: mine\nscenario: mine\nspace: {window: {values: [2, 3, 4]}}\n",
    )
    ended = call("run", "AAPL_1d", "--json")
    assert ended.code == 0, ended.err
    (study,) = [s for s in json.loads(ended.out)["studies"] if s["study"] == "mine_grid"]
    assert study["trials"] == 3


@pytest.mark.parametrize("line", ["sys.exit(0)", "raise KeyboardInterrupt"])
def test_a_formula_that_ends_the_program_never_ends_a_run_well(call, world, line):
    world.write(
        "features/ending.py",
        "import sys\nfrom trading_pipeline.features.own_features import feature\n\n"
        f"@feature(warmup=1)\ndef change(bars):\n    {line}\n",
    )
    world.write(
        "models/ending.yaml", "name: ending\nfeatures: ending\ntraining: {minimum_rows: 40}\n"
    )
    refresh_universe(world.tampered)
    ended = call("run", "AAPL_1d")
    assert ended.code not in (0, None)
    assert "Traceback" not in ended.err
    if line == "sys.exit(0)":
        assert "The feature 'change' failed" in ended.error
        assert "SystemExit: 0" in ended.error
