"""Stored results for notebooks: as frames, each by one short read that blocks no run for long."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pandas as pd

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.notebook_html import (
    CHARTS_BY,
    PAGE_HEIGHT,
    HtmlPage,
    html_summary,
    html_table,
)
from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.settings.file_checks import is_intact
from trading_pipeline.storage.parquet_files import read_frame, write_text
from trading_pipeline.storage.stores.result_queries import (
    COUNT_METRICS,
    DAY_COLUMNS,
    TRADE_COLUMNS,
    ResultFilter,
    ResultQueries,
    TradeFilter,
    with_counts,
)
from trading_pipeline.storage.stores.results import ResultStore
from trading_pipeline.storage.stores.row_tables import Row
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["StoredResult", "StoredResults"]

_FACTS = (
    "scenario", "strategy", "instruments", "parameters", "from_ts", "to_ts", "created_at",
    "trials_at_creation", "audit", "warnings",
)  # fmt: skip
_OWN = ("seq", "row_hash", "frames")
_SHOWN = 20


class StoredResults:
    """The stored results; ids may be cut to their first digits.

    Each method reads for a moment. In a `with` block one connection stays open for all of it, and
    runs wait for its end; there every attribute of a DuckDB connection, such as `execute`, is one
    of this object too.
    """

    def __init__(self, warehouse: Warehouse, runtime: Path) -> None:
        self._warehouse, self._runtime = warehouse, runtime
        self._queries = ResultQueries(warehouse)
        self._block: AbstractContextManager[duckdb.DuckDBPyConnection] | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def summary(self, *, newest: bool = False) -> pd.DataFrame:
        """One row a result, the last stored first: what was run, every metric, the hashes.

        Index `result_id`; fractions, stamps in UTC. `newest`: of each scenario and instrument the
        newest alone. A metric that is not defined is NaN. Counts, such as `trade_count`, have the
        dtype `Int64`, which holds <NA> where one is missing.
        """
        with self.reading():
            rows = self._queries.listed(ResultFilter(newest=newest)).rows
            metrics = self._queries.metric_names()
        others = [name for name in (rows[0] if rows else ()) if name.endswith("_hash")]
        hashes = [name for name in others if name not in _OWN]
        columns = ["result_id", *_FACTS, *metrics, *hashes]
        frame = pd.DataFrame(rows, columns=list(dict.fromkeys(columns)))
        for name in ("from_ts", "to_ts", "created_at"):
            frame[name] = _stamps(frame[name])
        counts = (*COUNT_METRICS, "trials_at_creation")
        kinds = {name: "Int64" if name in counts else "float64" for name in metrics}
        return frame.astype(kinds).set_index("result_id")

    def trades(self, result_id: str) -> pd.DataFrame:
        """Trades of a result in order, with the columns of `BacktestResult.trades`."""
        with self.reading():
            found = self._queries.trades(self._queries.resolve(result_id), TradeFilter())
        frame = pd.DataFrame(found.rows, columns=list(TRADE_COLUMNS))
        for name in ("entry_ts", "exit_ts"):
            frame[name] = _stamps(frame[name])
        return frame

    def daily(self, result_id: str) -> pd.DataFrame:
        """One row a day of a result: date, pnl, trades closed, target hit."""
        with self.reading():
            found = ResultStore(self._warehouse).days(self._queries.resolve(result_id))
        frame = pd.DataFrame(found, columns=list(DAY_COLUMNS))
        return frame.assign(date=pd.to_datetime(frame["date"]).astype("datetime64[us]"))

    def equity(self, result_id: str) -> pd.DataFrame:
        """Columns cash, position_value, equity and benchmark at each bar's close; index `ts`.

        `benchmark`: what holding would have made. Raises `DataQualityError` for files that are not
        as they were written.
        """
        row = self._row(result_id)
        held = self._frame(row, "benchmark")["equity"]
        return self._frame(row, "equity").assign(benchmark=held)

    def orders(self, result_id: str) -> pd.DataFrame:
        """The order log of a result, index `ts`; raises as `equity` does."""
        return self._frame(self._row(result_id), "orders")

    def weights(self, result_id: str) -> pd.DataFrame:
        """Share of each instrument in the equity of a portfolio, index `ts`; raises as `equity`.

        Raises `ConfigurationError` for the result of a single instrument.
        """
        row = self._row(result_id)
        if "weights" not in _hashes(row):
            raise ConfigurationError(
                f"The result {row['result_id']} is of {row['instruments']} alone and has no "
                "weights. Portfolios have them.",
                result_id=row["result_id"],
            )
        return self._frame(row, "weights")

    def compare(self, result_ids: Sequence[str]) -> pd.DataFrame:
        """One row a metric: its value in each result, and the differences from the first.

        Raises `ConfigurationError` for fewer than two different results.
        """
        given = [result_ids] if isinstance(result_ids, str) else list(result_ids)
        with self.reading():
            ids = [self._queries.resolve(each) for each in given]
            if len(ids) < 2 or len(set(ids)) < len(ids):
                raise ConfigurationError(
                    f"{len(set(ids))} different result(s) were given. Give two or more, each "
                    "once: compare(['efe9', 'e573']).",
                    results=ids,
                )
            rows, names = self._queries.rows_of(ids), self._queries.metric_names()
        metrics = [name for name in names if name != "trials_at_creation"]
        values = {
            row["result_id"]: pd.Series([row[name] for name in metrics], metrics, "float64")
            for row in rows
        }
        frame = pd.DataFrame(values).rename_axis("metric")
        for other in ids[1:]:
            frame[f"{other} less {ids[0]}"] = frame[other] - frame[ids[0]]
        return frame

    def tearsheet(self, result_id: str, path: Path | str | None = None) -> HtmlPage:
        """The stored page of a result; `path`: a file to copy it to as well.

        Raises `ConfigurationError` where no page was made of the result, and `WarehouseError`
        where the file cannot be written.
        """
        row = self._row(result_id)
        stored = self._runtime / "output" / "reports" / f"{row['result_id']}.html"
        if not stored.is_file():
            raise ConfigurationError(
                f"The result {row['result_id']} has no page at {stored}. Pages are made of the "
                "newest result of each scenario and instrument: trading-pipeline run.",
                path=str(stored),
            )
        html = stored.read_text("utf-8")
        if path is None:
            return HtmlPage(html, stored)
        written = Path(path).expanduser().absolute()
        write_text(written, html)
        return HtmlPage(html, written)

    def __getitem__(self, result_id: str) -> StoredResult:
        """One result, by its id or how that begins."""
        return StoredResult(self, self._row(result_id))

    def __repr__(self) -> str:
        """How many there are, and where."""
        return f"StoredResults({self._queries.count():,} results in {self._warehouse.path})"

    def _repr_html_(self) -> str:
        """The newest results as a table."""
        with self.reading():
            total = self._queries.count()
            rows = self._queries.listed(ResultFilter(), limit=_SHOWN).rows
        heads = ("result", "scenario", "instruments", "from", "to", "return", "Sharpe ratio")
        cells = [
            [
                str(row["result_id"]),
                str(row["scenario"]),
                str(row["instruments"]),
                *(f"{row[name]:%Y-%m-%d}" if row[name] else "" for name in ("from_ts", "to_ts")),
                _number(row.get("total_return"), percent=True),
                _number(row.get("sharpe")),
            ]
            for row in rows
        ]
        return html_table(f"The newest {len(rows)} of {total:,} stored results", heads, cells)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The open connection; `ConfigurationError` outside a `with` block."""
        if self._connection is None:
            raise ConfigurationError(
                "No connection is open. Ask SQL inside a block: with open_results() as results: "
                "results.execute(...)."
            )
        return self._connection

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection for the time of the block."""
        with self._warehouse.read() as connection:
            yield connection

    def __enter__(self) -> StoredResults:
        """Open one connection until the end of the block."""
        self._block = self._warehouse.read()
        self._connection = self._block.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """Close it."""
        block, self._block, self._connection = self._block, None, None
        return None if block is None else block.__exit__(kind, error, trace)

    def __getattr__(self, name: str) -> Any:
        """What only the open connection has."""
        if name.startswith("_"):
            raise AttributeError(name)
        connection = self.__dict__.get("_connection")
        if connection is None:
            raise AttributeError(
                f"StoredResults has no {name!r}; a connection has it inside a 'with' block"
                if hasattr(duckdb.DuckDBPyConnection, name)
                else f"StoredResults has no {name!r}"
            )
        return getattr(connection, name)

    def _row(self, result_id: str) -> Row:
        with self.reading():
            return ResultStore(self._warehouse).require(self._queries.resolve(result_id))

    def _frame(self, row: Row, name: str) -> pd.DataFrame:
        path = self._runtime / "output" / "backtests" / row["result_id"] / f"{name}.parquet"
        if not is_intact(path, _hashes(row).get(name)):
            there = "is not the one that was written" if path.exists() else "is missing"
            raise DataQualityError(
                f"The result {row['result_id']} cannot be used: its file {path} {there}. The next "
                "pass runs it again: trading-pipeline run.",
                result_id=row["result_id"],
            )
        return read_frame(path)


@dataclass(frozen=True)
class StoredResult:
    """One stored result; `row`: its columns in `backtest_results`."""

    results: StoredResults
    row: Row

    @property
    def result_id(self) -> str:
        """Its id."""
        return str(self.row["result_id"])

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric that is defined, by name; counts are integers."""
        given = {name: v for name, v in self.row.items() if isinstance(v, float)}
        return with_counts(given)

    @property
    def trades(self) -> pd.DataFrame:
        """As `StoredResults.trades`."""
        return self.results.trades(self.result_id)

    @property
    def equity(self) -> pd.DataFrame:
        """As `StoredResults.equity`."""
        return self.results.equity(self.result_id)

    @property
    def daily(self) -> pd.DataFrame:
        """As `StoredResults.daily`."""
        return self.results.daily(self.result_id)

    @property
    def orders(self) -> pd.DataFrame:
        """As `StoredResults.orders`."""
        return self.results.orders(self.result_id)

    @property
    def weights(self) -> pd.DataFrame:
        """As `StoredResults.weights`."""
        return self.results.weights(self.result_id)

    def tearsheet(self, path: Path | str | None = None) -> HtmlPage:
        """As `StoredResults.tearsheet`."""
        return self.results.tearsheet(self.result_id, path)

    def show(self, *, height: int = PAGE_HEIGHT) -> HtmlPage:
        """The charts of the stored page, drawn by the notebook; `height` of the frame in pixels.

        Raises `ConfigurationError` where no page was made of the result, and for a height that is
        no whole number above 0.
        """
        return replace(self.tearsheet(), height=height)

    def __repr__(self) -> str:
        """What was run on what."""
        return (
            f"StoredResult({self.result_id}: {self.row['scenario']} on {self.row['instruments']})"
        )

    def _repr_html_(self) -> str:
        """Headline numbers, and the warnings stored with them."""
        row = self.row
        facts = [
            ("Strategy", f"{row['strategy']} {row['parameters'] or ''}"),
            ("Bars", f"{row['from_ts']:%Y-%m-%d} to {row['to_ts']:%Y-%m-%d}"),
            ("Trades", _number(row.get("trade_count"), digits=0)),
            ("Total return", _number(row.get("total_return"), percent=True)),
            ("Of buy and hold", _number(row.get("benchmark_total_return"), percent=True)),
            ("Max drawdown", _number(row.get("max_drawdown"), percent=True)),
            ("Sharpe ratio", _number(row.get("sharpe"))),
            ("Audit", f"{row['audit'] or 'not audited'}: {row['audit_note'] or ''}"),
        ]
        title = f"Result {self.result_id}: {row['scenario']} on {row['instruments']}"
        notes = [text for text in str(row["warnings"] or "").split("\n") if text]
        return html_summary(title, facts, [*notes, CHARTS_BY])


def _hashes(row: Row) -> dict[str, str]:
    found: dict[str, str] = json.loads(row["frames"] or "{}")
    return found


def _stamps(column: pd.Series) -> pd.Series:
    stamps = [pd.NaT if value is None else value for value in column]
    return pd.Series(pd.DatetimeIndex(stamps, dtype=TS_DTYPE), index=column.index)


def _number(value: float | None, *, percent: bool = False, digits: int = 3) -> str:
    if value is None or value != value:
        return "–"
    return f"{100.0 * value:,.2f} %" if percent else f"{value:,.{digits}f}"
