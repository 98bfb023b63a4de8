"""Outcomes of audits of look-ahead in the warehouse, so that none is made twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from trading_pipeline.domain.audit_records import AuditRecord, AuditSubject
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.storage.stores.row_tables import Row, WarehouseStore, insert_rows
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["AuditStore"]

_OF_CODE = "SELECT * FROM audits WHERE kind = ? AND name = ? AND code_hash = ? AND audit_hash = ?"


class AuditStore(WarehouseStore):
    """Table `audits`: append-only, one row an audit; `seq` is the order of rows."""

    def __init__(self, warehouse: Warehouse, run_id: str = "") -> None:
        super().__init__(warehouse)
        self._run_id = run_id
        self._found: dict[tuple[str, ...], list[Row]] = {}
        self._passed: dict[tuple[str, ...], dict[str, int]] = {}

    def keep(self, record: AuditRecord) -> None:
        """Add an outcome."""
        values = asdict(record)
        subject = values.pop("subject")
        row = {
            **subject,
            **values,
            "parameters": subject["parameters"] or None,
            "details": values["details"] or None,
            "outside": values["outside"] or None,
            "parameters_hash": canonical_hash(subject["parameters"]),
            "run_id": record.run_id or self._run_id,
            "created_at": datetime.now(UTC),
        }
        self._passed.clear()
        if record.finding:
            self._found.clear()
        with self._warehouse.write() as connection:
            last = self._rows("SELECT coalesce(max(seq), 0) AS n FROM audits")[0]["n"]
            insert_rows(connection, "audits", [{**row, "seq": last + 1}])

    def of(self, subject: AuditSubject, instrument: str) -> Sequence[AuditRecord]:
        """Outcomes for a subject on an instrument, the newest first."""
        rows = self._rows(
            f"{_OF_CODE} AND parameters_hash = ? AND instrument = ? ORDER BY seq DESC",
            *_code(subject),
            canonical_hash(subject.parameters),
            instrument,
        )
        return [_record(subject, row) for row in rows]

    def findings(self, subject: AuditSubject) -> Sequence[AuditRecord]:
        """Findings in a subject's code on any instrument, with any parameters, newest first.

        Read once until this store keeps another outcome.
        """
        code = _code(subject)
        if code not in self._found:
            self._found[code] = self._rows(f"{_OF_CODE} AND finding <> '' ORDER BY seq DESC", *code)
        rows = self._found[code]
        return [_record(replace(subject, parameters=row["parameters"] or ""), row) for row in rows]

    def passed(self, subject: AuditSubject) -> Mapping[str, int]:
        """Instruments on which the newest audit of a subject's code found nothing, and its bars.

        Read once until this store keeps another outcome.
        """
        code = _code(subject)
        if code not in self._passed:
            rows = self._rows(
                f"{_OF_CODE} QUALIFY row_number() OVER "
                "(PARTITION BY instrument ORDER BY seq DESC) = 1",
                *code,
            )
            found = {row["instrument"]: int(row["bars"]) for row in rows if not row["finding"]}
            self._passed[code] = found
        return self._passed[code]


def _code(subject: AuditSubject) -> tuple[str, ...]:
    return subject.kind, subject.name, subject.code_hash, subject.audit_hash


def _record(subject: AuditSubject, row: Row) -> AuditRecord:
    return AuditRecord(
        subject=subject,
        instrument=row["instrument"],
        bars=row["bars"],
        data_hash=row["data_hash"],
        cuts=row["cuts"],
        slices=row["slices"],
        finding=row["finding"] or "",
        details=row["details"] or "",
        outside=row["outside"] or "",
        run_id=row["run_id"] or "",
    )
