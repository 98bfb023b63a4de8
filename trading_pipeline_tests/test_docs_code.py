"""The Python of the pages in docs runs on its own, as if pasted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def pasted(page: str, marker: str) -> dict[str, object]:
    """The names after the one block with that text has run with no name but its own."""
    (code,) = [block for block in blocks(page) if marker in block]
    names: dict[str, object] = {"__name__": "pasted"}
    exec(compile(code, str(DOCS / page), "exec", dont_inherit=True), names)
    return names


def test_a_set_is_computed_of_hourly_bars(runtime: Path) -> None:
    features = pasted("features.md", "compute_features(")["features"]
    assert features.shape[1] == 42
    assert features.iloc[-1].notna().all()


def test_minutes_become_days(runtime: Path) -> None:
    names = pasted("market-data.md", "resample_bars(")
    days, minutes = names["days"], names["minutes"]
    assert len(days) == 4
    assert days["volume"].sum() == pytest.approx(minutes["volume"].sum())


def test_patterns_are_found_in_real_bars() -> None:
    names = pasted("patterns-and-labels.md", "find_patterns(")
    assert len(names["patterns"]) > 5
    assert len(names["swings"]) > 20


def test_the_page_of_the_verdict_computes_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    names = pasted("verdict.md", "overfitting_probability(")
    assert 0.2 < names["overfitting"].probability < 0.8
    assert capsys.readouterr().out.startswith("0.56 by luck, 1.28 to stand out\n")


def test_labels_have_a_report_and_weights() -> None:
    names = pasted("patterns-and-labels.md", "label_report(")
    assert names["report"].rows == len(names["labels"].frame) == len(names["weights"]) > 1_000


def test_a_sweep_has_a_table_and_returns(capsys: pytest.CaptureFixture[str]) -> None:
    names = pasted("sweeps.md", "itertools.product(")
    assert names["returns"].shape == (2_000, 3)
    assert len(names["trades"]) > 3
    assert "80 of 80" in capsys.readouterr().out


def test_a_plan_of_ones_own_trades_as_the_signals_do() -> None:
    from trading_pipeline.backtest import SWEEP_COLUMNS, run_backtest, run_sweep
    from trading_pipeline.strategies import Market

    bars = pasted("sweeps.md", "itertools.product(")["bars"]
    dip = pasted("sweeps.md", "class Dip(")["Dip"]
    for direction in ("long_only", "long_short"):
        sets = [{"window": window, "direction": direction} for window in (5, 20)]
        many = [dip.params_type(**each) for each in sets]
        swept, market = run_sweep(bars, dip, sets), Market(bars)
        assert len(dip().sweep_plan(market, many)) == 2
        for number, params in enumerate(many):
            alone = run_backtest(bars, dip().signals(market, params))
            wanted = alone.stats[list(SWEEP_COLUMNS.values())]
            assert (swept.stats[number, list(SWEEP_COLUMNS.values())] == wanted).all()
            assert alone.trade_count > 5
