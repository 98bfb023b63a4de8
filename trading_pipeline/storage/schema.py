"""The tables of the warehouse and the migrations that lead to them.

TIMESTAMPTZ are UTC. There are no primary keys: they make writes several times slower, and
uniqueness is a blocking check. `backtest_results` also has one DOUBLE column a metric, added when
first written.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import duckdb

from trading_pipeline.errors import WarehouseCorruptError, WarehouseVersionError
from trading_pipeline.storage.row_order import add_row_order
from trading_pipeline.storage.trial_chain import add_chain

__all__ = ["SCHEMA_VERSION", "TABLES", "check_version", "migrate", "stored_version"]

_V1 = """
CREATE TABLE schema_version(version INTEGER, applied_at TIMESTAMPTZ);
CREATE TABLE instruments(instrument VARCHAR, symbol VARCHAR, timeframe VARCHAR, source VARCHAR,
  calendar VARCHAR, asset_class VARCHAR, currency VARCHAR, multiplier DOUBLE, tick_size DOUBLE,
  lot_size DOUBLE, listed_from DATE, listed_to DATE, active BOOLEAN, spec_hash VARCHAR,
  updated_at TIMESTAMPTZ);
CREATE TABLE bars(instrument VARCHAR, ts TIMESTAMPTZ, open DOUBLE, high DOUBLE, low DOUBLE,
  close DOUBLE, volume DOUBLE);
CREATE TABLE fetch_log(instrument VARCHAR, "window" VARCHAR, source VARCHAR,
  requested_from TIMESTAMPTZ, requested_to TIMESTAMPTZ, fetched_at TIMESTAMPTZ, rows BIGINT,
  first_ts TIMESTAMPTZ, last_ts TIMESTAMPTZ, content_hash VARCHAR, state VARCHAR, status VARCHAR,
  reason VARCHAR, expires_at TIMESTAMPTZ, client_version VARCHAR, run_id VARCHAR);
CREATE TABLE bar_revisions(instrument VARCHAR, ts TIMESTAMPTZ, field VARCHAR, "old" DOUBLE,
  "new" DOUBLE, seen_at TIMESTAMPTZ, run_id VARCHAR);
CREATE TABLE corporate_actions(instrument VARCHAR, ex_date DATE, kind VARCHAR, value DOUBLE,
  source VARCHAR, seen_at TIMESTAMPTZ);
CREATE TABLE bars_rejected(instrument VARCHAR, ts TIMESTAMPTZ, open DOUBLE, high DOUBLE, low DOUBLE,
  close DOUBLE, volume DOUBLE, run_id VARCHAR, reason VARCHAR);
CREATE TABLE quality_findings(instrument VARCHAR, "window" VARCHAR, check_name VARCHAR,
  severity VARCHAR, ts TIMESTAMPTZ, value DOUBLE, detail VARCHAR, run_id VARCHAR,
  found_at TIMESTAMPTZ);
CREATE TABLE artifacts(asset VARCHAR, "partition" VARCHAR, path VARCHAR, sha256 VARCHAR,
  rows BIGINT, columns VARCHAR, status VARCHAR, input_hash VARCHAR, code_hash VARCHAR,
  run_id VARCHAR,
  created_at TIMESTAMPTZ);
CREATE TABLE models(model_id VARCHAR, name VARCHAR, instrument VARCHAR, "window" VARCHAR,
  spec_hash VARCHAR, feature_set_hash VARCHAR, data_hash VARCHAR, train_from TIMESTAMPTZ,
  train_to TIMESTAMPTZ, last_label_end TIMESTAMPTZ, rows BIGINT, purged BIGINT, embargoed BIGINT,
  path VARCHAR, sha256 VARCHAR, metrics JSON, trained_at TIMESTAMPTZ, run_id VARCHAR);
CREATE TABLE backtest_results(result_id VARCHAR, scenario VARCHAR, strategy VARCHAR,
  parameters JSON, instruments VARCHAR, from_ts TIMESTAMPTZ, to_ts TIMESTAMPTZ,
  settings_hash VARCHAR,
  bars_hash VARCHAR, features_hash VARCHAR, predictions_hash VARCHAR, code_hash VARCHAR,
  content_hash VARCHAR, trials_at_creation BIGINT, warnings VARCHAR, run_id VARCHAR,
  created_at TIMESTAMPTZ);
CREATE TABLE trades(result_id VARCHAR, trade_no INTEGER, instrument VARCHAR, side VARCHAR,
  quantity DOUBLE, entry_ts TIMESTAMPTZ, entry_price DOUBLE, exit_ts TIMESTAMPTZ, exit_price DOUBLE,
  fees DOUBLE, slippage DOUBLE, pnl DOUBLE, "return" DOUBLE, bars_held INTEGER, mfe DOUBLE,
  mae DOUBLE, exit_reason VARCHAR, is_open BOOLEAN);
CREATE TABLE daily_results(result_id VARCHAR, date DATE, pnl DOUBLE, trades INTEGER,
  target_hit BOOLEAN);
CREATE TABLE trials(trial_no BIGINT, study VARCHAR, instrument VARCHAR, strategy VARCHAR,
  parameters_hash VARCHAR, parameters JSON, bars_hash VARCHAR, code_hash VARCHAR, fold VARCHAR,
  sharpe DOUBLE, bars BIGINT, mean DOUBLE, sd DOUBLE, skew DOUBLE, kurtosis DOUBLE, metric VARCHAR,
  value DOUBLE, status VARCHAR, run_id VARCHAR, created_at TIMESTAMPTZ);
