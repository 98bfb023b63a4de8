"""The errors: their tree, their values, and copying and pickling them."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline import errors
from trading_pipeline.errors import (
    ConfigurationError,
    InsufficientDataError,
    TradingPipelineError,
    UnknownNameError,
    WarehouseBusy,
    WarehouseError,
    did_you_mean,
)

ALL_ERRORS = [value for value in vars(errors).values() if inspect.isclass(value)]
ALL_ERRORS = [value for value in ALL_ERRORS if value.__module__ == errors.__name__]


def drawn_tree() -> dict[str, str | None]:
    """Parent by name, from the drawing at the top of the file."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for text in (errors.__doc__ or "").splitlines():
        match = re.match(r"((?:\|   |    )*(?:\+-- )?)([A-Z]\w+)(?:\s{2,}|$)", text)
        if match:
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            parents[match[2]] = path[depth - 1] if depth else None
    return parents


def test_the_drawing_shows_every_error_under_its_parent():
    parents = drawn_tree()
    assert set(parents) == {error.__name__ for error in ALL_ERRORS}
    for error in ALL_ERRORS:
        parent = parents[error.__name__]
        assert parent is None or error.__mro__[1].__name__ == parent


def test_every_error_and_function_is_public_and_explained():
    names = {error.__name__ for error in ALL_ERRORS} | {"did_you_mean"}
    assert set(errors.__all__) == names
    assert all(error.__doc__ for error in ALL_ERRORS)


@pytest.mark.parametrize("error_type", ALL_ERRORS)
def test_values_are_attributes_and_survive_copying_and_pickling(error_type):
    error = error_type("IBM_1d has 3 bars.", rows=3, instrument="IBM_1d")
    for found in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(found) is error_type
        assert str(found) == "IBM_1d has 3 bars."
        assert (found.rows, found.instrument) == (3, "IBM_1d")
        assert found.values == {"rows": 3, "instrument": "IBM_1d"}
        assert isinstance(found, TradingPipelineError)


def test_a_value_that_was_not_given_is_named():
    with pytest.raises(AttributeError, match="'InsufficientDataError' carries no value 'rows'"):
        _ = InsufficientDataError("x").rows
    assert not hasattr(InsufficientDataError("x"), "rows")


def test_errors_can_be_caught_by_the_builtin_that_fits():
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(UnknownNameError, LookupError)
    assert issubclass(WarehouseBusy, WarehouseError)
    assert str(UnknownNameError("There is no x.")) == "There is no x."  # KeyError would quote it


class TestDidYouMean:
    @pytest.mark.parametrize(
        ("name", "known", "expected"),
        [
            ("AAPL_1D", ["AAPL_1d", "IBM_1d"], "Did you mean 'AAPL_1d'?"),
            ("sma_crosover", ["sma_crossover", "rsi"], "Did you mean 'sma_crossover'?"),
            ("x", ["b", "a", "a"], "Known: a, b."),
            ("x", [], "None is known."),
            ("aaa1", ["aaa2", "aaa3"], "Did you mean 'aaa3' or 'aaa2'?"),
        ],
    )
    def test_offers_the_closest_or_lists_what_is_known(self, name, known, expected):
        assert did_you_mean(name, known) == expected

    def test_a_long_list_is_cut(self):
        text = did_you_mean("?", [f"name{i:03}" for i in range(50)])
        assert text.startswith("Known: name000, ")
        assert text.endswith("name019, ...")

    @given(st.text(), st.lists(st.text()))
    def test_any_name_gets_a_sentence(self, name, known):
        assert did_you_mean(name, iter(known)).endswith(("?", ".", "..."))

    @given(st.lists(st.text("abcdefgh_", min_size=1), min_size=1))
    def test_a_known_name_finds_itself(self, known):
        assert f"'{known[0]}'" in did_you_mean(known[0], known)
