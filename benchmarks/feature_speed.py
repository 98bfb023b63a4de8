"""Speed of features; prints the table of docs/features.md.

Run `python benchmarks/feature_speed.py [core] [alpha158] [audit]`. Process CPU time (the sum of
all threads), best of several after one warm-up, both sides in turn in this process. The data is a
seeded random walk.

`core` is compared with its bare calls. For a column that TA-Lib has, that is TA-Lib's function on
bare arrays and the scaling to a fraction. For any other column it is the formula in NumPy or the
compiled loop below it, also on bare arrays. Nothing is checked, masked or put into a frame there,
but the results are kept in one allocated block, like those of a feature set.

`alpha158` is compared with pandas' built-in rolling methods (no `apply`), also with results in an
allocated block. pandas does not give the position of an extreme, so the 15 columns IMAX, IMIN and
IMXD are left out on both sides. The second line compares all 157 columns with the same 142 of
pandas.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import talib

from trading_pipeline.features.audits.causality import (
    audit_prefix_truncation,
    audit_scrambled_future,
    audit_warmup,
)
from trading_pipeline.features.rolling import windows as rolling
from trading_pipeline.features.sets import calendar_formulas
from trading_pipeline.features.sets.registry import compute_features, feature_set

WINDOWS = (5, 10, 20, 30, 60)
TINY = 1e-12


def market(rows: int) -> pd.DataFrame:
    """A seeded random walk of daily bars without gaps; it needs no session look-up."""
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, rows)))
    opened = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, 0.0005, rows))
    high = np.maximum(opened, close) * (1 + np.abs(rng.normal(0, 0.001, rows)))
    low = np.minimum(opened, close) * (1 - np.abs(rng.normal(0, 0.001, rows)))
    volume = np.round(rng.lognormal(10, 1, rows)) + 1.0
    start = np.datetime64("1700-01-01", "us").astype("int64")
    stamps = (start + np.arange(rows) * 86_400_000_000).view("datetime64[us]")
    index = pd.DatetimeIndex(stamps).tz_localize("UTC").rename("ts")
    prices = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return pd.DataFrame(prices, index=index)


def measure(*works: Callable[[], Any], times: int = 5) -> list[float]:
    """Process CPU seconds of each, the best of `times` alternating rounds after one warm-up."""
    best = [np.inf] * len(works)
    for work in works:
        work()
    for _ in range(times):
        for place, work in enumerate(works):
            began = time.process_time()
            work()
            best[place] = min(best[place], time.process_time() - began)
    return best


def bare_core(bars: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """Each column of `core`, computed the shortest way on bare arrays."""
    o, h, low, c, v = (bars[name].to_numpy() for name in ("open", "high", "low", "close", "volume"))
    logs = np.log(c)
    before = np.append(np.nan, c[:-1])
    change = np.append(np.nan, np.diff(logs))
    for back in (1, 5, 20, 60):
        yield f"log_return_{back}", np.log(c / np.append(np.full(back, np.nan), c[:-back]))
    yield "overnight_return", np.log(o / before)
    yield "intraday_return", np.log(c / o)
    yield "log_range", np.log(h / low)
    yield "close_in_range", (c - low) / (h - low)
    for window in (10, 50, 200):
        yield f"close_to_sma_{window}", c / talib.SMA(c, window) - 1.0
    yield "close_to_ema_20", c / talib.EMA(c, 20) - 1.0
    yield "trend_slope_20", talib.LINEARREG_SLOPE(logs, 20)
    yield "di_difference_14", (talib.PLUS_DI(h, low, c, 14) - talib.MINUS_DI(h, low, c, 14)) / 100.0
    yield "aroon_25", talib.AROONOSC(h, low, 25) / 100.0
    yield "roc_10", talib.ROCP(c, 10)
    yield "rsi_14", talib.RSI(c, 14) / 100.0
    yield "macd_histogram", talib.MACD(c, 12, 26, 9)[2] / c
    yield "adx_14", talib.ADX(h, low, c, 14) / 100.0
    yield "stochastic_k_14", talib.STOCH(h, low, c, 14, 3, 0, 3, 0)[0] / 100.0
    yield "stochastic_d_14", talib.STOCH(h, low, c, 14, 3, 0, 3, 0)[1] / 100.0
    yield "williams_r_14", talib.WILLR(h, low, c, 14) / 100.0
    yield "cci_20", talib.CCI(h, low, c, 20) / 100.0
    for window in (20, 60):
        yield f"volatility_{window}", talib.STDDEV(change, window) * np.sqrt(window / (window - 1))
    fast, slow = talib.STDDEV(change, 5), talib.STDDEV(change, 60)
    yield "volatility_ratio_5_60", fast / slow
    upper, middle, lower = talib.BBANDS(c, 20)
    yield "bollinger_position_20", (c - lower) / (upper - lower)
    upper, middle, lower = talib.BBANDS(c, 20)
    yield "bollinger_width_20", (upper - lower) / middle
    yield "atr_14", talib.ATR(h, low, c, 14) / c
    squares = np.square(np.log(h / low))
    yield "parkinson_20", np.sqrt(talib.SMA(squares, 20) / (4.0 * np.log(2.0)))
    terms = 0.5 * np.square(np.log(h / low)) - (2.0 * np.log(2.0) - 1.0) * np.square(np.log(c / o))
    yield "garman_klass_20", np.sqrt(talib.SMA(terms, 20))
    yield "volume_ratio_5_20", talib.SMA(v, 5) / talib.SMA(v, 20)
    yield "mfi_14", talib.MFI(h, low, c, v, 14) / 100.0
    yield "volume_z_20", (v - talib.SMA(v, 20)) / talib.STDDEV(v, 20)
    obv = talib.OBV(c, v)
    yield "obv_z_20", (obv - talib.SMA(obv, 20)) / talib.STDDEV(obv, 20)
    for name in ("weekday_sine", "weekday_cosine", "month_sine", "month_cosine", "month_end"):
        yield name, getattr(calendar_formulas, name)(bars)
    yield "session_elapsed", np.ones(len(c))
    yield "hours_to_close", np.zeros(len(c))


def collected(columns: Iterator[tuple[str, Any]], names: tuple[str, ...], rows: int) -> Any:
    """The columns in one block, in their order."""
    block, place = np.empty((len(names), rows)), {name: at for at, name in enumerate(names)}
    for name, values in columns:
        block[place[name]] = values
    return block


def pandas_alpha158(bars: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """142 columns of `alpha158`, computed with pandas' rolling methods."""
    o, h, low, c, v = (bars[name] for name in ("open", "high", "low", "close", "volume"))
    top, bottom, length = np.maximum(o, c), np.minimum(o, c), h - low + TINY
    yield from {"KMID": (c - o) / o, "KLEN": (h - low) / o, "KMID2": (c - o) / length}.items()
    yield from {"KUP": (h - top) / o, "KUP2": (h - top) / length}.items()
    yield from {"KLOW": (bottom - low) / o, "KLOW2": (bottom - low) / length}.items()
    yield from {"KSFT": (2 * c - h - low) / o, "KSFT2": (2 * c - h - low) / length}.items()
    yield from {"OPEN0": o / c, "HIGH0": h / c, "LOW0": low / c}.items()
    numbers = pd.Series(np.arange(len(c), dtype="float64"), c.index)
    change, moved, log_volume = c.diff(), v.diff(), np.log(v + 1.0)
    ratio, volume_ratio = c / c.shift(), np.log(v / v.shift() + 1.0)
    up, down, size = change.clip(lower=0), -change.clip(upper=0), change.abs()
    more, less, moving = moved.clip(lower=0), -moved.clip(upper=0), moved.abs()
    higher = (change > 0).astype("float64").where(change.notna())
    lower = (change < 0).astype("float64").where(change.notna())
    weighted = (ratio - 1.0).abs() * v
    for d in WINDOWS:
        close = c.rolling(d)
        yield f"ROC{d}", c.shift(d) / c
        mean = close.mean()
        yield f"MA{d}", mean / c
        yield f"STD{d}", close.std() / c
        slope = close.cov(numbers) / (d * (d + 1) / 12.0)
        yield f"BETA{d}", slope / c
        yield f"RSQR{d}", close.corr(numbers) ** 2
        yield f"RESI{d}", (c - mean - slope * (d - 1) / 2) / c
        high, lowest = h.rolling(d).max(), low.rolling(d).min()
        yield f"MAX{d}", high / c
        yield f"MIN{d}", lowest / c
        yield f"QTLU{d}", close.quantile(0.8) / c
        yield f"QTLD{d}", close.quantile(0.2) / c
        yield f"RANK{d}", close.rank(pct=True)
        yield f"RSV{d}", (c - lowest) / (high - lowest + TINY)
        yield f"CORR{d}", close.corr(log_volume)
        yield f"CORD{d}", ratio.rolling(d).corr(volume_ratio)
        rises, falls = higher.rolling(d).mean(), lower.rolling(d).mean()
        yield from {f"CNTP{d}": rises, f"CNTN{d}": falls, f"CNTD{d}": rises - falls}.items()
        whole = size.rolling(d).sum() + TINY
        rises, falls = up.rolling(d).sum() / whole, down.rolling(d).sum() / whole
        yield from {f"SUMP{d}": rises, f"SUMN{d}": falls, f"SUMD{d}": rises - falls}.items()
        yield f"VMA{d}", v.rolling(d).mean() / (v + TINY)
        yield f"VSTD{d}", v.rolling(d).std() / (v + TINY)
        yield f"WVMA{d}", weighted.rolling(d).std() / (weighted.rolling(d).mean() + TINY)
        whole = moving.rolling(d).sum() + TINY
        rises, falls = more.rolling(d).sum() / whole, less.rolling(d).sum() / whole
        yield from {f"VSUMP{d}": rises, f"VSUMN{d}": falls, f"VSUMD{d}": rises - falls}.items()


