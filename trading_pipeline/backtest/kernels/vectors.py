"""Operations on eight float64 or eight flags at once, as instructions for LLVM.

Where a loop has a sum or a branch the compiler does not turn it into vectors by itself. There are
no fast-math flags: every operation is the plain IEEE one. On a processor with shorter vectors LLVM
splits them.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = [
    "F64",
    "I64",
    "LANES",
    "VECTOR",
    "Vectors",
    "add_values",
    "at_or_above",
    "fetch_early",
    "lowest",
    "relations",
]

LANES: Final = 8
F64, I64 = ir.DoubleType(), ir.IntType(64)
VECTOR = ir.VectorType(F64, LANES)


_declared: Any = cgutils.get_or_insert_function


class Vectors:
    """The few vector operations that the loop is made of, on one instruction builder."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def splat(self, value: Any) -> Any:
        """The value in every lane."""
        kind = ir.VectorType(value.type, LANES)
        one = self.builder.insert_element(
            ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
        )
        return self.shuffle(one, one, [0] * LANES)

    def shuffle(self, first: Any, second: Any, lanes: list[int]) -> Any:
        """Lanes of the two vectors, counted through, in the given order."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes)
        return self.builder.shuffle_vector(first, second, mask)

    def load(self, data: Any, row: Any) -> Any:
        """Eight values from `row` on."""
        place = self.builder.bitcast(self.builder.gep(data, [row]), VECTOR.as_pointer())
        return self.builder.load(place, align=8)

    def store(self, value: Any, data: Any, row: Any) -> None:
        """Write eight values from `row` on."""
        place = self.builder.bitcast(self.builder.gep(data, [row]), VECTOR.as_pointer())
        self.builder.store(value, place, align=8)

    def extreme(self, relation: str, first: Any, second: Any) -> Any:
        """The lower ('<') or higher ('>') of each lane, or of two scalars; no NaN may be in it."""
        is_first = self.builder.fcmp_ordered(relation, first, second)
        return self.builder.select(is_first, first, second)

    def reduce(self, relation: str, vector: Any) -> Any:
        """The lowest or highest of all lanes."""
        for step in (4, 2, 1):
            moved = self.shuffle(vector, vector, [(lane + step) % LANES for lane in range(LANES)])
            vector = self.extreme(relation, vector, moved)
        return self.builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

    def any(self, flags: Any) -> Any:
        """True where a lane is."""
        bits = self.builder.bitcast(flags, ir.IntType(LANES))
        return self.builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    def beyond(self, is_long: Any, relation: str, first: Any, second: Any) -> Any:
        """The relation for a long position, its mirror image for a short one; False on NaN."""
        mirrored = relation.translate(str.maketrans("<>", "><"))
        return self.builder.select(
            is_long,
            self.builder.fcmp_ordered(relation, first, second),
            self.builder.fcmp_ordered(mirrored, first, second),
        )

    def running_peak(self, peak: Any, vector: Any) -> Any:
        """In each lane the highest of `peak` and the lanes up to it."""
        before = self.splat(peak)
        for step in (1, 2, 4):
            lanes = [LANES + lane - step if lane >= step else lane for lane in range(LANES)]
            vector = self.extreme(">", self.shuffle(before, vector, lanes), vector)
        return self.extreme(">", vector, before)


def _at_or_above(typing: Any, first: Any, second: Any, row: Any) -> Any:
    """Bits of the rows `row` to `row + 63`, which must exist, at which `first >= second`.

    A NaN is no such row.
    """
    del typing

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        v = Vectors(builder)
        rows = [context.make_array(sig.args[at])(context, builder, args[at]).data for at in (0, 1)]
        found = ir.Constant(I64, 0)
        for start in range(0, 64, LANES):
            at = builder.add(args[2], ir.Constant(I64, start))
            holds = builder.fcmp_ordered(">=", *(v.load(data, at) for data in rows))
            bits = builder.zext(builder.bitcast(holds, ir.IntType(LANES)), I64)
            found = builder.or_(found, builder.shl(bits, ir.Constant(I64, start)))
        return found

    return types.uint64(first, second, types.int64), generate


at_or_above: Any = intrinsic(_at_or_above)


def _relations(typing: Any, left: Any, base: Any, number: Any, spread: Any, row: Any) -> Any:
    """How `left` stands to another line at rows `row` to `row + 7`, which must exist.

    The other line is `base + number * spread`, `base` where `spread` is None, and `number` where
    `base` is None. Bits 0 to 7 are set where `left` is above, 8 to 15 where it is below, 16 to 23
    where both are equal; none is where one of them is NaN.
    """
    del typing
    with_base, with_spread = (not isinstance(each, types.NoneType) for each in (base, spread))

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        v = Vectors(builder)
        word, at = ir.IntType(LANES), args[4]

        def values(place: int) -> Any:
            array = context.make_array(sig.args[place])(context, builder, args[place])
            return v.load(array.data, at)

        here = values(0)
        other = values(1) if with_base else v.splat(args[2])
        if with_spread:
            other = builder.fadd(other, builder.fmul(v.splat(args[2]), values(3)))
        found = ir.Constant(I64, 0)
        for place, relation in enumerate((">", "<", "==")):
            lanes = builder.bitcast(builder.fcmp_ordered(relation, here, other), word)
            bits = builder.shl(builder.zext(lanes, I64), ir.Constant(I64, place * LANES))
            found = builder.or_(found, bits)
        return found

    return types.int64(left, base, types.float64, spread, types.int64), generate


relations: Any = intrinsic(_relations)


def _add_values(
    typing: Any, sums: Any, prices: Any, row: Any, until: Any, quantity: Any, point: Any
) -> Any:
    """Add quantity * price * point to the sums at rows `row` to `row + 7`, which must exist.

    Rows from `until` on keep their sums.
    """
    del typing

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        v = Vectors(builder)
        data = [context.make_array(sig.args[at])(context, builder, args[at]).data for at in (0, 1)]
        row, until, quantity, point = args[2:]
        old, price = (v.load(each, row) for each in data)
        value = builder.fmul(builder.fmul(v.splat(quantity), price), v.splat(point))
        lane_numbers = ir.Constant(ir.VectorType(I64, LANES), list(range(LANES)))
        inside = builder.icmp_signed("<", lane_numbers, v.splat(builder.sub(until, row)))
        v.store(builder.select(inside, builder.fadd(old, value), old), data[0], row)
        return context.get_dummy_value()

    return types.void(
        sums, prices, types.int64, types.int64, types.float64, types.float64
    ), generate


add_values: Any = intrinsic(_add_values)


def _fetch_early(typing: Any, table: Any, row: Any, column: Any) -> Any:
    """Ask for the memory of a cell, which must exist, so that it is there when it is read soon."""
    del typing

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, args[0])
        width = builder.extract_value(array.shape, 1)
        at = builder.add(builder.mul(args[1], width), args[2])
        place = builder.bitcast(builder.gep(array.data, [at]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        prefetch = _declared(builder.module, kind, "llvm.prefetch.p0")
        to_read, soon, data = (ir.Constant(number, value) for value in (0, 3, 1))
        builder.call(prefetch, [place, to_read, soon, data])
        return context.get_dummy_value()

    return types.void(table, types.int64, types.int64), generate


fetch_early: Any = intrinsic(_fetch_early)


def _lowest_bit(typing: Any, word: Any) -> Any:
    """Number of the lowest bit of a word that is not 0."""
    del typing, word

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


lowest: Any = intrinsic(_lowest_bit)
