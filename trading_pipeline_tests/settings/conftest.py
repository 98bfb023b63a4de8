"""Fixtures of the settings tests: a folder of the user's files, a catalog of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trading_pipeline.settings.catalog import Catalog, load_catalog


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str, str], Path]:
    """`config(name, text)` writes one of the user's files and gives its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def catalog(tmp_path: Path) -> Callable[[], Catalog]:
    """`catalog()` loads the shipped files with the user's over them."""
    return lambda: load_catalog(tmp_path / "config")
