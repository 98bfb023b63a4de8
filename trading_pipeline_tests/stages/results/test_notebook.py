"""Stored results and results in memory, as a notebook has them; the page of docs about it."""

import re
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

import trading_pipeline
from trading_pipeline import BacktestSettings, Signals, open_results, run_backtest
from trading_pipeline.domain.notebook_html import HtmlPage, html_summary, html_table
from trading_pipeline.errors import ConfigurationError, DataQualityError, UnknownNameError
from trading_pipeline.stages.results.result_tables import ResultTablesStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.storage.stores.result_queries import COUNT_METRICS
from trading_pipeline.storage.warehouse import Warehouse
from trading_pipeline_tests.chromium import needs_chromium, opened
from trading_pipeline_tests.conftest import random_bars
from trading_pipeline_tests.results_market import market, result_ids, shared_market

__all__ = ["market", "shared_market"]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "notebook.md"
CROSS_ID, PAIR_ID = "cross|AAPL_1d", "pair|AAPL_1d, IBM_1d"
RISING = (15, 123, 87)
HOSTILE = '<script>alert("x")</script> & "quotes"'


@pytest.fixture(scope="module")
def result():
    bars = random_bars(120, seed=3)
    rises = (bars["close"] > bars["close"].shift(2)).to_numpy()
    settings = BacktestSettings(commission_bps=10, periods_per_year=252)
    return run_backtest(bars, Signals.long_only(rises, ~rises), settings)


def test_every_block_of_the_page_runs_in_order(shared_market, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "pasted"}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 6
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["difference"].loc["sharpe"].iloc[2] <= 0.0  # the second of the order by Sharpe
    assert names["growth"].iloc[0].tolist() == [1.0, 1.0]
    assert len(names["by_reason"]) > 0
    assert (tmp_path / "mine.html").read_text("utf-8") == names["page"].html
    assert names["first"] in (tmp_path / "best.html").read_text("utf-8")
    assert "Five-day rise on AAPL_1d" in names["page"].html


def test_frames_hold_what_is_stored_with_the_types_of_the_engine(shared_market):
    results, store = open_results(), shared_market.workspace.results
    result_id = result_ids(shared_market)[PAIR_ID]
    row = store.require(result_id)
    summary = results.summary()
    assert len(summary) == len(store.ids())
    assert summary.loc[result_id, "sharpe"] == row["sharpe"]
    assert summary.loc[result_id, "content_hash"] == row["content_hash"]
    assert not {"seq", "row_hash", "frames"} & set(summary.columns)
    assert summary.loc[result_id, "trade_count"] == len(store.trades(result_id))
    counts = [name for name, kind in summary.dtypes.items() if kind == "Int64"]
    assert set(counts) == {*COUNT_METRICS, "trials_at_creation"}
    assert summary["periods_per_year"].dtype == "float64"
    trades = results.trades(result_id[:7])
    assert trades["pnl"].tolist() == [each["pnl"] for each in store.trades(result_id)]
    memory = run_backtest(random_bars(5), Signals.long_only([False] * 5, [False] * 5)).trades
    assert trades.drop(columns="instrument").dtypes.to_dict() == memory.dtypes.to_dict()
    assert results.daily(result_id)["pnl"].sum() == pytest.approx(
        row["final_equity"] - row["initial_equity"]
    )
    equity = results.equity(result_id)
    assert equity["equity"].iloc[-1] == row["final_equity"]
    assert equity["benchmark"].iloc[-1] / row["initial_equity"] - 1.0 == pytest.approx(
        row["benchmark_total_return"]
    )
    assert results.weights(result_id).columns.tolist() == ["AAPL_1d", "IBM_1d"]
    assert len(results.orders(result_id)) > 0


