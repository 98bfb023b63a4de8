"""What failures of files, folders and Dagster's own databases mean, in one paragraph each."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from trading_pipeline.errors import RuntimeFolderError
from trading_pipeline.storage.disk_space import error_chain

__all__ = ["damaged_databases", "folder_error", "wrong_folders"]

_ELSEWHERE = "or point TRADING_PIPELINE_RUNTIME_DIR at another folder"
_NO_RIGHT = (
    "this user may not read or write it",
    f"Allow this user to write there, {_ELSEWHERE}.",
)
_WRONG_KIND = (
    "a file stands where a folder should be, or a folder where a file should be",
    f"Move what stands there away, {_ELSEWHERE}.",
)
_REASONS: dict[int, tuple[str, str]] = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: ("the disk can only be read", f"Make it writable, {_ELSEWHERE}."),
    errno.ENOTDIR: _WRONG_KIND,
    errno.EEXIST: _WRONG_KIND,
    errno.EISDIR: _WRONG_KIND,
    errno.ENAMETOOLONG: (
        "the name is longer than the file system takes",
        "Point TRADING_PIPELINE_RUNTIME_DIR at a folder with a shorter path.",
    ),
    errno.ENOENT: (
        "it is gone, perhaps removed while the command ran",
        "Run the same command again: what is missing is made anew.",
    ),
    errno.ENOTEMPTY: ("another process writes there", "Run the same command again."),
    errno.ELOOP: ("links lead in a circle", f"Remove them, {_ELSEWHERE}."),
    errno.EMFILE: ("too many files are open", "Raise the limit with 'ulimit -n 4096'."),
    errno.EIO: ("the disk failed", f"Check the disk, {_ELSEWHERE}."),
    errno.EILSEQ: ("the file system does not take its name", "Choose another name."),
}
_BUSY = ("database is locked", "database table is locked")


def folder_error(
    error: BaseException, runtime: Path, config: Path | None = None
) -> RuntimeFolderError | None:
    """The typed error of a failure of a path or of Dagster's databases; None for any other.

    Paths count where they lie in the folder `runtime` or `config`, or above them. A full disk is
    another matter (`disk_full_error`).
    """
    for each in error_chain(error):
        found = None
        if isinstance(each, sqlite3.Error) or type(each).__module__.startswith("alembic"):
            found = _records_error(str(each), runtime)
        elif isinstance(each, OSError):
            found = _path_error(each, [runtime, *([] if config is None else [config])])
        elif isinstance(each, UnicodeEncodeError) and "surrogates" in each.reason:
            found = RuntimeFolderError(
                f"A path is not text in UTF-8: {os.fsencode(each.object)!r}. Point "
                "TRADING_PIPELINE_RUNTIME_DIR at a folder, or name the file, in UTF-8."
            )
        if found is not None:
            return found
    return None


def wrong_folders(folders: dict[str, Path]) -> list[str]:
    """A sentence for each folder that is there and cannot be used; `folders` by what they hold."""
    found = []
    for what, path in folders.items():
        if path.is_dir():
            if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                found.append(f"This user may not read and write {path} ({what}).")
        elif path.exists() or path.is_symlink():
            found.append(f"{path} ({what}) is no folder: move it away.")
    return found


def damaged_databases(folder: Path) -> list[Path]:
    """Dagster's databases below a folder that SQLite cannot read whole."""
    return [path for path in sorted(folder.rglob("*.db")) if not _is_whole(path)]


def _is_whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            return opened.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
    except sqlite3.OperationalError as error:
        return any(words in str(error) for words in _BUSY)
    except sqlite3.Error:
        return False


def _records_error(told: str, runtime: Path) -> RuntimeFolderError:
    folder = runtime / "dagster"
    said = " ".join(told.split("[SQL")[0].split()).rstrip(".")
    if not folder.is_dir():
        return RuntimeFolderError(
            f"The folder {folder}, where Dagster keeps the history of runs, is gone, perhaps "
            "removed while the command ran. Run the same command again, which makes a new one.",
            path=str(folder),
        )
    if any(words in told for words in _BUSY):
        return RuntimeFolderError(
            f"Dagster's records in {folder} are in use by another process ({said}). Wait for it to "
            "end, and run the same command again.",
            path=str(folder),
        )
    return RuntimeFolderError(
        f"Dagster's records in {folder} cannot be read or written ({said}). They hold the history "
        "of runs; bars, models and results are elsewhere. Check that this user may write there; "
        f"if so they are damaged: move {folder} away and run the same command again, which makes "
        "new ones.",
        path=str(folder),
    )


def _path_error(error: OSError, folders: list[Path]) -> RuntimeFolderError | None:
    if error.filename is None or error.errno not in _REASONS:
        return None
    path = Path(os.fsdecode(error.filename)).absolute()
    if not any(path.is_relative_to(each) or each.is_relative_to(path) for each in folders):
        return None
    if error.errno == errno.ENOENT and path.exists():
        return None
    reason, way_out = _REASONS[error.errno]
    return RuntimeFolderError(
        f"The path {_shown(path)} cannot be used: {reason}. Nothing is half written. {way_out}",
        path=str(path),
    )


def _shown(path: Path) -> str:
    """A path on one line that every terminal can print."""
    text = str(path)
    shown = text if len(text) <= 400 else f"{text[:200]}...{text[-100:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
