"""Tables of the warehouse, one file for each subject.

Read `row_tables` (how plain rows go in and out) first. `bars` keeps bars, findings and fetch
attempts; `artifacts` the Parquet files; `reference` instruments and corporate actions; `models`,
`results` and `trial_ledger` what research leaves behind. A store decides nothing: it keeps what it
is given and gives it back.
"""

from __future__ import annotations

from trading_pipeline.storage.stores.artifacts import Artifact, ArtifactStore
from trading_pipeline.storage.stores.bars import BarStore
from trading_pipeline.storage.stores.fetch_attempts import FetchAttempt, require_usable
from trading_pipeline.storage.stores.models import ModelStore
from trading_pipeline.storage.stores.reference import ReferenceStore, actions_hash
from trading_pipeline.storage.stores.results import ResultStore
from trading_pipeline.storage.stores.row_tables import Row, WarehouseStore, insert_rows
from trading_pipeline.storage.stores.sharpe_variance import SharpeVariance
from trading_pipeline.storage.stores.trial_ledger import LedgerCheck, TrialLedger

__all__ = [
    "Artifact",
    "ArtifactStore",
    "BarStore",
    "FetchAttempt",
    "LedgerCheck",
    "ModelStore",
    "ReferenceStore",
    "ResultStore",
    "Row",
    "SharpeVariance",
    "TrialLedger",
    "WarehouseStore",
    "actions_hash",
    "insert_rows",
    "require_usable",
]
