"""The test of docs/portfolio.md: its example runs, and the names it gives exist."""

import re
from pathlib import Path

from trading_pipeline.backtest import PortfolioResult
from trading_pipeline.backtest.portfolio.settings import ACCOUNT_WIDE
from trading_pipeline.backtest.result_frames import ORDER_REASONS

PAGE = (Path(__file__).parents[3] / "docs" / "portfolio.md").read_text(encoding="utf-8")


def test_example_runs_and_prints_its_tables(capsys):
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(compile(example, "docs/portfolio.md", "exec"), names)
    result = names["result"]
    assert isinstance(result, PortfolioResult)
    assert result.orders["decided_ts"].nunique() >= 8  # at once, and at each month's end
    printed = capsys.readouterr().out
    assert "contribution" in printed
    assert "TLT_1d" in printed


def test_members_of_the_result_that_the_page_names_exist():
    section = PAGE.split("## Result")[1].split("\n## ")[0]
    for name in re.findall(r"`(\w+)(?:\(\))?`", section):
        if name not in ("PortfolioResult", "instrument"):
            assert name in dir(PortfolioResult) or name in PortfolioResult.__dataclass_fields__, (
                name
            )


def test_page_lists_the_account_wide_settings_and_known_reasons():
    section = PAGE.split("## Settings")[1].split("\n## ")[0]
    assert all(f"`{name}`" in section for name in ACCOUNT_WIDE)
    cash = PAGE.split("## Cash and priority")[1].split("\n## ")[0]
    reasons = set(re.findall(r"`([a-z_]+)`", cash)) - {"priorities"}
    assert reasons
    assert reasons <= set(ORDER_REASONS.values())
