"""Questions about stored results: which there are, one by how its id begins, some of its trades."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.storage.stores.row_tables import Row, WarehouseStore

__all__ = [
    "COUNT_METRICS",
    "DAY_COLUMNS",
    "TRADE_COLUMNS",
    "Bound",
    "Page",
    "ResultFilter",
    "ResultQueries",
    "TradeFilter",
    "with_counts",
]

TRADE_COLUMNS = (
    "trade_no", "instrument", "side", "quantity", "entry_ts", "entry_price", "exit_ts",
    "exit_price", "fees", "slippage", "pnl", "return", "bars_held", "mfe", "mae", "exit_reason",
    "is_open",
)  # fmt: skip
"""What a trade is read with, in the order of the engine's frames."""
DAY_COLUMNS = ("date", "pnl", "trades", "target_hit")
COUNT_METRICS = (
    "bars", "longest_drawdown_bars", "trade_count", "open_trade_count", "long_trade_count",
    "short_trade_count", "longest_winning_streak", "longest_losing_streak",
)  # fmt: skip
"""Metrics that count something. They are read as integers, though every metric is a DOUBLE."""
Sign = Literal["<=", ">=", "<", ">", "="]
_SHOWN_CANDIDATES = 10
_LARGEST_PAGE_START = 2**62


@dataclass(frozen=True)
class Bound:
    """A condition on a column with numbers, such as sharpe >= 0.5; NULL never meets one."""

    name: str
    sign: Sign
    value: float


@dataclass(frozen=True, kw_only=True)
class ResultFilter:
    """Which results are wanted; None and empty ask nothing.

    `instrument`: one of those that the result traded. `since`: created at or after. `newest`: of
    each scenario and instrument the newest alone. `sort`: a column with numbers, highest first
    unless `ascending`, results without a value last; None: the newest first.
    """

    instrument: str | None = None
    scenario: str | None = None
    strategy: str | None = None
    since: datetime | None = None
    bounds: tuple[Bound, ...] = ()
    newest: bool = False
    sort: str | None = None
    ascending: bool = False


