"""CONTRIBUTING.md names the file behind every metric and every key of a scenario, and is right."""

import ast
import importlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trading_pipeline
from trading_pipeline.backtest import BacktestSettings, Signals, run_backtest
from trading_pipeline.performance import METRIC_NAMES, summarize
from trading_pipeline.reporting.page.metric_labels import METRIC_LABELS
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.spec_model import SpecModel
from trading_pipeline_tests.conftest import random_bars

ROOT = Path(trading_pipeline.__file__).parent
PAGE = (ROOT.parent / "CONTRIBUTING.md").read_text("utf-8")
NOT_OF_SUMMARIZE = ("sharpe", "deflated_sharpe_ratio")


def rows(title: str) -> list[tuple[str, str, str]]:
    """(first cell, file, function) of each row of the tables below a title."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| (.+) \| `([\w/.]+\.py)` \| `(\w+)` \|$", section, re.MULTILINE)


METRIC_ROWS = rows("Which file makes a number of a tear sheet?")
SETTING_ROWS = rows("Which file carries out a setting of a scenario?")
NAMED = {
    name: (file, function)
    for cell, file, function in METRIC_ROWS
    for name in re.findall(r"`(\w+)`", cell)
}


def keys_of(model: type[SpecModel], prefix: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, SpecModel):
            found += keys_of(kind, f"{prefix}{name}.")
        else:
            found.append(f"{prefix}{name}")
    return found


def defined(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize(
    ("file", "function"), sorted({row[1:] for row in METRIC_ROWS + SETTING_ROWS})
)
def test_the_file_has_the_function(file, function):
    assert function in defined(file)


def test_every_metric_is_named_once_by_its_label():
    listed = [
        pair for cell, *_ in METRIC_ROWS for pair in re.findall(r"([^`,][^`]*) `(\w+)`", cell)
    ]
    names = [name for _, name in listed]
    assert sorted(names) == sorted([*METRIC_NAMES, "deflated_sharpe_ratio"])
    assert [label.strip(" ,") for label, _ in listed] == [
        METRIC_LABELS[name].label for name in names
    ]


def test_every_key_of_a_scenario_is_named_once():
    listed = [key for cell, *_ in SETTING_ROWS for key in re.findall(r"`([\w.]+)`", cell)]
    assert sorted(listed) == sorted(keys_of(ScenarioSpec))


def places_of_settings() -> dict[str, set[str]]:
    """Names of the places in the settings vector that each setting of the engine decides."""
    text = (ROOT / "backtest" / "settings_vector.py").read_text("utf-8")
    found: dict[str, set[str]] = {}
    for place, value in re.findall(r"^ +codes\.(P_\w+): (.+),$", text, re.MULTILINE):
        for setting in re.findall(r"settings\.(\w+)", value):
            found.setdefault(setting, set()).add(place)
    return found


def test_the_file_of_a_rule_reads_the_setting():
    places = places_of_settings()
    assert len(places) > 25
    # `exit_trigger` gets these two as arguments; it knows the one by its values
    places["intrabar"], places["limit_fill"] = {"OPTIMISTIC"}, {"touch"}
    for cell, file, _ in SETTING_ROWS:
        words = set(re.findall(r"\w+", (ROOT / file).read_text("utf-8")))
        for key in re.findall(r"`\w+\.(\w+)`", cell):
            setting = "initial_cash" if key == "initial" else key
            assert places.get(setting, words) & words, f"{file} does not read {setting}"


@pytest.fixture(scope="module")
def run() -> dict[str, object]:
    """Arguments of `summarize` for a run in which every metric is defined."""
    bars = random_bars(400, seed=3)
    turn = np.arange(len(bars)) % 10
    signals = Signals(
        entry_long=turn == 1, exit_long=turn == 4, entry_short=turn == 5, exit_short=turn == 8
    )
    result = run_backtest(bars, signals, BacktestSettings(commission_bps=1, slippage_bps=1))
    returns = bars["close"].pct_change().fillna(0.001)
    drifting = result.equity * np.exp(0.002 * np.arange(len(bars)))
    return {
        "equity": pd.Series(drifting, index=bars.index),
        "trades": result.trades,
        "exposure": result.exposure.to_numpy(),
        "benchmark_returns": returns.to_numpy(),
        "initial_equity": 100_000.0,
        "periods_per_year": 252,
    }


@pytest.mark.parametrize("name", [name for name in METRIC_NAMES if name not in NOT_OF_SUMMARIZE])
def test_the_function_makes_the_metric(name, run, monkeypatch):
    before = summarize(**run)[name]
    assert np.isfinite(before)
    function = NAMED[name][1]
    for path in sorted((ROOT / "performance").glob("[!_]*.py")):
        module = importlib.import_module(f"trading_pipeline.performance.{path.stem}")
        if hasattr(module, function):
            monkeypatch.setattr(module, function, changed(getattr(module, function), name))
    assert summarize(**run)[name] != pytest.approx(before)


def changed(function, name):
    """The function with another result: another number, or another one under the metric's name."""

    def other(*args, **keywords):
        found = function(*args, **keywords)
        return found | {name: 2.0 * found[name] + 1.0} if isinstance(found, dict) else 2 * found + 1

    return other
