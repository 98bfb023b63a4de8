"""Types of the arrays that the engine works on."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["BoolArray", "CodeArray", "FloatArray", "IntArray", "WordArray", "frozen"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
CodeArray: TypeAlias = npt.NDArray[np.uint8]
WordArray: TypeAlias = npt.NDArray[np.uint64]


def frozen(values: FloatArray) -> FloatArray:
    """The array itself, which no one can write to any more."""
    values.setflags(write=False)
    return values