def worst_difference(own: pd.DataFrame, other: Any, names: tuple[str, ...], skip: int) -> float:
    """Greatest difference from the second way, relative to the larger of value and usual size."""
    worst = 0.0
    for place, name in enumerate(names):
        values, expected = own[name].to_numpy()[skip:], other[place][skip:]
        size = np.fmax(np.abs(values), np.median(np.abs(values)) + TINY)
        worst = max(worst, float(np.nanmax(np.abs(values - expected) / size)))
    return worst


def core_rows() -> list[str]:
    """`core` on a million bars against its bare calls."""
    bars, core = market(1_000_000), feature_set("core")
    own, bare = measure(
        lambda: compute_features(core, bars),
        lambda: collected(bare_core(bars), core.columns, len(bars)),
    )
    # by design the two differ in sample and population deviations, and at the start of %K
    return [row("`core`, 42 columns, 1,000,000 bars", own, "its bare calls", bare, own / bare, "")]


def alpha158_rows() -> list[str]:
    """`alpha158` on 100,000 bars against pandas."""
    bars, alpha = market(100_000), feature_set("alpha158")
    names = tuple(name for name in alpha.columns if name[:4] not in ("IMAX", "IMIN", "IMXD"))
    same = replace(alpha, specs=tuple(spec for spec in alpha.specs if spec.name in names))
    own, whole, other = measure(
        lambda: compute_features(same, bars),
        lambda: compute_features(alpha, bars),
        lambda: collected(pandas_alpha158(bars), names, len(bars)),
    )
    block = collected(pandas_alpha158(bars), names, len(bars))
    apart = worst_difference(compute_features(alpha, bars), block, names, 60)
    what = "pandas' rolling methods, 142 columns"
    title = "`alpha158`, {} columns, 100,000 bars"
    note = f"{other / own:.1f} times faster; greatest difference {apart:.0e}"
    more = f"{other / whole:.1f} times faster"
    return [
        row(title.format(142), own, what, other, own / other, note),
        row(title.format(157), whole, what, other, whole / other, more),
    ]


