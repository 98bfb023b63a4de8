"""The script that builds the shipped bars."""

from __future__ import annotations

import hashlib
import importlib.util
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.sources.bundled.source import BundledSource, provenance
from trading_pipeline.market_data.sources.protocol import BarRequest

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "trading_pipeline" / "market_data" / "sources" / "bundled"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "build_bundled_bars", ROOT / "tools" / "build_bundled_bars.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def series(closes: list[float], steps: dict[int, float], symbol: str = "X") -> pd.DataFrame:
    """A source frame whose adjustment factor takes `steps` at those positions, at level 0.03."""
    factor = np.ones(len(closes))
    for position, step in steps.items():
        factor[position:] *= step
    close = np.array(closes)
    days = pd.bdate_range("2004-01-01", periods=len(closes), unit="us")
    return pd.DataFrame(
        {"symbol": symbol, "ts": days, "close": close, "adj_close": 0.03 * close * factor}
    )


def test_split_dividend_and_both_on_one_day_are_told_apart(script):
    closes = [100.0, 50.0, 49.5, 48.0, 24.0]
    frame = series(closes, {1: 2.0, 2: 1 + 0.5 / 49.5, 4: 2.0 * (1 + 0.24 / 24.0)})
    found = script.derive_actions(frame)
    assert found["kind"].tolist() == ["split", "dividend", "split", "dividend"]
    assert found["value"].tolist() == [2.0, 0.5, 2.0, 0.24]
    assert found["ex_date"].tolist()[0] == date(2004, 1, 2)
    assert script.reproduction_error(frame, found) < 1e-14


@pytest.mark.parametrize("ratio", [2.0, 3.0, 7.0, 1.5, 0.5, 0.1])
def test_split_ratios(script, ratio):
    found = script.derive_actions(series([100.0, 100.0 / ratio], {1: ratio}))
    assert found[["kind", "value"]].to_numpy().tolist() == [["split", ratio]]


def test_crash_without_a_step_of_the_factor_is_no_action(script):
    assert len(script.derive_actions(series([53.50, 25.75, 24.25], {}))) == 0


def test_step_that_is_neither_is_an_error_that_names_day_and_step(script):
    with pytest.raises(ValueError, match=r"X 2004-01-02: a step of .*1\.3"):
        script.derive_actions(series([100.0, 100.0], {1: 1.3}))
    with pytest.raises(ValueError, match="neither a split nor a dividend"):
        script.derive_actions(series([100.0, 100.0], {1: 1 + 0.123456 / 100.0}))


def test_symbols_do_not_run_into_each_other(script):
    frame = pd.concat([series([10.0, 10.0], {}, "A"), series([90.0, 45.0], {1: 2.0}, "B")])
    assert script.derive_actions(frame)["symbol"].tolist() == ["B"]


def test_rows_that_break_the_rules_are_found(script):
    good = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 5}
    rows = [good, good | {"high": 9.5}, good | {"low": 10.5}, good | {"low": 0.0}]
    rows.append(good | {"volume": -1})
    assert script.ohlc_violations(pd.DataFrame(rows)).index.tolist() == [1, 2, 3, 4]


def test_shipped_bars_and_actions_are_written_again_byte_for_byte(script, tmp_path):
    source = BundledSource()
    frames = []
    for symbol in source.symbols():
        instrument = Instrument(symbol=symbol, timeframe=Timeframe.D1, source="bundled")
        request = BarRequest(
            instrument=instrument,
            start=datetime(1990, 1, 1, tzinfo=UTC),
            end=datetime(2020, 1, 1, tzinfo=UTC),
        )
        frame = source.fetch_bars(request).frame.reset_index()
        frames.append(frame.assign(symbol=symbol))
    for name in ("one.parquet", "two.parquet"):
        script._write_bars(pd.concat(frames), tmp_path / name)
    one, two = (tmp_path / name for name in ("one.parquet", "two.parquet"))
    assert one.read_bytes() == two.read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(one), pd.read_parquet(BUNDLED / "bars.parquet"))


def test_actions_file_is_what_the_script_writes(script):
    lines = (BUNDLED / "corporate_actions.csv").read_text().splitlines()[1:]
    rows = [line.split(",") for line in lines]
    frame = pd.DataFrame(
        [
            (symbol, date.fromisoformat(day), kind, float(value))
            for symbol, day, kind, value in rows
        ],
        columns=["symbol", "ex_date", "kind", "value"],
    )
    text = script.actions_csv(frame).encode()
    recorded = provenance()["files"]["corporate_actions.csv"]["sha256"]
    assert hashlib.sha256(text).hexdigest() == recorded


def test_without_the_data_package_the_script_says_how_to_install_it(script, tmp_path, caplog):
    if importlib.util.find_spec("bokeh_sampledata") is not None:
        pytest.skip("bokeh-sampledata is installed here")
    assert script.main([str(tmp_path / "out")]) == 1
    assert "--with bokeh-sampledata==2026.1" in caplog.text
    assert not (tmp_path / "out").exists()