def test_compare_and_single_results_are_the_rows_side_by_side(shared_market, tmp_path):
    ids = [result_ids(shared_market)[key] for key in (CROSS_ID, PAIR_ID)]
    results = open_results()
    frame = results.compare(ids)
    assert frame.columns.tolist() == [*ids, f"{ids[1]} less {ids[0]}"]
    assert frame.iloc[:, 2].equals(frame[ids[1]] - frame[ids[0]])
    one, pair = (results[result_id] for result_id in ids)
    assert frame.loc["sharpe", ids[0]] == one.metrics["sharpe"]
    assert repr(one.metrics["trade_count"]) == str(len(one.trades))
    assert one.orders.equals(results.orders(ids[0]))
    assert pair.weights.equals(results.weights(ids[1]))
    with pytest.raises(ConfigurationError, match="has no weights"):
        one.weights  # noqa: B018
    page = one.tearsheet(tmp_path / "new" / "page.html")
    assert page.path.read_text("utf-8") == page.html == one.tearsheet().html
    assert one.tearsheet().path != page.path
    for wrong in (ids[:1], ids[0], [ids[0], ids[0]], []):
        with pytest.raises(ConfigurationError, match="two or more"):
            results.compare(wrong)
    for ask in (results.trades, results.equity, results.tearsheet, results.__getitem__):
        with pytest.raises(UnknownNameError, match="begins with 'zz'"):
            ask("zz")
    with pytest.raises(ConfigurationError, match="has no weights"):
        results.weights(ids[0])


def test_a_call_lets_go_of_the_warehouse_and_only_a_block_holds_it(market):
    results = open_results()
    results.summary()
    hurried = Warehouse(market.runtime / "warehouse.duckdb", wait_seconds=0.2)
    with hurried.write():
        pass
    with pytest.raises(AttributeError, match="inside a 'with' block"):
        results.execute  # noqa: B018
    with pytest.raises(ConfigurationError, match="inside a block"):
        results.connection  # noqa: B018
    assert not hasattr(results, "no_such_name")
    with results as inside:
        assert inside.execute("SELECT count(*) FROM backtest_results").fetchall() == [(4,)]
        assert len(inside.summary()) == 4
    with hurried.write():
        pass


def test_a_damaged_or_missing_file_is_an_error_and_no_empty_frame(market):
    result_id, results = result_ids(market)[CROSS_ID], open_results()
    folder = market.runtime / "output" / "backtests" / result_id
    (folder / "orders.parquet").unlink()
    with pytest.raises(DataQualityError, match="is missing"):
        results.orders(result_id)
    (folder / "equity.parquet").write_bytes((folder / "benchmark.parquet").read_bytes())
    with pytest.raises(DataQualityError, match="is not the one that was written"):
        results.equity(result_id)
    results.tearsheet(result_id).path.unlink()
    with pytest.raises(ConfigurationError, match="has no page"):
        results.tearsheet(result_id)


def test_what_notebooks_show_is_escaped_and_loads_nothing(shared_market, result):
    stored = open_results()
    shown = [
        result._repr_html_(),
        stored._repr_html_(),
        stored[result_ids(shared_market)[PAIR_ID]]._repr_html_(),
        html_summary(HOSTILE, [(HOSTILE, HOSTILE)], [HOSTILE]),
        html_table(HOSTILE, [HOSTILE], [[HOSTILE]]),
        HtmlPage(f"<p>{HOSTILE}</p>")._repr_html_(),
    ]
    for text in shown:
        assert "<script" not in text
        assert "http" not in text
        assert "<img" not in text
    assert "Not audited" in shown[0]
    assert f"{result.final_equity:,.2f}" in shown[0]
    assert result_ids(shared_market)[CROSS_ID] in shown[1]


def test_a_result_in_memory_has_a_page_that_says_what_it_lacks(result, tmp_path):
    page = result.tearsheet(tmp_path / "a" / "page.html", name=HOSTILE, currency="USD")
    assert (
        page.path.read_text("utf-8")
        == page.html
        == result.tearsheet(name=HOSTILE, currency="USD").html
    )
    assert "&lt;script&gt;alert" in page.html
    assert 'alert("x")' not in page.html
    assert "Not audited" in page.html
    assert result.content_hash[:12] in page.html
    with pytest.raises(ConfigurationError, match="this is a str"):
        trading_pipeline.tearsheet("no result")


