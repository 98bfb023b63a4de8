"""What a fill costs where a scenario file leaves its costs out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["DefaultCosts", "default_costs_line"]

_SAID_BY = {
    "commission_bps": (
        "commission_bps",
        "commission_per_order",
        "commission_per_share",
        "commission_per_round_trip",
    ),
    "slippage_bps": ("slippage_bps", "slippage_price", "slippage_volume_share"),
}
"""Keys of `costs` any of which says what a kind of costs is, 0 included."""


@dataclass(frozen=True, kw_only=True)
class DefaultCosts:
    """Costs in basis points of each fill that the environment gives to scenario files."""

    commission_bps: float = 10.0
    slippage_bps: float = 0.0

    def completed(self, costs: object) -> tuple[object, tuple[str, ...]]:
        """The group `costs` of a file with what it leaves out, and the names of the added keys.

        `costs`: None where the file has no such group. A commission of any form, or slippage of any
        form, is taken as it is; a maker's rate or a least commission alone leaves the rate out. A
        default of 0 is added beside another one, so that the result says both; alone it adds
        nothing. What is not a mapping is given back for its error.

        >>> DefaultCosts().completed({"slippage_bps": 5})
        ({'slippage_bps': 5, 'commission_bps': 10.0}, ('commission_bps',))
        >>> DefaultCosts().completed({"commission_per_share": 0.005})
        ({'commission_per_share': 0.005}, ())
        >>> DefaultCosts().completed({})
        ({'commission_bps': 10.0, 'slippage_bps': 0.0}, ('commission_bps', 'slippage_bps'))
        """
        if costs is not None and not isinstance(costs, Mapping):
            return costs, ()
        given: dict[Any, Any] = dict(costs or {})
        added = {
            name: getattr(self, name)
            for name, keys in _SAID_BY.items()
            if given.keys().isdisjoint(keys)
        }
        if not any(added.values()):
            return given, ()
        return given | added, tuple(added)


def default_costs_line(costs: Mapping[str, float]) -> str:
    """What a result says of costs that its scenario file left out; empty without any.

    >>> default_costs_line({"commission_bps": 10.0})[:62]
    "Default costs: commission_bps 10 is the environment's, because"
    """
    if not costs:
        return ""
    told = " and ".join(f"{name} {value:g}" for name, value in costs.items())
    written = ", ".join(f"{name}: {value:g}" for name, value in costs.items())
    names = " and ".join(f"TRADING_PIPELINE_DEFAULT_{name.upper()}" for name in costs)
    verb, them = ("is", "it") if len(costs) == 1 else ("are", "them")
    return (
        f"Default costs: {told} {verb} the environment's, because the scenario leaves {them} out "
        f"({names}). Write costs: {{{written}}} into its file to keep {them}, or 0 for free fills."
    )
