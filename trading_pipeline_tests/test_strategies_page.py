"""docs/strategies.md shows every shipped strategy, and its examples run."""

import importlib.util
import re
from pathlib import Path

import yaml

from trading_pipeline.settings.portfolio_scenario import PortfolioScenario, parse_scenario
from trading_pipeline.strategies import SHIPPED

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "strategies.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def strategy_table() -> str:
    spec = importlib.util.spec_from_file_location("tool", ROOT / "tools/build_strategy_table.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool.strategy_table()


def test_its_table_is_that_of_the_strategies() -> None:
    assert strategy_table() in PAGE, "run: uv run python tools/build_strategy_table.py"


def test_each_strategy_has_a_row_and_a_source() -> None:
    rows = dict(re.findall(r"^\| \w+ \| `(\w+)` \|.*\| (.+) \|$", PAGE, re.MULTILINE))
    assert sorted(rows) == sorted(SHIPPED.names())
    without = {name for name, source in rows.items() if source == "-"}
    assert without <= {"buy_and_hold", "ml_direction"}


def test_its_scenarios_are_valid() -> None:
    for text in blocks("yaml"):
        scenario = parse_scenario(yaml.safe_load(text), where="docs/strategies.md")
        name, params = scenario.strategy.type, scenario.strategy.params
        SHIPPED.validate_params(name, params)
        if isinstance(scenario, PortfolioScenario):
            SHIPPED.of_portfolio(name, scenario.members)
        else:
            SHIPPED.of_one_market(name)


def test_its_python_runs(capsys) -> None:
    pasted = {"__name__": "pasted"}  # one session: a block goes on where the last one ended
    for code in blocks("python"):
        exec(compile(code, "docs/strategies.md", "exec"), pasted)
    said = capsys.readouterr().out
    assert re.search(r"^\d+ trades$", said, re.MULTILINE)
    assert re.search(r"^RSI 14 RSI line \(30\.0, 70\.0\) \d+$", said, re.MULTILINE)
