"""Tests of what "the same code" is: on a small package that is written for each test."""

import functools
import importlib
import linecache
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numba import njit

import trading_pipeline
from trading_pipeline import code_identity
from trading_pipeline.code_identity import STOPS, SourceTree, code_hash
from trading_pipeline.errors import ConfigurationError

FILES = {
    "__init__.py": "",
    "inner/__init__.py": (
        "from typing import TYPE_CHECKING\n"
        "from PKG.inner.kernels import step\n"
        "if TYPE_CHECKING:\n"
        "    from PKG.inner.lazy import lazily_given\n"
        "_HOMES = {'looked_up': 'PKG.inner.homes'}\n"
        "def __getattr__(name):\n"
        "    import importlib\n"
        "    return getattr(importlib.import_module(_HOMES.get(name, 'PKG.inner.lazy')), name)\n"
    ),
    "inner/kernels.py": "SCALE = 2.0\ndef step(x):\n    return x * SCALE\n",
    "inner/lazy.py": "def lazily_given(x):\n    return x + 11\n",
    "inner/homes.py": "def looked_up(x):\n    return x + 12\n",
    "constants.py": "WIDTH = 3\nHEIGHT = 4\n",
    "late.py": "def late(x):\n    return x - 21\n",
    "base.py": (
        "class Base:\n    def offset(self):\n        return 31\n\nclass Other:\n    depth = 32\n"
    ),
    "values.py": "class Bars:\n    def typical(self):\n        return 41\n",
    "registry.py": (
        "TABLE = {}\n"
        "TABLE['a'] = 51\n"
        "TABLE |= {'b': 52}\n"
        "TABLE.update(c=53)\n"
        "try:\n    from math import cbrt as root\n"
        "except ImportError:\n    def root(x):\n        return x ** (54 / 162)\n"
    ),
    "static/page.css": "body { margin: 61px }\n",
    "unrelated.py": "def unrelated(x):\n    return x + 71\n",
    "main.py": '''"""Docstring of the module."""
from __future__ import annotations

import logging
import warnings
from math import sqrt as power
from typing import TYPE_CHECKING

import PKG.constants
from PKG import constants as c
from PKG.base import Base
from PKG.inner import lazily_given, looked_up, step
from PKG.registry import TABLE, root

if TYPE_CHECKING:
    from PKG.values import Bars

_log = logging.getLogger(__name__)
UNUSED = 81


class Rule(Base):
    """Docstring of a class."""

    window: int = 82

    def run(self, x):
        return self.offset() + x + self.window


def unused(x):
    return x + 83


def compute(bars: Bars, width: int = 84) -> float:
    """Docstring of a function."""
    from PKG.late import late

    # a comment
    x: float = step(bars.typical()) * c.WIDTH + PKG.constants.HEIGHT
    if x < 0:
        _log.warning("negative %s", x)
        warnings.warn("spoken", stacklevel=2)
        raise ValueError(f"expected more, was {x}")
    assert x >= 0, "message"
    page = "static/page.css"
    y = power(x) + late(x) + lazily_given(x) + looked_up(x) + root(x) + TABLE["a"] + width
    return Rule().run(y), page
''',
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes the files as a package of that name and gives `compute` and the folder."""
    written = []

    def write(name="identity_sample", files=FILES):
        folder = tmp_path / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text.replace("PKG", name))
        monkeypatch.syspath_prepend(str(tmp_path))
        written.append(name)
        return importlib.import_module(f"{name}.main").compute, folder

    yield write
    for name in [each for each in sys.modules if each.partition(".")[0] in written]:
        del sys.modules[name]


def edited(folder, file, old, new):
    """Source texts in which a part of one file is another."""

    def read(path):
        text = Path(path).read_text()
        if Path(path) == folder / file:
            assert old in text
            return text.replace(old, new)
        return text

    return SourceTree(read)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.py", "+ width", "- width"),
        ("main.py", "= 84", "= 85"),
        ("main.py", "= 82", "= 85"),
        ("main.py", "x < 0", "x <= 0"),
        ("main.py", "raise ValueError", "raise KeyError"),
        ("main.py", "sqrt as power", "log2 as power"),
        ("main.py", "class Rule(Base)", "class Rule(object)"),
        ("main.py", "from PKG.base import Base", "from PKG.base import Other as Base"),
        ("inner/kernels.py", "2.0", "2.5"),
        ("inner/kernels.py", "x * SCALE", "x / SCALE"),
        ("inner/lazy.py", "11", "15"),
        ("inner/homes.py", "12", "15"),
        ("constants.py", "WIDTH = 3", "WIDTH = 5"),
        ("constants.py", "HEIGHT = 4", "HEIGHT = 5"),
        ("late.py", "21", "25"),
        ("base.py", "31", "35"),
        ("values.py", "41", "45"),
        ("registry.py", "51", "55"),
        ("registry.py", "52", "55"),
        ("registry.py", "53", "55"),
        ("registry.py", "54", "55"),
        ("static/page.css", "61px", "65px"),
    ],
)
def test_a_changed_formula_anywhere_below_changes_the_hash(package, file, old, new):
    compute, folder = package()
    old, new = (each.replace("PKG", "identity_sample") for each in (old, new))
    assert edited(folder, file, old, new).code_hash(compute) != SourceTree().code_hash(compute)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.py", "Docstring of the module", "Another text"),
        ("main.py", "Docstring of a class", "Another text"),
        ("main.py", "Docstring of a function", "Another text"),
        ("main.py", "# a comment", "# another comment\n"),
        ("main.py", "width: int", "width"),
        ("main.py", "-> float", ""),
        ("main.py", "x: float =", "x ="),
        ("main.py", "window: int", "window: float"),
        ("main.py", "expected more, was {x}", "{x} is too little"),
        ("main.py", '"message"', '"another"'),
        ("main.py", '"spoken"', '"another"'),
        ("main.py", '"negative %s"', '"below zero: %s"'),
        ("main.py", "    assert", "    print('heard')\n    assert"),
        ("main.py", "x + 83", "x - 83"),
        ("main.py", "= 81", "= 85"),
        ("main.py", "import logging\nimport warnings\n", "import warnings\nimport logging\n"),
        ("main.py", "c.WIDTH +", "(c.WIDTH)  +"),
        ("main.py", "\n", "\r\n"),
        ("base.py", "32", "35"),
        ("inner/kernels.py", "def step(x):", 'def step(x: "float") -> "float":\n    "Scaled."'),
        ("unrelated.py", "71", "75"),
        ("static/page.css", "\n", "\r\n"),
    ],
)
def test_what_does_not_compute_has_no_part_in_the_hash(package, file, old, new):
    compute, folder = package()
    assert edited(folder, file, old, new).code_hash(compute) == SourceTree().code_hash(compute)


def test_names_of_modules_and_packages_have_no_part(package):
    files = dict(FILES)
    files["engine/moved.py"] = files.pop("inner/kernels.py")
    files["inner/__init__.py"] = files["inner/__init__.py"].replace("inner.kernels", "engine.moved")
    files["sizes.py"] = files.pop("constants.py")
    main = files["main.py"].replace("import constants as c", "import sizes as c")
    main = main.replace("import PKG.constants\n", "from PKG.sizes import HEIGHT\n")
    before, folder = package("identity_one")
    plain = edited(folder, "main.py", "identity_one.constants.HEIGHT", "c.HEIGHT")
    files["main.py"] = main.replace("PKG.constants.HEIGHT", "c.HEIGHT")
    after, _ = package("identity_two", files)
    assert SourceTree().code_hash(after) == plain.code_hash(before)


def test_nothing_is_imported_to_be_hashed(package):
    compute, _ = package()
    modules = set(sys.modules)
    assert "identity_sample.late" in SourceTree().reached_modules(compute)
    assert set(sys.modules) == modules
    assert "identity_sample.late" not in modules


def test_roots_of_all_kinds(package):
    compute, _ = package()
    rule = sys.modules["identity_sample.main"].Rule
    tree = SourceTree()
    assert tree.code_hash(rule) == tree.code_hash(rule())
    assert tree.code_hash(rule().run) == tree.code_hash(rule.run, rule)
    assert tree.code_hash(compute) == tree.code_hash(functools.cache(compute))
    assert tree.code_hash(compute, rule) == tree.code_hash(rule, compute)
    assert tree.code_hash(compute, rule) != tree.code_hash(compute)
    partials = [functools.partial(compute, width=width) for width in (1, 1, 2)]
    hashes = [tree.code_hash(each) for each in (*partials, functools.partial(compute, 1), compute)]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4


@njit(cache=False)
def compiled(x):
    return x + doubled(x)


@njit(cache=False)
def doubled(x):
    return 2 * x


def test_a_compiled_function_stands_for_the_function_that_it_was_made_of():
    def read(path):
        return Path(path).read_text().replace("return 2 * x", "return 3 * x")

    assert SourceTree().code_hash(compiled) == SourceTree().code_hash(compiled.py_func)
    assert SourceTree(read).code_hash(compiled) != SourceTree().code_hash(compiled)


def scaled(factor, of=abs):
    def inner(x):
        return factor * of(x)

    return inner


def test_a_closure_counts_with_what_it_keeps():
    hashes = {code_hash(scaled(factor, of)) for factor in (1, 2) for of in (len, compiled)}
    assert len(hashes) == 4
    assert code_hash(scaled(1)) == code_hash(scaled(1))


FIRST, SECOND = (lambda x: x + 1), (lambda x: x + 2)
THIRD = lambda x: x + 3  # noqa: E731


def test_a_lambda_counts_with_its_statement():
    assert code_hash(FIRST) == code_hash(SECOND) != code_hash(THIRD)


class Stage:
    """A class with methods that are roots of their own."""

    def build(self, x):
        return self._step(x) + self.elsewhere.value

    def _step(self, x):
        return x + 1

    def describe(self, x):
        return x + 2


@pytest.mark.parametrize(("old", "counts"), [("x + 1\n", True), ("x + 2\n", False)])
def test_a_method_counts_with_the_methods_of_its_class_that_it_calls(old, counts):
    def read(path):
        return Path(path).read_text().replace(f"        return {old}", "        return x\n")

    same = SourceTree(read).code_hash(Stage.build) == SourceTree().code_hash(Stage.build)
    assert same is not counts
    assert SourceTree(read).code_hash(Stage) != SourceTree().code_hash(Stage)


def own_module(monkeypatch, folder, name, text):
    """A module as a user's file is loaded: from a text, with no file behind it."""
    path = str(folder / f"{name}.py")
    monkeypatch.setitem(linecache.cache, path, (len(text), None, text.splitlines(True), path))
    module = ModuleType(name)
    module.__file__ = path
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, path, "exec"), module.__dict__)
    return module


