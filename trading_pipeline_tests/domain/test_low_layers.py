"""Rules that every module of errors, domain, settings and storage must follow."""

from __future__ import annotations

import ast
import doctest
import gc
import importlib
import inspect
from pathlib import Path

import pytest

import trading_pipeline

ROOT = Path(trading_pipeline.__file__).parent
FILES = [
    ROOT / "errors.py",
    *(path for name in ("domain", "settings", "storage") for path in (ROOT / name).rglob("*.py")),
]
MODULES = sorted(
    "trading_pipeline." + ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in FILES
    if path.name != "__init__.py"
)
LAYERS = ("errors", "domain", "settings", "storage")


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_is_listed_and_explained(name):
    module = importlib.import_module(name)
    defined = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == name
    }
    assert defined <= set(module.__all__)
    assert all(hasattr(module, key) for key in module.__all__)
    assert all(getattr(module, key).__doc__ for key in defined)
    first_line = (module.__doc__ or "").partition("\n")[0]
    assert first_line.endswith((".", ":"))


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down_only_and_never_to_dagster(name):
    text = Path(inspect.getfile(importlib.import_module(name))).read_text()
    gc.disable()  # a finalizer of another test that raises here breaks Python 3.11's parser
    try:
        tree = ast.parse(text)
    finally:
        gc.enable()
    imported = {
        found
        for node in ast.walk(tree)
        for found in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not any(found.startswith("dagster") for found in imported)
    allowed = set(LAYERS[: LAYERS.index(name.split(".")[1]) + 1])
    ours = {found.split(".")[1] for found in imported if found.startswith("trading_pipeline.")}
    assert ours <= allowed
