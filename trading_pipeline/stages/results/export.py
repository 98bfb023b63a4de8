"""A stored result as files for other programs: tables, metrics, what it was made with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.written_files import remove, temporary_beside
from trading_pipeline.stages.backtests.result_lineage import LINEAGE_FILE
from trading_pipeline.stages.backtests.stored_results import result_folder, sound_result
from trading_pipeline.stages.results.shown_result import shown_result
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.csv_files import csv_text
from trading_pipeline.storage.parquet_files import read_frame, write_text
from trading_pipeline.storage.stores.result_queries import DAY_COLUMNS, TRADE_COLUMNS

__all__ = ["as_json", "export_result", "write_table"]

Row = Mapping[str, Any]
_WAY_OUT = "Choose another one with --to, or allow this user to write there."


def export_result(
    workspace: Workspace,
    result_id: str,
    folder: Path,
    *,
    as_parquet: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write the folder `<folder>/<result id>`, whole or not at all; returns its path.

    Files: `trades`, `daily_results`, `equity`, `benchmark`, `orders`, for a portfolio `weights`, as
    CSV or Parquet; `result.json` (metrics with intervals, hashes, settings, warnings, verdict as of
    today); `lineage.json` where it was stored.

    Raises `DataQualityError` for a damaged result, and `ConfigurationError` where the folder is
    there already and `overwrite` was not asked for, or where it cannot be written.
    """
    row = sound_result(workspace, result_id)
    target = folder.expanduser() / result_id
    if target.exists() and not overwrite:
        raise ConfigurationError(
            f"{target} is there already and was left as it is. Replace it with --overwrite, or "
            "choose another folder with --to.",
            path=str(target),
        )
    stored = workspace.settings.runtime / result_folder(result_id)
    tables: dict[str, pd.DataFrame] = {
        "trades": pd.DataFrame(workspace.results.trades(result_id), columns=TRADE_COLUMNS),
        "daily_results": pd.DataFrame(workspace.results.days(result_id), columns=DAY_COLUMNS),
    }
    frames = [name for name in json.loads(row["frames"] or "{}") if "." not in name]
    told = as_json(asdict(shown_result(workspace, result_id)))
    try:
        with temporary_beside(target) as new, temporary_beside(target) as old:
            new.mkdir()
            for name, frame in tables.items():
                _write(new, name, frame, as_parquet=as_parquet)
            for name in frames or ("equity", "benchmark", "orders"):
                path = stored / f"{name}.parquet"
                if as_parquet:
                    shutil.copyfile(path, new / path.name)
                else:
                    _write(new, name, read_frame(path).reset_index(), as_parquet=False)
            (new / "result.json").write_text(told, encoding="utf-8")
            if (stored / LINEAGE_FILE).is_file():
                shutil.copyfile(stored / LINEAGE_FILE, new / LINEAGE_FILE)
            if target.exists():
                target.replace(old)
            new.replace(target)
            remove(old)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {target} cannot be written: {error.strerror or error}. {_WAY_OUT}",
            path=str(target),
        ) from error
    return target


def write_table(path: Path, text: str, *, overwrite: bool) -> None:
    """Write a file whole or not at all.

    Raises `ConfigurationError` where it is there already and `overwrite` was not asked for, or
    where it cannot be written.
    """
    if path.exists() and not overwrite:
        raise ConfigurationError(
            f"{path} is there already and was left as it is. Replace it with --overwrite, or give "
            "another file.",
            path=str(path),
        )
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The file {path} cannot be written: {error.strerror or error}. Give another one.",
            path=str(path),
        ) from error
    write_text(path, text)


def as_json(value: object) -> str:
    """JSON with sorted keys; stamps with their zone, numbers that JSON lacks as null.

    >>> as_json({"day": date(2012, 1, 3), "sharpe": float("nan")})
    '{"day": "2012-01-03", "sharpe": null}'
    """
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if value - value == 0.0 else None
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _write(folder: Path, name: str, frame: pd.DataFrame, *, as_parquet: bool) -> None:
    if as_parquet:
        frame.to_parquet(folder / f"{name}.parquet", compression="zstd", index=False)
    else:
        text = csv_text(list(frame.columns), _rows(frame))
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")


def _rows(table: pd.DataFrame) -> Iterable[Row]:
    for values in table.itertuples(index=False, name=None):
        yield dict(zip(table.columns, values, strict=True))
