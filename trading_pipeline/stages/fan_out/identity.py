"""What decides a worker's numbers: the package's code, the libraries, and a user's own files."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trading_pipeline.errors import WorkerError

__all__ = ["code_of_package", "own_code_hash", "own_files", "require_same_code"]

_PACKAGE = Path(__file__).resolve().parents[2]
_LIBRARIES = (
    *("numpy", "numba", "llvmlite", "pandas", "pyarrow", "scipy", "scikit-learn", "lightgbm"),
    *("ta-lib", "exchange-calendars", "skops", "optuna"),
)
_OWN_CODE = ("features", "predictors", "strategies", "sources")
_SHOWN = 12


@lru_cache(maxsize=1)
def code_of_package() -> dict[str, str]:
    """What this process computes with, by name: Python, the package's files, each library."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    found = {"Python": platform.python_version(), "trading-pipeline": digest.hexdigest()[:_SHOWN]}
    return found | {name: _version(name) for name in _LIBRARIES}


def own_files(config: Path) -> dict[str, bytes]:
    """Every file of a user's folder by its path in it; folders and files with a dot are left out.

    They travel to workers that do not see the folder.
    """
    paths = (path for path in sorted(config.rglob("*")) if path.is_file())
    names = {path.relative_to(config): path for path in paths}
    return {
        name.as_posix(): path.read_bytes()
        for name, path in names.items()
        if not any(part.startswith((".", "__pycache__")) for part in name.parts)
    }


def own_code_hash(config: Path) -> str:
    """Hash of the Python files of a user's folder, by their names and bytes."""
    digest = hashlib.sha256()
    for kind in _OWN_CODE:
        for path in sorted((config / kind).glob("*.py")):
            digest.update(f"{kind}/{path.name}".encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:_SHOWN]


def require_same_code(expected: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Raise `WorkerError`, which names both sides, where this process has other code.

    `expected`: what the process has that sent the work, by name; `here`: what this one has.
    """
    others = [
        f"{name} {here.get(name, 'none')} (the sender has {expected.get(name, 'none')})"
        for name in dict.fromkeys((*expected, *here))
        if here.get(name) != expected.get(name)
    ]
    if not others:
        return
    where = f"process {os.getpid()} on {socket.gethostname()}"
    raise WorkerError(
        f"The worker {where} has other code than the process that sent the work, so its numbers "
        f"could differ and it did nothing. It has {'; '.join(others)}. Install the same version "
        "and libraries everywhere, leave your own files alone while a run goes on, restart the "
        "workers, and run it again.",
        worker=where,
        differs=others,
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
