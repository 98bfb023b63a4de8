"""Runs the docstring examples of the performance layer."""

import doctest
import importlib
import pkgutil

import pytest

import trading_pipeline.performance as layer

MODULES = [info.name for info in pkgutil.walk_packages(layer.__path__, f"{layer.__name__}.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_all_names_everything_public_that_is_defined_here(name):
    module = importlib.import_module(name)
    public = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    assert public <= set(module.__all__)
    assert all(hasattr(module, key) for key in module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