def test_a_user_s_file_that_is_loaded_again_is_seen(tmp_path, monkeypatch):
    hashes = []
    for formula in ("x + 1", "x + 2", "x  +  1  # as before"):
        module = own_module(monkeypatch, tmp_path, "my_own", f"def f(x):\n    return {formula}\n")
        hashes.append(code_hash(module.f))
    assert hashes[0] == hashes[2] != hashes[1]


def test_a_user_s_file_counts_with_those_beside_it(tmp_path, monkeypatch):
    hashes = []
    for number in (1, 2):
        own_module(monkeypatch, tmp_path, "_shared", f"def shift(x):\n    return x + {number}\n")
        text = "from _shared import shift\n\ndef f(x):\n    return shift(x)\n"
        hashes.append(code_hash(own_module(monkeypatch, tmp_path, "my_own", text).f))
    assert hashes[0] != hashes[1]


def test_code_without_a_source_text_has_no_hash(monkeypatch):
    module = ModuleType("typed_at_a_prompt")
    exec("def f(x): return x", module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(ConfigurationError, match="source text of the module 'typed_at_a_prompt'"):
        code_hash(module.f)
    with pytest.raises(ConfigurationError, match="Put the code into a file"):
        code_hash(math.sqrt)


def uses_library(x):
    return np.abs(x)


def test_libraries_are_not_followed():
    assert SourceTree().reached_modules(uses_library) == {__name__}


@pytest.mark.parametrize("stop", STOPS)
def test_the_walk_stops_at_what_is_there(stop):
    """A stop that was renamed would stop nothing."""
    root = Path(trading_pipeline.__file__).parents[1]
    parts = stop.split(".")
    file = root.joinpath(*parts)
    if file.with_suffix(".py").is_file() or (file / "__init__.py").is_file():
        return
    home = importlib.import_module(".".join(parts[:-1]))
    assert hasattr(home, parts[-1])


def test_the_walk_does_not_enter_what_stores_reads_and_reports():
    from trading_pipeline.stages.backtests.backtest import BacktestStage
    from trading_pipeline.stages.features.features import FeatureStage

    reached = SourceTree().reached_modules(BacktestStage, FeatureStage)
    assert "trading_pipeline.backtest.engine" in reached
    assert not [name for name in reached if f"{name}.".startswith(tuple(f"{s}." for s in STOPS))]


def test_the_same_tree_is_used_by_all(monkeypatch):
    monkeypatch.setattr(code_identity, "_tree", SourceTree(lambda _: "def uses_library(x): pass\n"))
    changed = code_hash(uses_library)
    monkeypatch.undo()
    assert changed != code_hash(uses_library)
