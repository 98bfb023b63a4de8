"""How kernels are compiled that count no references.

The rules of one order are long and called from many places. The compiler would copy them into each
of them and then work on the copies, most of the time that a first run takes. A loop of its own for
a few orders wants the opposite: a call hands over each array as seven values, which takes longer
than an order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from numba import njit, types
from numba.extending import intrinsic

__all__ = ["copy_in", "inner", "keep_apart", "rule"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def inner(function: _Function) -> _Function:
    """Compile a function that only compiled code calls and that makes no array.

    No entry from Python is built for it, and it counts no references to the arrays that it is
    given, which its caller holds: each count is an atomic instruction, and an order would wait for
    them longer than for its sums. A function that makes an array is refused when it is compiled.
    """
    compiled: _Function = _inner(_nrt=False)(function)
    return compiled


def rule(function: _Function) -> _Function:
    """As `inner`, for a function that Python calls too."""
    compiled: _Function = _rule()(function)
    return compiled


_rule: Any = partial(njit, cache=True, nogil=True, error_model="numpy", _nrt=False)
# Numba's types know neither of the two options for the entries.
_inner: Any = partial(
    njit,
    cache=True,
    nogil=True,
    error_model="numpy",
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
)


def _keep_apart(typing: Any) -> Any:
    """Stand in a compiled function that must not be copied into its callers; do nothing else."""
    del typing

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


keep_apart: Any = intrinsic(_keep_apart)


def _copy_in(typing: Any) -> Any:
    """Stand in a compiled function that must be copied into its callers; it does nothing else."""
    del typing

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.function.attributes.add("alwaysinline")
        return context.get_dummy_value()

    return types.void(), generate


copy_in: Any = intrinsic(_copy_in)
