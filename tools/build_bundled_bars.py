"""Build the bars shipped in the package from bokeh-sampledata.

It writes bars.parquet (as traded), corporate_actions.csv and provenance.json. Equal source bytes
give equal output bytes (for one version of pyarrow). Run it where the data package is installed:

    uv run --with bokeh-sampledata==2026.1 --no-project --with pyarrow --with pandas \\
        python tools/build_bundled_bars.py trading_pipeline/market_data/sources/bundled

Corporate actions come from the steps of adjusted over raw close. The source multiplies its
adjustment factor on an ex-date t by `k * (1 + D / close_t)`: k new shares per old one, D the cash
dividend per new share. A step is therefore read back exactly. The LEVEL of the factor also includes
splits after the last bar and is ignored.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib.metadata
import io
import json
import logging
import sys
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["actions_csv", "derive_actions", "main", "ohlc_violations", "reproduction_error"]

_LOG = logging.getLogger("build_bundled_bars")
PACKAGE = "bokeh-sampledata"
DATA_FILE = "stocks.csv.gz"
SPLIT_RATIOS = (1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 1.5, 0.5, 0.25, 0.2, 0.1)
"""Ratios tried in this order; the first one that leaves a credible dividend is taken."""
LARGEST_DIVIDEND_FRACTION = 0.25
NOISE = 1e-10
"""Steps below this are floating-point noise of the source (measured: under 1e-13)."""
DIVIDEND_TICK = 1e-4
NOTES = [
    "Prices and volume are as traded. Adjusted close is not shipped: the corporate actions say the "
    "same, without the splits that came after the last bar.",
    "AAPL fell from 53.50 to 25.75 on 2000-09-29 (-52 %) on a profit warning. It is a true price "
    "and stays.",
    "MSFT 2004-11-15 is a special dividend of 3.00 with the regular 0.08 of the same day: 3.08.",
    "GOOG is the share that trades as GOOGL since 2014.",
    "Some prices are finer than a cent (averaged or sub-penny prints of the source); they are "
    "kept.",
    "The source's volume on the ex-date of a split seems to count shares from before the split "
    "(AAPL 2005-02-28 shows 11.6 million between days of 16 million, where a two-for-one split "
    "should have about doubled it). It is kept as the source has it.",
]


def read_source(path: Path) -> pd.DataFrame:
    """Rows of the source, sorted by symbol and date, with the columns of bars and `adj_close`."""
    frame = pd.read_csv(path, parse_dates=["Date"])
    frame = frame.rename(columns={"Ticker": "symbol", "Date": "ts", "Adj Close": "adj_close"})
    frame.columns = frame.columns.str.lower()
    return frame.sort_values(["symbol", "ts"], ignore_index=True)


def ohlc_violations(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows whose high or low does not bound open and close, or with a price not above 0."""
    prices = frame[["open", "high", "low", "close"]]
    bad = (
        (frame["high"] < prices.max(axis=1))
        | (frame["low"] > prices.min(axis=1))
        | ~(prices > 0.0).all(axis=1)
        | ~(frame["volume"] >= 0)
    )
    return frame[bad]


def derive_actions(frame: pd.DataFrame) -> pd.DataFrame:
    """Splits and dividends of all symbols: symbol, ex_date, kind, value; sorted.

    `frame` has symbol, ts, close, adj_close. A dividend is cash per share as traded on the
    ex-date, rounded to 1e-4 of the currency. Raises `ValueError` for a step that is neither a split
    nor a dividend.
    """
    found: list[tuple[str, date, str, float]] = []
    for symbol, group in frame.groupby("symbol", sort=True):
        closes = group["close"].to_numpy()
        ratio = group["adj_close"].to_numpy() / closes
        steps = ratio[1:] / ratio[:-1]
        for position in np.flatnonzero(np.abs(steps - 1.0) > NOISE) + 1:
            day = group["ts"].iloc[position].date()
            split, dividend = _read_step(steps[position - 1], closes[position], f"{symbol} {day}")
            if split != 1.0:
                found.append((str(symbol), day, "split", split))
            if dividend > 0.0:
                found.append((str(symbol), day, "dividend", dividend))
    return pd.DataFrame(found, columns=["symbol", "ex_date", "kind", "value"])


def _read_step(step: float, close: float, where: str) -> tuple[float, float]:
    for split in SPLIT_RATIOS:
        fraction = step / split - 1.0
        if abs(fraction) <= NOISE:
            return split, 0.0
        raw = fraction * close
        dividend = round(round(raw / DIVIDEND_TICK) * DIVIDEND_TICK, 4)
        if 0.0 < fraction < LARGEST_DIVIDEND_FRACTION and abs(raw - dividend) < 1e-7:
            return split, dividend
    raise ValueError(f"{where}: a step of {step!r} is neither a split nor a dividend.")