"""

_V2 = """
ALTER TABLE instruments ADD COLUMN resample_from VARCHAR;
ALTER TABLE fetch_log ADD COLUMN asked_from TIMESTAMPTZ;
ALTER TABLE fetch_log ADD COLUMN price_basis VARCHAR;
ALTER TABLE fetch_log ADD COLUMN resampled_from VARCHAR;
ALTER TABLE fetch_log ADD COLUMN expected BIGINT;
ALTER TABLE fetch_log ADD COLUMN score DOUBLE;
CREATE VIEW window_quality AS
WITH decided AS (
  SELECT *, row_number() OVER (
    PARTITION BY instrument, "window" ORDER BY fetched_at DESC, rowid DESC) AS age
  FROM fetch_log WHERE status NOT IN ('failed', 'no_data')),
found AS (
  SELECT instrument, "window", found_at, count(*) FILTER (severity = 'ERROR') AS errors,
    count(*) FILTER (severity = 'WARN') AS warnings
  FROM quality_findings GROUP BY ALL)
SELECT d.instrument, d."window", d.source, d.state, d.status, d.score, d.rows, d.expected,
  coalesce(f.errors, 0) AS errors, coalesce(f.warnings, 0) AS warnings, d.first_ts, d.last_ts,
  d.fetched_at
FROM decided d LEFT JOIN found f
  ON f.instrument = d.instrument AND f."window" = d."window" AND f.found_at = d.fetched_at
WHERE d.age = 1 ORDER BY d.instrument, d."window";
"""

# `audit` is NULL in rows from before: nobody audited their strategies.
_V3 = """
ALTER TABLE backtest_results ADD COLUMN audit VARCHAR;
ALTER TABLE backtest_results ADD COLUMN audit_note VARCHAR;
CREATE TABLE audits(seq BIGINT, kind VARCHAR, name VARCHAR, code_hash VARCHAR, audit_hash VARCHAR,
  parameters_hash VARCHAR, parameters JSON, instrument VARCHAR, bars BIGINT, data_hash VARCHAR,
  cuts BIGINT, slices BIGINT, finding VARCHAR, details JSON,
  outside VARCHAR, run_id VARCHAR, created_at TIMESTAMPTZ);
"""

# `frames`: sha256 of a result's files by name; `row_hash`: of its row, its trades and its days.
# Both are NULL in rows from before. A loss of the ledger that somebody accepted is on record.
_V6 = """
ALTER TABLE backtest_results ADD COLUMN frames JSON;
ALTER TABLE backtest_results ADD COLUMN row_hash VARCHAR;
CREATE TABLE accepted_losses(seq BIGINT, last_row BIGINT, lost BIGINT,
  trials_known BIGINT, faults JSON, reason VARCHAR, accepted_at TIMESTAMPTZ);
"""

# `span`: first and last bar of an evaluation on a part of a study's bars; NULL: on all of them.
_V7 = """
ALTER TABLE trials ADD COLUMN span VARCHAR;
CREATE TABLE frozen_studies(seq BIGINT, study VARCHAR, instrument VARCHAR,
  registration_hash VARCHAR, registration JSON, run_id VARCHAR, registered_at TIMESTAMPTZ);
"""

_MIGRATIONS: dict[int, str] = {1: _V1, 2: _V2, 3: _V3, 6: _V6, 7: _V7}
"""Statements by version."""
_COMPUTED: dict[int, Callable[[duckdb.DuckDBPyConnection], None]] = {4: add_chain, 5: add_row_order}
"""Migrations that statements alone cannot make, by version."""
SCHEMA_VERSION = max(*_MIGRATIONS, *_COMPUTED)
TABLES = (
    "instruments",
    "bars",
    "fetch_log",
    "bar_revisions",
    "corporate_actions",
    "bars_rejected",
    "quality_findings",
    "artifacts",
    "models",
    "backtest_results",
    "trades",
    "daily_results",
    "trials",
    "trial_chain",
    "accepted_losses",
    "frozen_studies",
    "audits",
    "schema_version",
)


def stored_version(connection: duckdb.DuckDBPyConnection) -> int:
    """Version of the tables in the file; 0 for an empty file."""
    found = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_version'"
    ).fetchall()
    if not found[0][0]:
        return 0
    version = connection.execute("SELECT max(version) FROM schema_version").fetchall()[0][0]
    return int(version or 0)


def migrate(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """Bring an older or empty file up to this version, inside the caller's transaction.

    Raises `WarehouseVersionError` for a file that a newer version of the package wrote, and
    `WarehouseCorruptError` for a database of another program that has tables of these names.
    """
    version = stored_version(connection)
    check_version(version, path)
    for step in range(version + 1, SCHEMA_VERSION + 1):
        try:
            if step in _MIGRATIONS:
                connection.execute(_MIGRATIONS[step])
            if step in _COMPUTED:
                _COMPUTED[step](connection)
        except duckdb.CatalogException as error:
            raise WarehouseCorruptError(
                f"The database {path} is not a warehouse of this package: {str(error).strip()} "
                "Move it away, or point TRADING_PIPELINE_RUNTIME_DIR at another folder.",
                path=path,
            ) from error
        connection.execute(
            "INSERT INTO schema_version VALUES (?, ?::TIMESTAMPTZ)", [step, datetime.now(UTC)]
        )


def check_version(version: int, path: str) -> None:
    """Refuse a version above the one this code knows."""
    if version > SCHEMA_VERSION:
        raise WarehouseVersionError(
            f"The warehouse {path} has schema version {version}, written by a newer "
            f"trading-pipeline; this one knows versions up to {SCHEMA_VERSION}. Upgrade the "
            "package, or point TRADING_PIPELINE_RUNTIME_DIR at another folder.",
            path=path,
            version=version,
            known_version=SCHEMA_VERSION,
        )
