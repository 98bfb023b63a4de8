"""A user's file that ends the program, or tries to, is a failure of that file."""

from __future__ import annotations

import pytest

from trading_pipeline.errors import ConfigurationError, DataFetchError, OwnCodeError, StrategyError
from trading_pipeline.features.own_features import own_feature_sets
from trading_pipeline.market_data.sources.registry import own_sources
from trading_pipeline.own_code import explained, is_failure, load_own_code
from trading_pipeline_tests.conftest import random_bars

FEATURES = (
    "import sys\nfrom trading_pipeline.features.own_features import feature\n\n"
    "@feature(warmup=1)\ndef change(bars):\n    {line}\n    return bars['close'].diff()\n"
)
SOURCE = (
    "import sys\n\n\nclass Mine:\n    name = 'mine'\n\n    def __init__(self):\n        {made}\n\n"
    "    def capabilities(self):\n        {line}\n\n    def fetch_bars(self, request):\n"
    "        {line}\n\n    def fetch_actions(self, request):\n        {line}\n"
)
ENDS = ["sys.exit(0)", "sys.exit()", "sys.exit('bye')", "quit()", "exit(0)", "raise SystemExit"]
OWN_KIND = "raise type('Mine', (BaseException,), {})('x')"


class Interrupted(BaseException):
    """Stands for Dagster's own, which ends a run from outside."""


Interrupted.__module__ = "dagster._core.errors"


@pytest.mark.parametrize("line", [*ENDS, OWN_KIND])
def test_a_file_that_ends_at_import_is_set_aside_with_its_line(tmp_path, line):
    path = tmp_path / "mine.py"
    path.write_text(f"import sys\n{line}\n")
    (broken,) = load_own_code(tmp_path, "feature set", lambda module: ("x", module)).broken
    assert isinstance(broken.error, OwnCodeError)
    assert str(broken.error).startswith(f"{path}, line 2: ")
    if line != OWN_KIND:
        assert "The file ends the program; leave that out of it." in str(broken.error)


@pytest.mark.parametrize("line", [*ENDS, OWN_KIND])
def test_a_formula_that_ends_is_an_error_of_its_feature(tmp_path, line):
    path = tmp_path / "mine.py"
    path.write_text(FEATURES.format(line=line))
    (spec,) = own_feature_sets(tmp_path, {}, {}).get("mine").specs
    with pytest.raises(ConfigurationError, match=f"'change' failed.*See {path}, line 6"):
        spec.values(random_bars(20))


@pytest.mark.parametrize("line", [*ENDS, OWN_KIND])
@pytest.mark.parametrize("method", ["capabilities", "fetch_bars", "fetch_actions"])
def test_a_source_that_ends_is_an_error_of_its_method(tmp_path, line, method):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE.format(made="pass", line=line))
    source = own_sources(tmp_path).source("mine")
    with pytest.raises(DataFetchError, match=rf"{path}, line \d+: {method} of the source 'mine'"):
        getattr(source, method)(*([] if method == "capabilities" else [None]))


@pytest.mark.parametrize("line", ENDS)
def test_a_class_that_ends_when_it_is_made_is_a_broken_file(tmp_path, line):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE.format(made=line, line="pass"))
    (broken,) = own_sources(tmp_path).own.broken
    assert str(broken.error).startswith(f"{path}, line 8: SystemExit")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit(), Interrupted()])
def test_a_wish_to_stop_from_outside_passes(tmp_path, error):
    assert not is_failure(error)
    with (
        pytest.raises(type(error)),
        explained(tmp_path / "mine.py", StrategyError, "signals of 'mine'"),
    ):
        raise error


def test_code_of_the_package_that_ends_is_not_explained_away():
    with pytest.raises(SystemExit), explained(None, StrategyError, "signals of 'shipped'"):
        raise SystemExit(3)
