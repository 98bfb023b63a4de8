"""Outcomes of audits of look-ahead in the warehouse, so that none is made twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from trading_pipeline.domain.audit_records import AuditRecord, AuditSubject
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.storage.stores.row_tables import Row, WarehouseStore, insert_rows

__all__ = ["AuditStore"]

_OF_SUBJECT = (
    "SELECT * FROM audits WHERE kind = ? AND name = ? AND code_hash = ? AND audit_hash = ? "
    "AND parameters_hash = ?"
)


class AuditStore(WarehouseStore):
    """Table `audits`: append-only, one row an audit; `seq` is the order of rows."""

    def keep(self, record: AuditRecord) -> None:
        """Add an outcome."""
        values = asdict(record)
        subject = values.pop("subject")
        row = {
            **subject,
            **values,
            "parameters": subject["parameters"] or None,
            "parameters_hash": canonical_hash(subject["parameters"]),
            "created_at": datetime.now(UTC),
        }
        with self._warehouse.write() as connection:
            last = self._rows("SELECT coalesce(max(seq), 0) AS n FROM audits")[0]["n"]
            insert_rows(connection, "audits", [{**row, "seq": last + 1}])

    def of(self, subject: AuditSubject, instrument: str) -> Sequence[AuditRecord]:
        """Outcomes for a subject on an instrument, the newest first."""
        rows = self._rows(
            f"{_OF_SUBJECT} AND instrument = ? ORDER BY seq DESC", *_key(subject), instrument
        )
        return [_record(subject, row) for row in rows]

    def finding(self, subject: AuditSubject) -> AuditRecord | None:
        """The newest finding for a subject on any instrument; None without one."""
        rows = self._rows(
            f"{_OF_SUBJECT} AND finding <> '' ORDER BY seq DESC LIMIT 1", *_key(subject)
        )
        return _record(subject, rows[0]) if rows else None


def _key(subject: AuditSubject) -> tuple[str, ...]:
    hashed = canonical_hash(subject.parameters)
    return subject.kind, subject.name, subject.code_hash, subject.audit_hash, hashed


def _record(subject: AuditSubject, row: Row) -> AuditRecord:
    names = ("instrument", "bars", "data_hash", "cuts", "slices")
    texts = ("finding", "column", "ts", "run_id")
    return AuditRecord(
        subject=subject,
        row=row["row"],
        **{name: row[name] for name in names},
        **{name: row[name] or "" for name in texts},
    )
