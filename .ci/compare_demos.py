"""Compare two demos in different folders, and check that a repeated one had nothing to do."""

import json
import sys
from pathlib import Path

from trading_pipeline.storage.duckdb_connection import connect

HASHES = """
SELECT asset, "partition", sha256 FROM artifacts
WHERE asset LIKE 'predictions/%' OR asset LIKE 'features/%' OR asset = 'backtest' ORDER BY ALL
"""
RESULTS = """
SELECT result_id, instruments, scenario, content_hash, sharpe FROM backtest_results ORDER BY ALL
"""


def read(folder: Path, sql: str) -> list:
    """Rows of a query on a folder's warehouse."""
    with connect(folder / "warehouse.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def main(first: str, second: str, again: str) -> None:
    """Stop with a sentence if the two differ, or if the repeated demo ran anything."""
    for sql in (HASHES, RESULTS):
        one, other = read(Path(first), sql), read(Path(second), sql)
        if not one or one != other:
            different = [row for row in one if row not in other][:5]
            raise SystemExit(
                f"The two demos differ: {different} of {len(one)} and {len(other)} rows."
            )
    report = json.loads(Path(again).read_text())
    if sum(report["runs"].values()) != 0:
        raise SystemExit(f"The repeated demo started runs: {report['runs']}.")
    sys.stdout.write(f"The demos agree on {len(one)} results; the repeated one ran nothing.\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
