"""Strategies that a user adds as files: what is found, what is refused, what stays apart."""

from __future__ import annotations

import os

import numpy as np
import pytest

from trading_pipeline.errors import LookaheadError, OwnCodeError, StrategyError
from trading_pipeline.strategies import SHIPPED, own_strategies
from trading_pipeline.strategies.strategy_audit import strategy_outcome
from trading_pipeline_tests.strategies.conftest import bars_of

SMALLEST = """\
from trading_pipeline import Signals
from trading_pipeline.strategies import Strategy


class Mine(Strategy):
    "Buy after a fall, sell after a rise."

    def signals(self, market, params):
        change = market.bars["close"].diff()
        return Signals.long_only((change < 0).to_numpy(), (change > 0).to_numpy())
"""
WITH_PARAMETERS = """\
from trading_pipeline import Signals
from trading_pipeline.strategies import Strategy, StrategyParams


class MineParams(StrategyParams):
    window: int = 3
    longer: int = 5
    direction: str = "up"


class Mine(Strategy[MineParams]):
    def signals(self, market, params):
        above = (market.bars["close"] > market.bars["close"].shift(params.window)).to_numpy()
        return Signals.long_only(above, ~above)
"""
RULE = SMALLEST.partition("        change")[0]


def signals_that(body):
    """A file whose `signals` has this one line, its line 9."""
    return f"{RULE}        {body}\n"


@pytest.fixture
def folder(tmp_path):
    """A folder of strategies; gives them after files were written."""

    def write(**files):
        for stem, text in files.items():
            path = tmp_path / f"{stem}.py"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return own_strategies(tmp_path)

    return write


@pytest.fixture
def market():
    from trading_pipeline.strategies import Market

    return Market(bars_of(np.random.default_rng(3).normal(0.0, 1.0, 200).cumsum() + 100.0))


def only_error(known):
    (broken,) = known.own.broken
    return broken.error


def test_the_smallest_file_is_a_strategy_called_after_it(folder, tmp_path, market):
    known = folder(mine=SMALLEST)
    assert set(known.names()) == {*SHIPPED.names(), "mine"}
    params = known.validate_params("mine", {})
    assert params.model_dump() == {}
    assert len(known.signals("mine", market, params)) == len(market)
    assert known.warmup_bars("mine", {}) == 0
    assert known.code_place("mine") == (tmp_path / "mine.py", 5)
    assert strategy_outcome(known, "mine", params, market, instrument="A_1d").audit == "passed"


def test_the_class_in_brackets_is_that_of_the_parameters(folder):
    known = folder(mine=WITH_PARAMETERS)
    assert known.validate_params("mine", {"window": 7}).window == 7
    with pytest.raises(StrategyError, match=r"Unknown key 'windw'\. Did you mean 'window'"):
        known.validate_params("mine", {"windw": 7})
    # whole numbers alone, each a window of bars: their sum is enough for one over another
    assert known.warmup_bars("mine", {}) == 8


def test_a_class_may_have_another_name_than_its_file(folder):
    known = folder(mine=SMALLEST.replace("    def", '    name = "dips"\n\n    def'))
    assert "dips" in known.names()
    assert "mine" not in known.names()


@pytest.mark.parametrize("name", ["buy_and_hold", "ml_direction", "sma_crossover"])
def test_the_default_warm_up_is_never_below_that_of_the_shipped(name):
    from trading_pipeline.strategies import Strategy, strategy

    params = strategy(name).params_type()
    assert Strategy.warmup_bars(strategy(name), params) >= strategy(name).warmup_bars(params)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RULE + "        return (\n", r"bad.py, line 9: SyntaxError: .* Fix that line\."),
        (SMALLEST + SMALLEST.replace("Mine", "Other"), "line 15: .*2 classes.*Mine and Other"),
        ("class Mine:\n    pass\n", r"line 1: No class .* is a strategy \(found: Mine\)"),
        ("x = 1\n", "bad.py: The file has no class that is a strategy. Write one class"),
        (RULE.partition("    def")[0], "line 5: The class Mine has no signals. Write one class"),
        ("import no_such_module\n", "line 1: ModuleNotFoundError: .*'no_such_module'. Install"),
        ("\nfrom trading_pipeline import Sgnals\n",
         "line 2: The file does not run: (AttributeError|ImportError)"),
        (SMALLEST.replace("Strategy)", "Strategy[dict])"), "line 5: .*'dict'.*StrategyParams"),
        (
            SMALLEST.replace('    "Buy', '    params_type = 3\n    "Buy'),
            "line 5: .* are 3, which is no class of StrategyParams",
        ),
        (SMALLEST.replace("    def", "    name = 'My dips'\n\n    def"), "'My dips', which cannot"),
        (SMALLEST.replace("    def", "    name = 'sma_crossover'\n    def"), "it is a shipped one"),
        ("import sys\nsys.exit(2)\n", "line 2: SystemExit: 2. The file ends the program"),
        (b"\x80\x81\x00", "bad.py: The file cannot be read as text: .*Save it as UTF-8"),
        (b"x = 1\x00\n", "bad.py.*null bytes"),
        (SMALLEST + "\n    def __init__(self): self.x = 1 / 0\n", "line 12: .*ZeroDivisionError"),
    ],
)  # fmt: skip
def test_a_wrong_file_names_file_line_and_fix_and_stops_no_other(folder, text, message):
    known = folder(bad=text, mine=SMALLEST)
    with pytest.raises(OwnCodeError, match=message) as caught:
        known.get("bad")
    assert "\n" not in str(caught.value)
    assert "mine" in known.names()
    assert "sma_crossover" in known.names()


