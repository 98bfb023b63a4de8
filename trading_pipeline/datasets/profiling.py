"""Makes the profile of a user's file: its form, its checks, its market and its open questions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from trading_pipeline.datasets.checks.passes import FileTally, Progress, tally_file
from trading_pipeline.datasets.clocks.coverage import even_step, step_name
from trading_pipeline.datasets.clocks.market import MarketFacts
from trading_pipeline.datasets.clocks.wall_clock import zone_changes
from trading_pipeline.datasets.columns.timestamps import surviving_orders
from trading_pipeline.datasets.columns.values import formula_cell
from trading_pipeline.datasets.profile import (
    DatasetProfile,
    shown_moment,
    shown_stamp_format,
)
from trading_pipeline.datasets.reading.encodings import HEAD_BYTES, FileBytes, examine_bytes
from trading_pipeline.datasets.reading.table import FoundTable, find_table, readable_copy
from trading_pipeline.datasets.refusals import (
    coarse_reason,
    cut_stamps_reason,
    formula_reason,
    refused_bytes,
    refused_table,
)
from trading_pipeline.domain.dataset_shape import TableShape
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline.storage.user_files.csv_scan import open_scan
from trading_pipeline.storage.user_files.plain_lines import NotPlainError

__all__ = ["profile_dataset"]

PLAIN_BYTES = 4_000_000
"""Smaller files go to DuckDB at once: reading them twice would cost as little."""
_UTC_CELL = re.compile(r".*?(?:[Zz]|UTC|GMT|[+-]00(?::?00)?)\s*")


def profile_dataset(
    path: Path,
    answers: DatasetAnswers | None = None,
    *,
    max_bytes: int | None = None,
    progress: Progress | None = None,
) -> DatasetProfile:
    """Read a CSV, TSV or Parquet file once: what it is, what is wrong with it, what must be asked.

    Memory does not grow with the file. A file that cannot be bars has `accept` false and a
    `reason`.

    Parameters
    ----------
    answers
        What the file itself does not say.
    max_bytes
        A larger file is refused unread.
    progress
        Called with the number of rows read so far.

    Raises
    ------
    DatasetFormatError
        There is no file to read, or an answer does not fit it.
    """
    path, answers = Path(path), answers or DatasetAnswers()
    size = path.stat().st_size if path.is_file() else 0
    base = DatasetProfile(path=str(path), size=size, accept=False, answers=answers)
    if max_bytes is not None and size > max_bytes:
        return replace(
            base,
            reason=f"The file has {size:,} bytes; at most {max_bytes:,} are allowed. Split it by "
            "years or symbols, or raise the limit.",
        )
    if size >= PLAIN_BYTES:
        plain = _plain_profile(base, path, progress)
        if plain is not None:
            return plain
    content = examine_bytes(path)
    base = replace(base, encoding=content.encoding if content.kind == "text" else None)
    refused = refused_bytes(content)
    if refused is not None:
        return replace(base, reason=refused[1], problems={refused[0]: 1})
    with readable_copy(path, content) as readable:
        return _profile_table(base, readable, content, progress)


def _plain_profile(
    base: DatasetProfile, path: Path, progress: Progress | None
) -> DatasetProfile | None:
    """The profile of a large text file that is plain throughout; None where DuckDB must read it.

    Only the head is examined here; the reader of plain lines notices where the rest is different.
    """
    content = examine_bytes(path, limit=HEAD_BYTES)
    is_plain = content.encoding == "utf-8" and not content.quoted and not content.old_lines
    if content.kind != "text" or not is_plain:
        return None
    base = replace(base, encoding=content.encoding)
    try:
        return _profile_table(base, path, content, progress, plain=True)
    except NotPlainError:
        return None


def _profile_table(
    base: DatasetProfile,
    readable: Path,
    content: FileBytes,
    progress: Progress | None,
    *,
    plain: bool = False,
) -> DatasetProfile:
    table = find_table(readable, content, base.answers)
    shape = table.shape
    base = _with_form(base, shape)
    bom = {"bom": 1} if content.bom else {}
    refused = refused_table(base, table, bom)
    if plain and (refused is not None or len(table.formats) > 1):
        raise NotPlainError("The head leaves open what the file is.", path=base.path)
    if refused is not None:
        return refused
    orders, both = list(table.formats), 0
    if len(orders) > 1:
        with open_scan(readable, shape) as scan:
            counts, both = scan.readable_stamps([table.formats[order] for order in orders])
        most = max(counts)
        alive = {o: table.formats[o] for o, n in zip(orders, counts, strict=True) if n == most}
        orders = surviving_orders(table.cells("timestamp"), alive)
        if len(alive) > len(orders) == 1:
            base = replace(base, date_order_by_steps=orders[0])
    stamp = table.formats[orders[0]]
    shape = replace(shape, timestamp=stamp)
    base = _with_form(base, shape)
    market = MarketFacts(base.answers, stamp)
    with open_scan(readable, shape) as scan:
        tally = tally_file(
            scan,
            naive_zone=base.answers.tz,
            on_series=market.look_at,
            progress=progress,
            plain=plain,
            local=market.local if stamp.is_wall and stamp.kind != "date" else None,
        )
    is_open = len(orders) > 1 or base.date_order_by_steps is not None
    ambiguous = {"ambiguous_date": both} if is_open else {}
    return _finished(base, table, tally, market, {**bom, **ambiguous})


def _finished(
    base: DatasetProfile,
    table: FoundTable,
    tally: FileTally,
    market: MarketFacts,
    known: Mapping[str, int],
) -> DatasetProfile:
    rows, shape = tally.rows, base.shape
    symbols = tuple(sorted(tally.symbols)) or table.symbols
    tz = "mixed" if tally.is_mixed else _tz(base, table)
    problems = {
        **known,
        **rows.all_problems(),
        "duplicate_row": tally.duplicate_rows,
        "duplicate_conflict": tally.duplicate_conflicts,
        "price_spike": tally.price_spikes,
        "stale_run": tally.stale_runs,
        "missing_bar": market.missing or 0,
        "mixed_tz": rows.naive_rows if tally.is_mixed else 0,
        "multiple_symbols": len(symbols) if len(symbols) > 1 else 0,
        "no_rows": int(rows.rows == 0),
    }
    others = {**rows.others, "extra_bar": market.extra or 0, "level_shift": tally.level_shifts}
    if shape is not None and "volume" not in shape.positions:
        others.pop("missing_volume", None)
        if base.answers.volume != "none":
            problems["missing_volume"] = rows.valid_rows
    timeframe = base.answers.timeframe or step_name(tally.steps)
    profile = replace(
        base,
        accept=rows.valid_rows > 0,
        tz=tz,
        suggest_tz=market.suggest_tz,
        timeframe=None if timeframe is None else str(timeframe),
        rows=rows.rows,
        valid_rows=rows.valid_rows,
        symbols=symbols,
        symbol_in_column=bool(tally.symbols),
        calendar=market.calendar,
        missing_bars=market.missing,
        stamps=market.stamps,
        step=even_step(tally.steps),
        problems={code: count for code, count in problems.items() if count},
        other_findings={code: count for code, count in others.items() if count},
    )
    ends = [_as_written(each, market.local.utc_zone) for each in (rows.first, rows.last)]
    first, last = (_shown(each, profile) for each in ends)
    shift = tally.first_shift
    if shift is not None:
        shown = _shown(_as_written(shift[0], market.local.utc_zone), profile)
        profile = replace(profile, level_shift=(str(shown), shift[1]))
    profile = replace(profile, first=first, last=last)
    if rows.first_formula_row is not None or any(formula_cell(symbol) for symbol in symbols):
        return replace(profile, accept=False, reason=formula_reason(rows.first_formula_row))
    if rows.cut_stamps:
        return replace(profile, accept=False, reason=cut_stamps_reason(rows.cut_stamps))
    if profile.accept:
        coarse = coarse_reason(profile, tally.steps)
        return profile if coarse is None else replace(profile, accept=False, reason=coarse)
    what = ", ".join(f"{code} {count}" for code, count in profile.problems.items())
    reason = f"None of the {rows.rows} row(s) can be read as a bar ({what or 'no time stamps'})."
    return replace(profile, reason=reason)


def _with_form(base: DatasetProfile, shape: TableShape) -> DatasetProfile:
    return replace(
        base,
        shape=shape,
        encoding=shape.encoding,
        delimiter=shape.delimiter,
        decimal=shape.numbers.decimal,
        thousands=shape.numbers.thousands,
        header=shape.header,
        skip_rows=shape.skip_rows,
        columns=shape.column_names,
        timestamp=shown_stamp_format(shape.timestamp),
    )


def _tz(base: DatasetProfile, table: FoundTable) -> str:
    stamp = None if base.shape is None else base.shape.timestamp
    if stamp is None or stamp.kind == "epoch":
        return "UTC"
    if stamp.is_wall:
        zone = stamp.zone if stamp.names_zone else base.answers.tz or stamp.zone
        if stamp.zone == "UTC" and zone == "UTC":
            return "UTC"
        return "offset" if stamp.names_zone else "naive"
    if any(each.startswith("%Y%m%d-") for each in stamp.formats):
        return "UTC"
    cells = [cell for cell in table.cells("timestamp") if cell.strip()]
    return "UTC" if all(_UTC_CELL.fullmatch(cell) for cell in cells) else "offset"


def _as_written(moment: int | None, utc_zone: str | None) -> int | None:
    if moment is None or utc_zone is None:
        return moment
    return int(zone_changes(utc_zone).wall(np.array([moment]))[0])


def _shown(moment: int | None, profile: DatasetProfile) -> str | None:
    """Text of the first or last moment as the file shows it."""
    if moment is None:
        return None
    as_date = profile.timestamp is not None and profile.timestamp["kind"] == "date"
    is_wall = profile.is_wall
    offset = _offset(moment, profile.zone_of(profile.answers)) if is_wall and not as_date else ""
    return shown_moment(moment, aware=not is_wall, as_date=as_date, zone_offset=offset)


def _offset(moment: int, zone: str | None) -> str:
    if zone is None:
        return ""
    wall = pd.Timestamp(moment, unit="us")
    return wall.tz_localize(zone, ambiguous=True, nonexistent="shift_forward").isoformat()[-6:]