def test_show_draws_the_page_in_a_frame_of_the_height_asked_for(shared_market, result):
    stored = open_results()[result_ids(shared_market)[CROSS_ID]]
    for one in (result, stored):
        page = one.show(height=640)
        assert page.html == one.tearsheet().html
        assert "height:640px" in page._repr_html_()
        assert "height:900px" in one.show()._repr_html_()
        assert ".show()" in one._repr_html_()
    assert result.show().path is None
    for wrong in (0, -5, 4.5, True, '9px"><script>'):
        with pytest.raises(ConfigurationError, match="Give pixels"):
            result.show(height=wrong)


@needs_chromium
def test_a_browser_paints_the_candles_of_a_shown_result_and_asks_for_nothing(result, tmp_path):
    cell, alone = tmp_path / "cell.html", tmp_path / "alone.html"
    cell.write_text(f"<!doctype html>{result.show(height=800)._repr_html_()}", "utf-8")
    frame = "document.querySelector('iframe')"
    with opened(tmp_path / "browser") as page:
        page.size(1200, 850)
        page.go(cell.as_uri())
        end = time.monotonic() + 30
        while _share_of(page.picture(), RISING) < 0.001:
            assert time.monotonic() < end, "no candle was painted"
        assert page.value(f"{frame}.contentDocument") is None  # it cannot reach the notebook
        assert page.value(f"{frame}.offsetHeight") == 800
        alone.write_text(result.show().html, "utf-8")  # of a frame the tab is not told what it asks
        page.requests.clear()
        page.go(alone.as_uri())
        assert page.becomes("document.querySelectorAll('canvas').length > 0")
        assert page.requests == [alone.as_uri()]
        assert page.faults == []


def _share_of(picture: bytes, colour: tuple[int, int, int]) -> float:
    """Share of a PNG's pixels that have this colour."""
    pixels = np.rint(imread(BytesIO(picture))[:, :, :3] * 255.0)
    return float((pixels == colour).all(axis=2).mean())


def test_a_portfolio_in_memory_has_its_page_too():
    bars = {name: random_bars(60, seed=number) for number, name in enumerate(("A_1d", "B_1d"))}
    on = np.ones(60, dtype=bool)
    signals = {name: Signals.long_only(on, ~on) for name in bars}
    settings = BacktestSettings(commission_bps=10, periods_per_year=252)
    result = trading_pipeline.run_portfolio_backtest(bars, signals, settings)
    assert "PortfolioResult" in result._repr_html_()
    assert "A_1d, B_1d" in result.tearsheet().html


def test_the_package_lists_its_public_names_alone():
    assert dir(trading_pipeline) == sorted(trading_pipeline.__all__)
    assert {"run_sweep", "tearsheet", "open_results"} <= set(dir(trading_pipeline))
    for name in dir(trading_pipeline):
        assert getattr(trading_pipeline, name) is not None


def test_result_tables_follow_the_warehouse_and_heal(market):
    stage = ResultTablesStage(market.workspace)
    assert stage.pending(WHOLE) == list(WHOLE)
    (made,) = stage.materialize(WHOLE)
    folder = market.runtime / "output" / "csv"
    assert made.rows == market.value("SELECT count(*) FROM trades")
    assert len(pd.read_csv(folder / "daily_results.csv")) == market.value(
        "SELECT count(*) FROM daily_results"
    )
    assert ResultTablesStage(market.workspace).pending(WHOLE) == []
    (again,) = ResultTablesStage(market.workspace).materialize(WHOLE)
    assert (again.changed, again.content_hash) == (False, made.content_hash)
    for path in folder.iterdir():
        text = path.read_text("utf-8")
        path.write_text(text[:-5], encoding="utf-8")  # torn
        assert ResultTablesStage(market.workspace).pending(WHOLE) == list(WHOLE)
        ResultTablesStage(market.workspace).materialize(WHOLE)
        assert path.read_text("utf-8") == text
    with market.workspace.warehouse.write() as connection:
        connection.execute("UPDATE backtest_results SET row_hash = 'other' WHERE seq = 1")
    assert ResultTablesStage(market.workspace).pending(WHOLE) == list(WHOLE)