@dataclass(frozen=True, kw_only=True)
class TradeFilter:
    """Which trades of a result are wanted; None asks nothing.

    `entered_from`, `entered_before`: the first inclusive, the second exclusive. `sort`: as in
    `ResultFilter`; None: in their order.
    """

    side: str | None = None
    instrument: str | None = None
    exit_reason: str | None = None
    entered_from: datetime | None = None
    entered_before: datetime | None = None
    bounds: tuple[Bound, ...] = ()
    sort: str | None = None
    ascending: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some rows of an answer: `number` of `pages`, of `total` rows in all."""

    rows: list[Row] = field(default_factory=list)
    total: int
    number: int
    pages: int


class ResultQueries(WarehouseStore):
    """What is asked of `backtest_results` and `trades`, by many filters, a page at a time."""

    def count(self) -> int:
        """Number of stored results."""
        return int(self._rows("SELECT count(*) AS n FROM backtest_results")[0]["n"])

    def metric_names(self) -> list[str]:
        """Columns of results that hold numbers, in the order of the table."""
        return self._number_columns("backtest_results")

    def listed(self, wanted: ResultFilter, *, limit: int | None = None, page: int = 1) -> Page:
        """Results that meet the filter; `limit`: rows of a page, None for all.

        Raises `UnknownNameError` for a column, instrument, scenario or strategy that no result has,
        and `ConfigurationError` for a page that there is not.
        """
        for name, column in (
            (wanted.instrument, "instruments"),
            (wanted.scenario, "scenario"),
            (wanted.strategy, "strategy"),
        ):
            if name is not None:
                self._require_value(name, column)
        texts, given = [], []
        if wanted.instrument is not None:
            texts.append(f"list_contains(string_split(instruments, '{INSTRUMENT_SEPARATOR}'), ?)")
            given.append(wanted.instrument)
        for column, value in (("scenario", wanted.scenario), ("strategy", wanted.strategy)):
            if value is not None:
                texts.append(f"{column} = ?")
                given.append(value)
        if wanted.since is not None:
            texts.append("created_at >= ?::TIMESTAMPTZ")
            given.append(wanted.since.isoformat())
        known = self.metric_names()
        bounds, numbers = _bounds(wanted.bounds, known, "result")
        order = _order(wanted.sort, known, "result", ascending=wanted.ascending)
        source = (
            "(SELECT * FROM backtest_results QUALIFY row_number() OVER (PARTITION BY scenario, "
            "instruments ORDER BY seq DESC) = 1)"
            if wanted.newest
            else "backtest_results"
        )
        where = " AND ".join([*texts, *bounds]) or "true"
        found = self._page(
            f"{source} WHERE {where}", [*given, *numbers], f"{order}seq DESC", limit, page
        )
        return replace(found, rows=[with_counts(row) for row in found.rows])

    def resolve(self, beginning: str) -> str:
        """The id of the one result whose id begins so.

        Raises `UnknownNameError` where there is none, and `ConfigurationError` that names the
        candidates where there are several.
        """
        text = beginning.strip().lower()
        rows = self._rows(
            "SELECT DISTINCT result_id, scenario, instruments FROM backtest_results "
            "WHERE starts_with(result_id, ?) ORDER BY result_id",
            text,
        )
        ids = list(dict.fromkeys(str(row["result_id"]) for row in rows))
        if text in ids or (text and len(ids) == 1):
            return text if text in ids else ids[0]
        if not ids or not text:
            known = [row["result_id"] for row in self._rows(_IDS)]
            raise UnknownNameError(
                f"There is no result whose id begins with {beginning[:200]!r}. "
                f"{did_you_mean(text, known)} All of them: trading-pipeline results list",
                name=beginning,
                kind="result",
            )
        told = [f"{row['result_id']} ({row['scenario']} on {row['instruments']})" for row in rows]
        more = ", ..." if len(told) > _SHOWN_CANDIDATES else ""
        raise ConfigurationError(
            f"{len(ids)} results have an id that begins with {beginning!r}: "
            f"{', '.join(told[:_SHOWN_CANDIDATES])}{more}. Give more digits of the one you mean.",
            name=beginning,
            candidates=ids,
        )

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Everything that is asked inside the block is of one moment; writers wait for its end."""
        with self._warehouse.read():
            yield

    def rows_of(self, result_ids: Sequence[str]) -> list[Row]:
        """Rows of these results in this order; those that there are not are left out."""
        rows = self._rows(
            "SELECT * FROM backtest_results WHERE list_contains(?::VARCHAR[], result_id)",
            list(result_ids),
        )
        found = {str(row["result_id"]): with_counts(row) for row in rows}
        return [found[result_id] for result_id in result_ids if result_id in found]

    def trades(
        self, result_id: str, wanted: TradeFilter, *, limit: int | None = None, page: int = 1
    ) -> Page:
        """Trades of a result that meet the filter; `limit`: rows of a page, None for all.

        Raises as `listed` does, for a side, instrument or exit reason that no trade of the result
        has too.
        """
        texts, given = ["result_id = ?"], [result_id]
        for column, value in (
            ("side", wanted.side),
            ("instrument", wanted.instrument),
            ("exit_reason", wanted.exit_reason),
        ):
            if value is not None:
                self._require_of_trades(result_id, column, value)
                texts.append(f"{column} = ?")
                given.append(value)
        for sign, moment in ((">=", wanted.entered_from), ("<", wanted.entered_before)):
            if moment is not None:
                texts.append(f"entry_ts {sign} ?::TIMESTAMPTZ")
                given.append(moment.isoformat())
        known = self._number_columns("trades")
        bounds, numbers = _bounds(wanted.bounds, known, "trade")
        order = _order(wanted.sort, known, "trade", ascending=wanted.ascending)
        return self._page(
            f"trades WHERE {' AND '.join([*texts, *bounds])}",
            [*given, *numbers],
            f"{order}trade_no",
            limit,
            page,
        )

    def instruments_of(self, result_ids: Sequence[str]) -> dict[str, Row]:
        """Row of the table `instruments` by id, of all that these results traded."""
        rows = self._rows(
            "SELECT * EXCLUDE (seq) FROM instruments WHERE instrument IN (SELECT unnest("
            f"string_split(instruments, '{INSTRUMENT_SEPARATOR}')) FROM backtest_results "
            "WHERE list_contains(?::VARCHAR[], result_id))",
            list(result_ids),
        )
        return {str(row["instrument"]): row for row in rows}

    def splits_of(self, instruments: Sequence[str]) -> dict[str, list[tuple[date, float]]]:
        """Ex-date and new shares per old share of every split, by instrument."""
        rows = self._rows(
            "SELECT instrument, ex_date, value FROM corporate_actions WHERE kind = 'split' AND "
            "list_contains(?::VARCHAR[], instrument) ORDER BY ex_date",
            list(instruments),
        )
        found: dict[str, list[tuple[date, float]]] = {}
        for row in rows:
            found.setdefault(row["instrument"], []).append((row["ex_date"], row["value"]))
        return found

    def revisions_since(self, instruments: Sequence[str], moment: datetime) -> dict[str, int]:
        """How many values of past bars a source has changed since then, by instrument."""
        rows = self._rows(
            "SELECT instrument, count(*) AS n FROM bar_revisions WHERE "
            "list_contains(?::VARCHAR[], instrument) AND seen_at > ?::TIMESTAMPTZ "
            "GROUP BY instrument ORDER BY instrument",
            list(instruments),
            moment,
        )
        return {str(row["instrument"]): int(row["n"]) for row in rows}

    def _page(
        self, source: str, given: Sequence[object], order: str, limit: int | None, page: int
    ) -> Page:
        with self.moment():
            total = int(self._rows(f"SELECT count(*) AS n FROM {source}", *given)[0]["n"])
            pages = 1 if limit is None else max(1, -(-total // limit))
            if page > pages:
                there = "there is 1 page" if pages == 1 else f"there are {pages:,} pages"
                raise ConfigurationError(
                    f"There is no page {page:,}: {there} of {total:,} rows. Give a smaller page.",
                    page=page,
                    pages=pages,
                )
            cut = ""
            if limit is not None:
                cut = f" LIMIT {limit} OFFSET {min((page - 1) * limit, _LARGEST_PAGE_START)}"
            rows = self._rows(f"SELECT * FROM {source} ORDER BY {order}{cut}", *given)
        return Page(rows=rows, total=total, number=page, pages=pages)

    def _number_columns(self, table: str) -> list[str]:
        rows = self._rows(
            "SELECT column_name AS name FROM duckdb_columns() WHERE table_name = ? "
            "AND data_type IN ('DOUBLE', 'INTEGER', 'BIGINT') AND column_name <> 'seq' "
            "ORDER BY column_index",
            table,
        )
        return [str(row["name"]) for row in rows]

    def _require_value(self, name: str, column: str) -> None:
        value = column
        if column == "instruments":
            value = f"unnest(string_split(instruments, '{INSTRUMENT_SEPARATOR}'))"
        rows = self._rows(f"SELECT DISTINCT {value} AS name FROM backtest_results")
        known = [str(row["name"]) for row in rows]
        if name not in known:
            noun = column.removesuffix("s")
            raise UnknownNameError(
                f"No result is of the {noun} {name[:200]!r}. {did_you_mean(name, known)}",
                name=name,
                kind=noun,
            )

    def _require_of_trades(self, result_id: str, column: str, name: str) -> None:
        rows = self._rows(
            f"SELECT DISTINCT {column} AS name FROM trades WHERE result_id = ?", result_id
        )
        known = [str(row["name"]) for row in rows]
        if name not in known:
            noun = column.replace("_", " ")
            raise UnknownNameError(
                f"No trade of the result {result_id} has the {noun} {name[:200]!r}. "
                f"{did_you_mean(name, known)}",
                name=name,
                kind=noun,
            )


def with_counts(row: Row) -> Row:
    """The row of a result with its counts as integers.

    >>> with_counts({"trade_count": 12.0, "bars": None, "sharpe": 1.0})
    {'trade_count': 12, 'bars': None, 'sharpe': 1.0}
    """
    counts = {name: int(row[name]) for name in COUNT_METRICS if row.get(name) is not None}
    return {**row, **counts}


_IDS = "SELECT DISTINCT result_id FROM backtest_results"


def _bounds(
    bounds: Iterable[Bound], known: Sequence[str], noun: str
) -> tuple[list[str], list[float]]:
    """Conditions and their values; a NaN, as trades may have, meets none."""
    texts, values = [], []
    for each in bounds:
        _require_column(each.name, known, noun)
        texts.append(f'("{each.name}" {each.sign} ? AND NOT isnan("{each.name}"::DOUBLE))')
        values.append(each.value)
    return texts, values


def _order(name: str | None, known: Sequence[str], noun: str, *, ascending: bool) -> str:
    if name is None:
        return ""
    _require_column(name, known, noun)
    unknown_last = f'CASE WHEN isnan("{name}"::DOUBLE) THEN NULL ELSE "{name}" END'
    return f"{unknown_last} {'ASC' if ascending else 'DESC'} NULLS LAST, "


def _require_column(name: str, known: Sequence[str], noun: str) -> None:
    if name not in known:
        raise UnknownNameError(
            f"A {noun} has no number {name[:200]!r}. {did_you_mean(name, known)}",
            name=name,
            kind="metric",
        )
