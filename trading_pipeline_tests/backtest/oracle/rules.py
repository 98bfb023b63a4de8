"""The oracle's rules of price, cost and size: plain arithmetic of one settings object.

Part of the slow and obvious backtest that the compiled one is compared with. The order of each sum
and product is the one that docs/engine.md fixes under "Arithmetic", so that the numbers agree bit
for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from trading_pipeline.settings.backtest_settings import BacktestSettings

BPS = 1e-4
ABOUT_EQUAL = 1.0 + 1e-12


@dataclass(frozen=True)
class Rules:
    """What one instrument's settings say of prices, costs and sizes. `side`: +1 buys, -1 sells."""

    settings: BacktestSettings

    @property
    def point(self) -> float:
        """Account currency that one unit gains when the price moves by 1."""
        return self.settings.multiplier * self.settings.delta

    def value(self, quantity: float, price: float) -> float:
        return quantity * price * self.point

    # Prices

    def on_tick(self, price: float, direction: int) -> float:
        tick = self.settings.tick_size
        if tick is None:
            return price
        steps = price / tick
        whole = float(round(steps))
        if abs(steps - whole) > 1e-6:
            whole = float(math.ceil(steps) if direction > 0 else math.floor(steps))
        ticks_in_one = float(round(1.0 / tick))
        if ticks_in_one > 0.0 and abs(ticks_in_one * tick - 1.0) < 1e-9:
            return whole / ticks_in_one
        return whole * tick

    def market_price(self, reference: float, side: int) -> float:
        """Price of a market order: slipped against the order, then rounded against it."""
        s = self.settings
        slipped = reference * (1.0 + side * (s.slippage_bps * BPS)) + side * s.slippage_price
        return max(self.on_tick(slipped, side), 0.0)

    def impact_price(self, reference: float, side: int, quantity: float, volume: float) -> float:
        """Market price that the order's own share of the bar's volume has moved first."""
        share = quantity / volume
        moved = reference * (1.0 + side * self.settings.slippage_volume_share * share * share)
        return self.market_price(moved, side)

    # Costs

    def commission(self, quantity: float, price: float, *, maker: bool) -> float:
        s = self.settings
        bps = s.commission_bps
        if maker and s.maker_commission_bps is not None:
            bps = s.maker_commission_bps
        variable = self.value(quantity, price) * (bps * BPS) + quantity * s.commission_per_share
        return max(variable, s.commission_minimum) + s.commission_per_order

    # Sizes

    def affordable(self, budget: float, price: float) -> float:
        """Quantity whose value and commission together cost `budget`, at the taker's rate."""
        s = self.settings
        left, unit, rate = (
            budget - s.commission_per_order,
            price * self.point,
            s.commission_bps * BPS,
        )
        of_one = unit * (1.0 + rate) + s.commission_per_share
        if of_one == 0.0:
            return math.inf if left > 0.0 else 0.0
        quantity = left / of_one
        if quantity * (unit * rate + s.commission_per_share) < s.commission_minimum:
            quantity = (left - s.commission_minimum) / unit if unit > 0.0 else 0.0
        return max(quantity, 0.0)

    def whole_lots(self, quantity: float) -> float:
        lot = self.settings.lot_size
        return quantity if lot is None else math.floor(quantity / lot + 1e-9) * lot

    def wished(
        self, number: float, equity: float, price: float, stop: float | None
    ) -> float | None:
        """Quantity that the sizing asks for; None where it needs a stop and there is none."""
        kind = self.settings.sizing.type
        if kind in ("percent_of_equity", "volatility_target"):
            return self.affordable(equity * number, price)
        if kind == "fixed_cash":
            return self.affordable(number, price)
        if kind == "fixed_quantity":
            return number
        if stop is None:
            return None
        loss_of_one = abs(price - stop) * self.point
        return max(equity, 0.0) * number / loss_of_one if loss_of_one > 0.0 else math.inf

    def granted(self, asked: float, budget: float, price: float) -> tuple[float, str]:
        """(quantity, reason) after cash or margin, lots and least notional have cut an order."""
        s, quantity, reason = self.settings, asked, "filled"
        most = self.affordable(budget, price)
        if asked > most * ABOUT_EQUAL:
            quantity, reason = most, "clipped_to_cash"
        if quantity <= 0.0:
            return 0.0, "no_cash"
        whole = self.whole_lots(quantity)
        if whole <= 0.0:
            return 0.0, "below_one_lot"
        if reason == "filled" and abs(whole - quantity) > 1e-9 * quantity:
            reason = "rounded_to_lot"
        if self.value(whole, price) < s.min_notional:
            return 0.0, "below_min_notional"
        return whole, reason
