"""How kernels are compiled that only other kernels call: what they may do, and references."""

import sys

import numpy as np
import pytest
from numba import njit
from numba.core.errors import NumbaError

from trading_pipeline.backtest.kernels.compilation import copy_in, inner, keep_apart


@inner
def _add_first(values, amount):
    values[0] += amount
    return values[0]


@inner
def _copied_in(values, amount):
    copy_in()
    values[0] += amount
    return values[0]


@inner
def _kept_apart(values, amount):
    keep_apart()
    values[0] += amount
    return values[0]


@njit
def add_in_each_way(values, rows):
    total = _add_first(values, 1.0) + _copied_in(values, 10.0) + _kept_apart(values, 100.0)
    for k in range(rows.shape[0]):
        total += _add_first(rows[k], 1.0)
    return total


def test_functions_do_the_same_however_they_are_compiled():
    values, rows = np.zeros(2), np.zeros((3, 2))
    assert add_in_each_way(values, rows) == 1.0 + 11.0 + 111.0 + 3.0
    assert values.tolist() == [111.0, 0.0]
    assert rows[:, 0].tolist() == [1.0, 1.0, 1.0]


def test_arrays_have_as_many_references_after_a_call_as_before():
    values, rows = np.zeros(2), np.zeros((3, 2))
    add_in_each_way(values, rows)
    before = sys.getrefcount(values), sys.getrefcount(rows)
    for _ in range(100):
        add_in_each_way(values, rows)
    assert (sys.getrefcount(values), sys.getrefcount(rows)) == before


def test_inner_function_that_makes_an_array_is_refused():
    @inner
    def wrong(count):
        return np.zeros(count)

    @njit
    def caller(count):
        return wrong(count).sum()

    with pytest.raises(NumbaError):
        caller(3)


def test_function_copied_into_its_caller_is_not_called():
    @njit
    def caller(values):
        return _copied_in(values, 1.0)

    @njit
    def other(values):
        return _kept_apart(values, 1.0)

    for function, called in ((caller, False), (other, True)):
        function(np.zeros(1))
        (code,) = function.inspect_llvm().values()
        name = "_kept_apart" if called else "_copied_in"
        mangled = f"{len(name)}{name}B"
        calls = [line for line in code.splitlines() if " call " in line and mangled in line]
        assert bool(calls) == called
