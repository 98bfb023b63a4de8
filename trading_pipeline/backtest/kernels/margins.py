"""How near two numbers must be to count as equal: the only tolerances of the kernels.

Quantities and prices are sums and products of doubles, so an order that should take the last unit
of cash, or a whole number of lots, can miss it by a few bits.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CASH_IN_DOUBT", "CASH_NEEDED", "LEVERAGE", "LOTS", "NO_VARIANCE", "ORDER", "QUANTITY",
    "TICKS", "TICKS_PER_UNIT",
]  # fmt: skip

TICKS: Final = 1e-6
"""In ticks: a price this near to a tick lies on it."""
TICKS_PER_UNIT: Final = 1e-9
"""Relative: a tick this near to a whole fraction of 1 is that fraction."""
LOTS: Final = 1e-9
"""In lots: a quantity this little below a whole number of lots is that number."""
QUANTITY: Final = 1e-9
"""Relative: a change of a position smaller than this is none."""
ORDER: Final = 1e-12
"""Relative: an order this near to its budget, or an exit this near to its position, equals it."""
NO_VARIANCE: Final = 1e-14
"""Share of the mean square: returns with less variance have none."""
LEVERAGE: Final = 1e-9
"""Relative: target weights that add up to this little over the leverage are within it."""
CASH_NEEDED: Final = 1e-6
CASH_IN_DOUBT: Final = 1e-9
"""Relative: room for rounding before the loop for signals leaves the sum over all positions out."""