def audit_rows() -> list[str]:
    """The audits of `core` on 5,000 bars."""
    bars, core = market(5_000), feature_set("core")
    warmups = {spec.name: spec.warmup for spec in core.specs}
    compute = lambda part: compute_features(core, part)  # noqa: E731
    prefix, scrambled, warm = measure(
        lambda: audit_prefix_truncation(compute, bars),
        lambda: audit_scrambled_future(compute, bars),
        lambda: audit_warmup(compute, bars, warmups),
        times=3,
    )
    return [
        f"| Audit of `core`, 5,000 bars: prefix truncation | {1e3 * prefix:.0f} ms | | | |",
        f"| Audit of `core`, 5,000 bars: scrambled future | {1e3 * scrambled:.0f} ms | | | |",
        f"| Audit of `core`, 5,000 bars: warm-ups | {1e3 * warm:.0f} ms | | | |",
        f"| Audit of `core`, 5,000 bars: all three | {1e3 * (prefix + scrambled + warm):.0f} ms | "
        "| | |",
    ]


def row(title: str, own: float, what: str, other: float, ratio: float, note: str) -> str:
    """A line of the table."""
    return f"| {title} | {1e3 * own:.0f} ms | {what}: {1e3 * other:.0f} ms | {ratio:.2f} | {note} |"


def main() -> None:
    """Print the table as Markdown."""
    parts = {"core": core_rows, "alpha158": alpha158_rows, "audit": audit_rows}
    print("| What | CPU time | Set against | Ratio | |\n|---|---:|---|---:|---|")  # noqa: T201
    for name in sys.argv[1:] or parts:
        for line in parts[name]():
            print(line)  # noqa: T201


if __name__ == "__main__":
    rolling.rolling_mean(np.ones(3), 2)  # compile before the clock runs
    with np.errstate(invalid="ignore", divide="ignore"):
        main()
