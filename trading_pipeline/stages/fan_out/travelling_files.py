"""Files that travel with a task and its delivery where workers do not see the runtime folder."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pyarrow as pa

from trading_pipeline.errors import WorkerError
from trading_pipeline.settings.written_files import temporary_beside
from trading_pipeline.stages.backtests.stored_results import result_folder
from trading_pipeline.storage.parquet_files import write_atomically

__all__ = ["Files", "files_read", "lay_out", "new_files", "store_files"]

Files = Mapping[str, bytes]
"""Content by the path below the runtime folder."""
_MODELS = "models"


def files_read(runtime: Path, tables: Mapping[str, pa.Table]) -> dict[str, bytes]:
    """Content of all files that rows of an excerpt name: frames, models, results.

    A file that is missing is left out: the stage finds it missing, as it would here.
    """
    named = [path for path in tables["artifacts"]["path"].to_pylist() if path]
    folders = tables["models"]["path"].to_pylist()
    if "backtest_results" in tables:
        results = tables["backtest_results"]["result_id"].to_pylist()
        folders += [result_folder(result_id) for result_id in results]
    for folder in folders:
        named += [
            path.relative_to(runtime).as_posix()
            for path in sorted((runtime / folder).glob("*"))
            if path.is_file()
        ]
    paths = {name: runtime / name for name in dict.fromkeys(named)}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


def lay_out(folder: Path, files: Files) -> None:
    """Write the files below a folder of this worker's own."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def new_files(folder: Path, before: Files) -> dict[str, bytes]:
    """What is below the folder now and was not among `before`, or was another content."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return {name: content for name, content in found.items() if before.get(name) != content}


def store_files(runtime: Path, files: Files, hashes: Mapping[str, str]) -> None:
    """Write what came from a worker to its final place, each file or model whole or not at all.

    `hashes`: sha256 of each file as it was made. Raises `WorkerError` where one came damaged, or
    would be written outside of the runtime folder, before anything is written.
    """
    for name, content in files.items():
        inside = not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
        if not inside or hashlib.sha256(content).hexdigest() != hashes.get(name):
            raise WorkerError(
                f"The file {name} did not come from its worker as it was made, so nothing of that "
                "piece of work was stored. Run the same command again.",
                path=name,
            )
    models: dict[PurePosixPath, list[str]] = defaultdict(list)
    for name, content in files.items():
        path = PurePosixPath(name)
        if path.parts[0] == _MODELS:
            models[path.parent].append(name)
        else:
            _write(runtime / name, content)
    for folder, names in models.items():
        _store_model(runtime / folder, {PurePosixPath(n).name: files[n] for n in names})


def _store_model(target: Path, files: Files) -> None:
    """A model's folder appears whole; one that is there already is replaced file by file."""
    if target.exists():
        for name, content in files.items():
            if not _holds(target / name, content):
                _write(target / name, content)
        return
    with temporary_beside(target) as aside:
        aside.mkdir()
        for name, content in files.items():
            with (aside / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        aside.rename(target)


def _write(path: Path, content: bytes) -> None:
    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_atomically(path, write)


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
