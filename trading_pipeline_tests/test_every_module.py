"""Tests that every module passes: names, docstrings, layers, imports."""

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import trading_pipeline

ROOT = Path(trading_pipeline.__file__).parent
MODULES = sorted(
    ".".join(("trading_pipeline", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    for path in ROOT.rglob("*.py")
)
WITH_DAGSTER = ("trading_pipeline.cli", "trading_pipeline.defs", "trading_pipeline.definitions")
DAGSTER_FREE = [name for name in MODULES if not name.startswith(WITH_DAGSTER)]
CHECKABLE = [name for name in MODULES if name not in ("trading_pipeline.definitions",)]


def defined_in(module):
    """Public functions and classes whose home is the module."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and name.isidentifier()
        and (inspect.isclass(value) or inspect.isroutine(value))
        and getattr(value, "__module__", None) == module.__name__
    }


def public_members(value):
    """Methods and properties that a class defines itself."""
    for name, member in vars(value).items():
        if name.startswith("_"):
            continue
        target = getattr(member, "fget", None) or getattr(member, "func", None)
        target = target or getattr(member, "__func__", member)
        if (
            inspect.isroutine(target)
            and target.__name__ == name
            and target.__module__ == value.__module__
        ):
            yield name, target


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", CHECKABLE)
def test_all_lists_every_public_name_and_no_other(name):
    module = importlib.import_module(name)
    text = Path(module.__file__).read_text("utf-8")
    if module.__file__.endswith("__init__.py") and not defined_in(module) and "import" not in text:
        return  # a package that only holds modules
    listed = list(module.__all__)
    assert len(listed) == len(set(listed))
    assert all(hasattr(module, each) for each in listed)
    assert defined_in(module) <= set(listed) | _commands(module)


def _commands(module):
    """Functions that a decorator turned into commands; no module imports them."""
    if module.__name__ != "trading_pipeline.cli.app":
        return set()
    return {command.callback.__name__ for command in module.app.registered_commands}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", CHECKABLE)
def test_everything_public_says_what_it_is(name):
    module = importlib.import_module(name)
    assert (module.__doc__ or "").strip()
    for each in defined_in(module):
        value = getattr(module, each)
        assert (value.__doc__ or "").strip(), each
        if inspect.isclass(value):
            for member, target in public_members(value):
                inherited = any(hasattr(base, member) for base in value.__mro__[1:])
                assert (target.__doc__ or "").strip() or inherited, f"{each}.{member}"


def test_no_file_is_long():
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in ROOT.rglob("*.py")}
    assert {path.name: n for path, n in lengths.items() if n > 400} == {}


def test_the_layers_below_dagster_do_not_load_it():
    code = (
        "import importlib, json, sys\n"
        f"for name in {DAGSTER_FREE!r}: importlib.import_module(name)\n"
        "found = (n for n in sys.modules if n.partition('.')[0].startswith('dagster'))\n"
        "print(json.dumps(sorted(found)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout.splitlines()[-1]) == []


def test_the_program_starts_without_loading_what_only_runs_need():
    code = (
        "import sys\nimport trading_pipeline.cli.app\n"
        "print([n for n in ('dagster', 'numba', 'sklearn', 'pandas') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_names_at_the_top_are_there():
    for name in trading_pipeline.__all__:
        assert getattr(trading_pipeline, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = trading_pipeline.no_such_name
