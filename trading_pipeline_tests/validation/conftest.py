"""What lets the comparisons with other engines run: imports without their warnings, skips."""

import importlib.util
import warnings

import pytest

MISSING = (
    "vectorbt is not installed; `uv sync --group validation` brings it. The golden numbers, on "
    "which vectorbt agrees too, are tested without it in test_engine_golden.py."
)


def pytest_runtest_setup(item):
    """Skip what carries the marker `validation` where vectorbt is missing, and say so."""
    marked = item.get_closest_marker("validation") is not None
    if marked and importlib.util.find_spec("vectorbt") is None:
        pytest.skip(MISSING)


@pytest.fixture(scope="session")
def vectorbt():
    """The package, imported without the warnings of its own import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import vectorbt

    return vectorbt
