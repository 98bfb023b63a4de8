"""Eight exponential averages at once, as instructions for LLVM.

The compiler does not turn the loop into vectors by itself, since the values of eight rows do not
lie beside each other. There are no fast-math flags: every operation is the plain IEEE one.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["LANES", "smooth_eight"]

LANES: Final = 8
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)


def _smooth_eight(
    typing: Any, lines: Any, source: Any, bar: Any, average: Any, weight: Any, found: Any, row: Any
) -> Any:
    """Eight bars from `bar` on, which must exist, of eight averages, one in each lane.

    `source`, `average`, `weight`: at `row + lane` the row of `lines`, the average so far, which is
    moved on, and its weight. Row `row + lane` of `found` gets the averages, if it has that row.
    """
    del typing, bar, row

    def generate(context: Any, b: Any, sig: Any, args: Any) -> Any:
        lines, source, average, weight, found = (
            context.make_array(sig.args[at])(context, b, args[at]) for at in (0, 1, 3, 4, 5)
        )
        bar, row = args[2], args[6]

        def eight(data: Any, at: Any) -> Any:
            return b.bitcast(b.gep(data, [at]), _VECTOR.as_pointer())

        def cell(table: Any, line: Any) -> Any:
            width = b.extract_value(table.shape, 1)
            return eight(table.data, b.add(b.mul(line, width), bar))

        lanes = [b.add(row, ir.Constant(_I64, lane)) for lane in range(LANES)]
        given = [b.load(cell(lines, b.load(b.gep(source.data, [at]))), align=8) for at in lanes]
        mean, moved = b.load(eight(average.data, row), align=8), []
        share = b.load(eight(weight.data, row), align=8)
        for value in _turned(b, given):
            mean = b.fadd(b.fmul(b.fsub(value, mean), share), mean)
            moved.append(mean)
        b.store(mean, eight(average.data, row), align=8)
        rows = b.extract_value(found.shape, 0)
        for at, line in zip(lanes, _turned(b, moved), strict=True):
            with b.if_then(b.icmp_signed("<", at, rows), likely=True):
                b.store(line, cell(found, at), align=8)
        return context.get_dummy_value()

    return types.void(lines, source, types.int64, average, weight, found, types.int64), generate


smooth_eight: Any = intrinsic(_smooth_eight)


def _turned(builder: Any, vectors: list[Any]) -> list[Any]:
    """Rows and columns of eight vectors exchanged, in three rounds of pairs."""
    for step in (1, 2, 4):
        turned = list(vectors)
        for at in range(LANES):
            if not at & step:
                pair = vectors[at], vectors[at + step]
                low = [k if not k & step else LANES + k - step for k in range(LANES)]
                high = [k + step if not k & step else LANES + k for k in range(LANES)]
                for place, chosen in ((at, low), (at + step, high)):
                    mask = ir.Constant(ir.VectorType(_I32, LANES), chosen)
                    turned[place] = builder.shuffle_vector(*pair, mask)
        vectors = turned
    return vectors
