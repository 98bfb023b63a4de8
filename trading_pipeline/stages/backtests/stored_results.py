"""A stored result as it was written: its row, its trades and days, and its files.

Each is verified when it is read, by the hashes that were stored with the result.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from trading_pipeline.errors import DataQualityError
from trading_pipeline.settings.file_checks import is_intact
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.parquet_files import read_frame

__all__ = ["FRAMES", "result_damage", "result_folder", "result_frame", "sound_result"]

Row = dict[str, Any]
FRAMES = ("equity", "benchmark", "orders")


def result_folder(result_id: str) -> str:
    """Folder of a result's frames below the runtime folder."""
    return f"output/backtests/{result_id}"


def result_damage(workspace: Workspace, result_id: str) -> str:
    """What is wrong with a stored result, in words; empty where all is as it was written."""
    return _examined(workspace, result_id)[1]


def _examined(workspace: Workspace, result_id: str) -> tuple[Row, str]:
    row, damage = workspace.results.examined(result_id)
    if row is None or damage:
        return row or {}, damage
    hashes = json.loads(row["frames"] or "{}")
    folder = workspace.settings.runtime / result_folder(result_id)
    for name in dict.fromkeys((*FRAMES, *hashes)):
        path = folder / (name if "." in name else f"{name}.parquet")
        if not is_intact(path, hashes.get(name)):
            there = "is not the one that was written" if path.exists() else "is missing"
            return row, f"its file {path} {there}"
    return row, ""


def sound_result(workspace: Workspace, result_id: str, instrument_id: str = "") -> Row:
    """The row of a result; `DataQualityError` where anything of it is not as it was written.

    `instrument_id`: what to run to make it again; a portfolio needs a run of everything.
    """
    row, damage = _examined(workspace, result_id)
    if damage:
        command = " ".join(filter(None, ["trading-pipeline run", instrument_id]))
        raise DataQualityError(
            f"The result {result_id} cannot be used: {damage}. The next pass runs it again: "
            f"{command}.",
            result_id=result_id,
        )
    return row


def result_frame(workspace: Workspace, result_id: str, name: str) -> pd.DataFrame:
    """A file of a result that was found sound: one of `FRAMES`, or `weights` of a portfolio."""
    return read_frame(workspace.settings.runtime / result_folder(result_id) / f"{name}.parquet")
