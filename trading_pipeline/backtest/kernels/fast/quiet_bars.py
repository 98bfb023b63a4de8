"""The marking of quiet bars, eight at a time: bars on which a held position only moves.

The compiler does not turn this loop into vectors by itself, since every bar adds to sums whose order
counts. So sums have eight lanes, and a bar adds to the lane of its number modulo 8, in every loop of the
engine; then eight bars can be added at once, and the order is the same in all loops. The vectors are
written as instructions for LLVM, without fast-math flags: every operation is the plain IEEE one.

State vector (`Q_*`): the lanes of four power sums, then the scalars of the running account.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from trading_pipeline.backtest.kernels.vectors import F64, I64, LANES, VECTOR, Vectors

__all__ = [
    "Q_COUNT", "Q_DRAWDOWN", "Q_PEAK", "Q_PREVIOUS", "Q_STOP", "Q_TROUGH", "mark_quiet_blocks",
]  # fmt: skip

Q_PREVIOUS, Q_PEAK, Q_TROUGH, Q_DRAWDOWN, Q_STOP, Q_COUNT = range(4 * LANES, 4 * LANES + 6)

_variable: Any = cgutils.alloca_once_value


def _mark_quiet_blocks(
    typing: Any, close: Any, high: Any, low: Any, first: Any, until: Any, cash: Any, quantity: Any,
    point: Any, target: Any, trail_scale: Any, trail_shift: Any, state: Any, equity_out: Any,
    levels: Any, keep: Any,
) -> Any:  # fmt: skip
    """Mark bars from `first` on in blocks of eight; returns the first bar that is not marked.

    Stops before a block in which a level may be reached or the equity falls to 0, and before one
    that reaches over the end of the arrays or has no bar before `until`. Such bars are the caller's,
    one by one. `trail_scale`, `trail_shift`: level of the trail is best * scale - shift, NaN scale
    for no trail; a scale of 1 takes the shift, any other ignores it. `levels` is None where there are
    none, else anything. `state` is written, and `equity_out` where `keep` is True.
    """
    del typing
    with_levels = not isinstance(levels, types.NoneType)
    signature = types.int64(
        close, high, low, types.int64, types.int64, types.float64, types.float64, types.float64,
        types.float64, types.float64, types.float64, state, equity_out, levels, types.boolean,
    )  # fmt: skip

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = [
            context.make_array(sig.args[at])(context, builder, args[at]) for at in (0, 1, 2, 11, 12)
        ]
        numbers = args[3:11]
        return _emit(builder, data, numbers, args[14], with_levels=with_levels)

    return signature, generate


mark_quiet_blocks: Any = intrinsic(_mark_quiet_blocks)


def _emit(b: Any, arrays: Any, numbers: Any, kept: Any, *, with_levels: bool) -> Any:
    """The loop over blocks; returns the value of the first bar that is not marked."""
    close, high, low, state, equity_out = (array.data for array in arrays)
    first, until, cash, quantity, point, target, scale, shift = numbers
    v = Vectors(b)
    zero, one = ir.Constant(F64, 0.0), ir.Constant(F64, 1.0)
    eight = ir.Constant(I64, LANES)
    lane_numbers = ir.Constant(ir.VectorType(I64, LANES), list(range(LANES)))
    ones, zeros = ir.Constant(VECTOR, [1.0] * LANES), ir.Constant(VECTOR, [0.0] * LANES)
    rows = b.extract_value(arrays[0].shape, 0)
    places = {at: b.gep(state, [ir.Constant(I64, at)]) for at in range(4 * LANES, Q_COUNT)}
    scalars = {at: _variable(b, b.load(place)) for at, place in places.items()}
    starts = [ir.Constant(I64, LANES * power) for power in range(4)]
    sums = [_variable(b, v.load(state, start)) for start in starts]
    at_bar = _variable(b, first)
    cash_v, quantity_v, point_v = v.splat(cash), v.splat(quantity), v.splat(point)
    is_long = b.fcmp_ordered(">", quantity, zero)
    blocks, check, mark, done = (b.append_basic_block(name) for name in ("b", "c", "m", "d"))
    b.branch(blocks)

    b.position_at_end(blocks)
    i = b.load(at_bar)
    start = b.and_(i, ir.Constant(I64, -LANES))
    end = b.add(start, eight)
    fits = b.and_(b.icmp_signed("<", i, until), b.icmp_signed("<=", end, rows))
    b.cbranch(fits, check, done)

    b.position_at_end(check)
    stop_at = b.select(b.icmp_signed("<", end, until), end, until)
    lanes = b.add(v.splat(start), lane_numbers)
    inside = b.and_(
        b.icmp_signed(">=", lanes, v.splat(i)), b.icmp_signed("<", lanes, v.splat(stop_at))
    )
    previous, peak = b.load(scalars[Q_PREVIOUS]), b.load(scalars[Q_PEAK])
    value = b.fmul(b.fmul(quantity_v, v.load(close, start)), point_v)
    # Lanes outside hold the equity before the block, which changes no peak and no trough.
    equity = b.select(inside, b.fadd(cash_v, value), v.splat(previous))
    rises = b.fcmp_ordered(">", equity, v.splat(peak))
    # An equity of 0 or less is below any trough.
    moves = b.or_(rises, b.fcmp_ordered("<", equity, v.splat(b.load(scalars[Q_TROUGH]))))
    quiet = b.not_(v.any(b.fcmp_ordered("<=", equity, zeros)))
    stop_now = _variable(b, b.load(scalars[Q_STOP]))
    if with_levels:
        ranges = (v.load(high, start), v.load(low, start))
        best, worst = b.select(is_long, *ranges), b.select(is_long, *reversed(ranges))
        by_price = b.fcmp_ordered("==", scale, one)
        moved = b.select(by_price, b.fsub(best, v.splat(shift)), b.fmul(best, v.splat(scale)))
        nearer = b.and_(inside, v.beyond(is_long, ">", moved, v.splat(b.load(stop_now))))
        with b.if_then(v.any(nearer)):
            # The trail after the whole block: it only ever comes nearer, so no exit is missed.
            moved = b.select(nearer, moved, v.splat(b.load(stop_now)))
            ends = (v.reduce(">", moved), v.reduce("<", moved))
            b.store(b.select(is_long, *ends), stop_now)
        reached = b.or_(
            v.beyond(is_long, "<=", worst, v.splat(b.load(stop_now))),
            v.beyond(is_long, ">=", best, v.splat(target)),
        )
        quiet = b.and_(quiet, b.not_(v.any(b.and_(inside, reached))))
    b.cbranch(quiet, mark, done)

    b.position_at_end(mark)
    b.store(b.load(stop_now), scalars[Q_STOP])
    with b.if_then(kept):
        old = v.load(equity_out, start)
        v.store(b.select(inside, equity, old), equity_out, start)
    shifted = v.shuffle(v.splat(previous), equity, [0, *range(LANES, 2 * LANES - 1)])
    change = b.select(inside, b.fsub(b.fdiv(equity, shifted), ones), zeros)
    squared = b.fmul(change, change)
    powers = (change, squared, b.fmul(squared, change), b.fmul(squared, squared))
    for place, power in zip(sums, powers, strict=True):
        b.store(b.fadd(b.load(place), power), place)
    with b.if_then(v.any(moves)):
        trough, highest = b.load(scalars[Q_TROUGH]), v.reduce(">", equity)
        with b.if_else(v.any(rises)) as (new_peak, new_trough):
            with new_peak:
                fall = b.fsub(b.fdiv(trough, peak), one)
                peaks = v.running_peak(peak, equity)
                # Division keeps order: the deepest of these is the fall of the lowest equity.
                falls = b.select(inside, b.fsub(b.fdiv(equity, peaks), ones), zeros)
                fall = v.extreme("<", fall, v.reduce("<", falls))
                b.store(v.extreme("<", fall, b.load(scalars[Q_DRAWDOWN])), scalars[Q_DRAWDOWN])
                b.store(highest, scalars[Q_PEAK])
                b.store(highest, scalars[Q_TROUGH])
            with new_trough:
                b.store(v.extreme("<", v.reduce("<", equity), trough), scalars[Q_TROUGH])
    last = b.sub(stop_at, ir.Constant(I64, 1))
    price = b.load(b.gep(close, [last]))
    b.store(b.fadd(cash, b.fmul(b.fmul(quantity, price), point)), scalars[Q_PREVIOUS])
    b.store(stop_at, at_bar)
    b.branch(blocks)

    b.position_at_end(done)
    for at, place in places.items():
        b.store(b.load(scalars[at]), place)
    for start_of, place in zip(starts, sums, strict=True):
        v.store(b.load(place), state, start_of)
    return b.load(at_bar)