def reproduction_error(frame: pd.DataFrame, actions: pd.DataFrame) -> float:
    """Largest relative error of the source's adjusted close rebuilt from raw close and actions."""
    worst = 0.0
    for symbol, group in frame.groupby("symbol", sort=True):
        close = group["close"].to_numpy(dtype=np.float64)
        step = np.ones(len(group))
        days = [stamp.date() for stamp in group["ts"]]
        own = actions[actions["symbol"] == symbol]
        for day, kind, value in zip(own["ex_date"], own["kind"], own["value"], strict=True):
            position = days.index(day)
            step[position] *= value if kind == "split" else 1.0 + value / close[position]
        rebuilt = close * np.cumprod(step)
        published = group["adj_close"].to_numpy(dtype=np.float64)
        errors = np.abs(rebuilt / rebuilt[0] / (published / published[0]) - 1.0)
        worst = max(worst, float(errors.max()))
    return worst


def actions_csv(actions: pd.DataFrame) -> str:
    """The actions as CSV text, one line each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["symbol", "ex_date", "kind", "value"])
    columns = (actions[name] for name in ("symbol", "ex_date", "kind", "value"))
    for symbol, day, kind, value in zip(*columns, strict=True):
        writer.writerow([symbol, day.isoformat(), kind, repr(float(value))])
    return text.getvalue()


def _write_bars(frame: pd.DataFrame, path: Path) -> None:
    columns: dict[str, Any] = {
        "symbol": pa.array(frame["symbol"].tolist(), pa.string()).dictionary_encode(),
        "ts": pa.array(frame["ts"].dt.date.tolist(), pa.date32()),
    }
    for name in ("open", "high", "low", "close", "volume"):
        columns[name] = pa.array(frame[name].to_numpy(dtype="float64"), pa.float64())
    pq.write_table(
        pa.table(columns),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=["symbol", "open", "high", "low", "close"],
        row_group_size=len(frame),
    )


def _provenance(frame: pd.DataFrame, error: float, source: Path, written: list[Path]) -> str:
    spans = frame.groupby("symbol")["ts"].agg(["size", "min", "max"])
    record = {
        "source": {
            "package": PACKAGE,
            "version": importlib.metadata.version(PACKAGE),
            "file": DATA_FILE,
            "sha256": _sha256(source),
            "licence": "Quandl WIKI prices; the package records them as declared public domain by "
            "their publisher, with redistribution permitted.",
        },
        "price_basis": "as_traded",
        "actions_seen_at": "2026-11-22T00:00:00+00:00",
        "symbols": {
            symbol: {
                "rows": int(row["size"]),
                "first": row["min"].date().isoformat(),
                "last": row["max"].date().isoformat(),
            }
            for symbol, row in spans.iterrows()
        },
        "files": {path.name: {"sha256": _sha256(path)} for path in written},
        "repairs": [],
        "actions_rule": "step of adj_close/close = k * (1 + D/close on the ex-date), the source's "
        "own formula; largest relative error of adjusted close rebuilt with it: "
        f"{error:.1e}",
        "notes": NOTES,
    }
    return json.dumps(record, indent=2, ensure_ascii=True) + "\n"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Build the three files into the folder given; 0 when written, 1 when the source is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write, for example .../bundled")
    folder: Path = parser.parse_args(arguments).folder
    spec = find_spec("bokeh_sampledata")
    if spec is None or spec.origin is None:
        _LOG.error(
            "The package bokeh-sampledata is not installed here. Run this script with it: "
            "uv run --no-project --with bokeh-sampledata==2026.1 --with pyarrow python %s",
            Path(__file__).name,
        )
        return 1
    source = Path(spec.origin).parent / "_data" / DATA_FILE
    frame = read_source(source)
    bad = ohlc_violations(frame)
    if len(bad):
        _LOG.error("These rows break the rules of bars; decide on each:\n%s", bad.to_string())
        return 1
    actions = derive_actions(frame)
    error = reproduction_error(frame, actions)
    if error > 1e-6:
        _LOG.error("The derived actions rebuild adjusted close only to %.1e.", error)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    bars_path, actions_path = folder / "bars.parquet", folder / "corporate_actions.csv"
    _write_bars(frame, bars_path)
    actions_path.write_text(actions_csv(actions), encoding="utf-8", newline="\n")
    provenance = _provenance(frame, error, source, [bars_path, actions_path])
    (folder / "provenance.json").write_text(provenance, encoding="utf-8", newline="\n")
    _LOG.info("%d bars, %d actions, error %.1e", len(frame), len(actions), error)
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main())
