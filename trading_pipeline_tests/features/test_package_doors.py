"""The packages of the layer offer their names, and the top loads compiled code only when asked."""

import importlib
import subprocess
import sys

import pytest

PACKAGES = ("", ".audits", ".indicators", ".labels", ".patterns", ".rolling", ".sets")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_gives_every_name_it_lists_and_says_what_to_read_first(package):
    module = importlib.import_module(f"trading_pipeline.features{package}")
    assert module.__all__
    assert all(getattr(module, name) is not None for name in module.__all__)
    assert "first" in module.__doc__


def test_the_users_door_is_the_decorator_itself():
    from trading_pipeline.features import feature
    from trading_pipeline.features.own_features import feature as declared

    assert feature is declared
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        importlib.import_module("trading_pipeline.features").__getattr__("no_such_name")


def test_the_door_of_the_layer_loads_no_compiled_code_before_a_name_is_used():
    code = "import sys, trading_pipeline.features; print('numba' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