def test_a_file_name_that_is_no_name_is_refused(folder):
    assert "'My-dips', which cannot be used" in str(only_error(folder(**{"My-dips": SMALLEST})))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(folder, tmp_path):
    folder(mine=SMALLEST)
    (tmp_path / "mine.py").chmod(0)
    assert "cannot be read as text" in str(only_error(own_strategies(tmp_path)))


def test_a_name_of_another_file_stays_with_the_file_called_so(folder, tmp_path):
    named = SMALLEST.replace("    def", '    name = "mine"\n\n    def')
    known = folder(a_copy=named, mine=SMALLEST, z_copy=named)
    assert known.own.files["mine"] == tmp_path / "mine.py"
    errors = [str(each.error) for each in known.own.broken]
    assert [error.partition(": ")[0] for error in errors] == [
        str(tmp_path / "a_copy.py"),
        str(tmp_path / "z_copy.py"),
    ]
    assert all(f"made by {tmp_path / 'mine.py'}" in error for error in errors)


def test_a_broken_file_is_found_by_the_name_that_its_class_would_have(folder):
    broken = SMALLEST.replace("    def", '    name = "dips"\n\n    def').replace(
        "params):", "params)"
    )
    with pytest.raises(OwnCodeError, match=r"mine\.py, line 10: SyntaxError"):
        folder(mine=broken).get("dips")


def test_an_unknown_name_is_told_of_the_files_that_cannot_be_used(folder, tmp_path):
    with pytest.raises(StrategyError, match="no strategy 'other'") as caught:
        folder(mine="x = (\n").get("other")
    assert f"Files that cannot be used: {tmp_path / 'mine.py'}." in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return market.bars['clse']", r"line 9: signals of 'mine' failed: KeyError: 'clse'"),
        ("return market.close", "line 8: signals of 'mine' gave a ndarray, and must give Signals"),
        ("return None", "line 8: signals of 'mine' gave a NoneType"),
        ("raise SystemExit(1)", "line 9: signals of 'mine' failed: SystemExit"),
        (
            "return Signals.long_only(market.close[1:] > 0, market.close[1:] < 0)",
            "line 8: signals of 'mine' gave 199 rows, and must .* each of the 200 bars",
        ),
        (
            "return Signals.long_only(market.close > 0, market.close[1:] < 0)",
            "line 9: signals of 'mine' failed: The signals' exit_long has 199 rows",
        ),
        (
            "return Signals.long_only(market.close, market.close)",
            "line 9: .*entry_long is a 1-dimensional array of float64",
        ),
    ],
)
def test_wrong_signals_name_file_and_line(folder, market, tmp_path, body, message):
    known = folder(mine=signals_that(body))
    with pytest.raises(StrategyError, match=message) as caught:
        known.signals("mine", market, known.validate_params("mine", {}))
    assert str(caught.value).startswith(str(tmp_path / "mine.py"))


@pytest.mark.parametrize("method", ["warmup_bars", "required_predictions"])
def test_other_methods_that_raise_name_file_and_line(folder, method):
    text = SMALLEST + f"\n    def {method}(self, params):\n        return [][1]\n"
    with pytest.raises(StrategyError, match=f"mine.py, line 13: {method} of 'mine' failed"):
        getattr(folder(mine=text), method)("mine", {})


@pytest.mark.parametrize(
    ("method", "answer", "message"),
    [
        ("required_predictions", "'direction'", r"gave 'direction'; give names of models, such as"),
        ("required_predictions", "None", "gave None; give names of models"),
        ("warmup_bars", "None", "gave None; give a whole number of bars"),
        ("warmup_bars", "-1", "gave -1; give a whole number of bars"),
        ("warmup_bars", "True", "gave True; give a whole number of bars"),
        ("primary", "'macd'", "gave 'macd'; give a name and parameters, such as"),
    ],
)
def test_other_methods_that_answer_wrongly_name_the_file(folder, tmp_path, method, answer, message):
    text = SMALLEST + f"\n    def {method}(self, params):\n        return {answer}\n"
    known = folder(mine=text)
    with pytest.raises(StrategyError, match=f"{method} of 'mine' {message}") as caught:
        getattr(known, "warmup_bars" if method == "primary" else method)("mine", {})
    assert str(caught.value).startswith(str(tmp_path / "mine.py"))


def test_a_strategy_that_reads_the_future_is_found(folder, market):
    leaky = SMALLEST.replace("diff()", "diff().shift(-1)")
    known = folder(mine=leaky)
    with pytest.raises(LookaheadError, match="the strategy 'mine' reads the future"):
        strategy_outcome(
            known, "mine", known.validate_params("mine", {}), market, instrument="A_1d"
        )


def test_two_folders_have_strategies_of_one_name_in_one_process(tmp_path, market):
    for name, text in (("a", SMALLEST), ("b", SMALLEST.replace("< 0", "< -1"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(text)
    first, second = own_strategies(tmp_path / "a"), own_strategies(tmp_path / "b")
    entries = [
        known.signals("mine", market, known.validate_params("mine", {})).entry_long.sum()
        for known in (first, second)
    ]
    assert entries[0] > entries[1] > 0
    assert first.code_hash("mine") != second.code_hash("mine")


def test_the_code_hash_follows_the_text_in_the_same_process(folder):
    first = folder(mine=SMALLEST).code_hash("mine")
    changed = folder(mine=SMALLEST.replace("change > 0", "change > 1")).code_hash("mine")
    assert first != changed
    assert folder(mine=SMALLEST).code_hash("mine") == first


def test_a_file_is_run_once_for_the_same_text(folder):
    first = type(folder(mine=SMALLEST).get("mine"))
    assert type(folder().get("mine")) is first
    assert type(folder(mine=SMALLEST + "\n").get("mine")) is not first
