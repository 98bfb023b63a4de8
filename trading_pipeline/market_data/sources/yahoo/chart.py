"""Reads Yahoo's chart answers into bars as traded and corporate actions. Pure, no network.

Yahoo divides every price and dividend by all splits that came later, up to the day of the answer
(and multiplies volumes). An answer that reaches to now holds those splits too, so they are undone
with their own answer, and nothing changes in the past when the next split comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS, PRICE_COLUMNS, TS_DTYPE
from trading_pipeline.domain.corporate_actions import ActionKind
from trading_pipeline.domain.moments import Flags, Floats, index_of, moments_of
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.calendars import session_dates, week_labels

__all__ = [
    "YahooChart",
    "bars_as_traded",
    "cash_as_paid",
    "dividends_as_paid",
    "parse_chart",
    "yahoo_symbol",
]

_SUFFIXES = {"fx": "=X", "currency": "=X", "future": "=F"}


@dataclass(frozen=True)
class YahooChart:
    """One answer: bars on Yahoo's basis with the stamps that it gave (aware UTC), and its events.

    `splits`: (ex-date, new shares per old one), several of one date too; `dividends` and
    `capital_gains`: (ex-date, cash on Yahoo's basis).
    """

    bars: pd.DataFrame
    splits: tuple[tuple[date, float], ...]
    dividends: tuple[tuple[date, float], ...]
    meta: Mapping[str, Any]
    capital_gains: tuple[tuple[date, float], ...] = ()


def yahoo_symbol(symbol: str, asset_class: str) -> str:
    """Yahoo's spelling: `^` before an index, `=X` and `=F` after currencies and futures.

    >>> pairs = (("GSPC", "index"), ("EUR/USD", "fx"), ("BTC/USD", "crypto"))
    >>> [yahoo_symbol(*pair) for pair in pairs]
    ['^GSPC', 'EURUSD=X', 'BTC-USD']
    """
    if asset_class == "index":
        return "^" + symbol.removeprefix("^")
    if asset_class in _SUFFIXES:
        return symbol.replace("/", "") + _SUFFIXES[asset_class]
    return symbol.replace("/", "-")


def parse_chart(result: Mapping[str, Any]) -> YahooChart:
    """Read `chart.result[0]`. Rows without any price (Yahoo's filler) are no bars and are left out.

    Raises `KeyError`, `TypeError` or `ValueError` for an answer of another shape.
    """
    meta = result["meta"]
    zone = ZoneInfo(meta["exchangeTimezoneName"])
    stamps = result.get("timestamp") or []
    quote = ((result.get("indicators") or {}).get("quote") or [{}])[0] or {}
    columns = {name: _floats(quote.get(name), len(stamps)) for name in BAR_COLUMNS}
    index = pd.DatetimeIndex(pd.to_datetime(list(stamps), unit="s", utc=True)).astype(TS_DTYPE)
    bars = pd.DataFrame(columns, index=index.rename("ts")).sort_index()
    bars = bars.loc[bars[list(PRICE_COLUMNS)].notna().any(axis=1)]
    events = result.get("events") or {}
    splits = {
        (_local_date(each["date"], zone), _ratio(each)) for each in _values(events.get("splits"))
    }
    return YahooChart(
        bars,
        tuple(sorted(splits)),
        _cash(events.get("dividends"), zone),
        meta,
        _cash(events.get("capitalGains"), zone),
    )


def bars_as_traded(
    chart: YahooChart, splits: Sequence[tuple[date, float]], timeframe: Timeframe, calendar: str
) -> pd.DataFrame:
    """Bars with the contract's labels, prices times and volumes over every later split.

    Of two rows with one label the later one counts (Yahoo adds the running price as a row of its
    own, which off the timeframe's grid is no bar). Prices come as 32-bit floats and are rounded to
    what those can tell, so that the same trade is the same number before and after a split.
    """
    bars = chart.bars
    if timeframe.is_intraday:
        index = pd.DatetimeIndex(bars.index)
        last_trade = chart.meta.get("regularMarketTime")
        if len(index) and last_trade is not None and index[-1].timestamp() == float(last_trade):
            length = timeframe.length.total_seconds()
            if len(index) > 1 and (index[-1] - index[-2]).total_seconds() < length:
                bars = bars.iloc[:-1]
    else:
        labels = _session_labels(pd.DatetimeIndex(bars.index), chart.meta, timeframe, calendar)
        bars = bars.set_axis(labels, axis=0)
    bars = bars.loc[~bars.index.duplicated(keep="last")]
    index = pd.DatetimeIndex(bars.index)
    factors = _later_splits(session_dates(index, timeframe, calendar), splits)
    prices = {
        name: _rounded(bars[name].to_numpy() * factors, factors != 1.0) for name in PRICE_COLUMNS
    }
    volume = np.where(factors == 1.0, bars["volume"], np.round(bars["volume"] / factors))
    return pd.DataFrame({**prices, "volume": volume}, index=index)


def dividends_as_paid(chart: YahooChart) -> list[tuple[date, float]]:
    """Ex-dates and cash per share as it was paid, on the shares of the ex-date."""
    return [(day, value) for kind, day, value in cash_as_paid(chart) if kind == "dividend"]


def cash_as_paid(chart: YahooChart) -> list[tuple[ActionKind, date, float]]:
    """Dividends and capital gains per share as they were paid, on the shares of the ex-date.

    Yahoo adds the gains of some funds to their dividends and lists them again; see
    `_without_gains`. `chart` is a daily one.
    """
    found: list[tuple[ActionKind, date, float]] = []
    kinds: tuple[tuple[ActionKind, Sequence[tuple[date, float]]], ...] = (
        ("dividend", _without_gains(chart)),
        ("capital_gain", chart.capital_gains),
    )
    for kind, events in kinds:
        for ex_date, amount in events:
            later = [ratio for day, ratio in chart.splits if day > ex_date]
            paid = round(amount * float(np.prod(later)), 6)
            if paid != 0.0:
                found.append((kind, ex_date, paid))
    return sorted(found, key=lambda each: (each[1], each[0] != "dividend", each[2]))


def _without_gains(chart: YahooChart) -> list[tuple[date, float]]:
    """The dividends without the capital gains of their date, where prices say that these are in.

    A date speaks where the dividend is at least as large as the gains: for "in" where the fall of
    the open from the close before it is nearer to the dividend alone than to both. Two thirds of
    the dates decide for all of them, as in yfinance.
    """
    if not chart.capital_gains:
        return list(chart.dividends)
    gains: dict[date, float] = {}
    for day, amount in chart.capital_gains:
        gains[day] = gains.get(day, 0.0) + amount
    zone = chart.meta["exchangeTimezoneName"]
    days = [stamp.date() for stamp in pd.DatetimeIndex(chart.bars.index).tz_convert(zone)]
    opened, closed = (chart.bars[name].to_numpy() for name in ("open", "close"))
    says_in: dict[date, bool] = {}
    for day, amount in chart.dividends:
        at = days.index(day) if day in days else 0
        if at and 0.0 < gains.get(day, 0.0) <= amount:
            fall = closed[at - 1] - opened[at]
            says_in[day] = bool(abs(fall - amount) < abs(fall - amount - gains[day]))
    if not says_in or sum(says_in.values()) * 3 < len(says_in) * 2:
        return list(chart.dividends)
    return [
        (day, amount - gains[day] if day in says_in else amount) for day, amount in chart.dividends
    ]


def _session_labels(
    index: pd.DatetimeIndex, meta: Mapping[str, Any], timeframe: Timeframe, calendar: str
) -> pd.DatetimeIndex:
    """Session dates at 00:00 UTC; for weeks that of the week's first session."""
    local = index.tz_convert(meta["exchangeTimezoneName"])
    # Around a change of the clock Yahoo's midnights are an hour or two early, for Brazil for
    # example.
    early = (local.minute == 0) & (local.hour >= 22)
    naive = local.tz_localize(None).normalize() + pd.to_timedelta(np.where(early, 1, 0), unit="D")
    days = naive.tz_localize("UTC")
    if timeframe is Timeframe.W1:
        days = index_of(week_labels(moments_of(days), calendar))
    return days.as_unit("us").rename("ts")


def _later_splits(days: pd.DatetimeIndex, splits: Sequence[tuple[date, float]]) -> Floats:
    """For each day the product of the ratios whose ex-date lies after it."""
    factors = np.ones(len(days))
    for ex_date, ratio in splits:
        factors[np.asarray(days < pd.Timestamp(ex_date, tz="UTC"))] *= ratio
    return factors


def _rounded(prices: Floats, undone: Flags) -> Floats:
    """Seven significant digits as they came, a decimal less where a product carries the error
    on."""
    size = np.where(np.isfinite(prices) & (prices > 0), prices, 1.0)
    decimals = 6 - np.floor(np.log10(size)).astype(np.int64)
    coarse = np.select([size < 1, size < 500, size < 5000], [6, 4, 3], default=2)
    return np.array(
        [
            round(float(price), int(min(fine, rough) if is_undone else fine))
            for price, fine, rough, is_undone in zip(prices, decimals, coarse, undone, strict=True)
        ],
        dtype=np.float64,
    )


def _floats(values: Sequence[Any] | None, rows: int) -> Floats:
    if values is None:
        return np.full(rows, np.nan)
    found = np.array([np.nan if each is None else each for each in values], dtype=np.float64)
    if len(found) != rows:
        raise ValueError(f"{rows} time stamps came with {len(found)} values")
    return found


def _values(events: Any) -> list[Mapping[str, Any]]:
    return list(events.values()) if isinstance(events, Mapping) else list(events or [])


def _ratio(event: Mapping[str, Any]) -> float:
    new, old = float(event["numerator"]), float(event["denominator"])
    if not (new > 0.0 and old > 0.0):
        raise ValueError(f"a split of {new:g} for {old:g}")
    return new / old


def _cash(events: Any, zone: ZoneInfo) -> tuple[tuple[date, float], ...]:
    found = {(_local_date(each["date"], zone), float(each["amount"])) for each in _values(events)}
    return tuple(sorted(found))


def _local_date(seconds: float, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).date()
