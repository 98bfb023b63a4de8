"""This file holds the numbers by which kernels and their callers speak: positions and codes.

`P_*` are positions in the settings vector, `S_*` in the statistics, `T_*` columns of the table of round
trips, `O_*` columns of the order log, `R_*` reason codes. Kernels freeze these values when they are
compiled.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ANY_ENTRY",
    "AT_CLOSE",
    "AT_INTRABAR",
    "AT_OPEN",
    "CANCELLED_LONG",
    "CANCELLED_SHORT",
    "ENTER_LONG",
    "ENTER_SHORT",
    "EXIT_LONG",
    "EXIT_SHORT",
    "K_LIMIT",
    "K_MARKET",
    "K_STOP",
    "K_TRAILING",
    "OHLC_PATH",
    "OPTIMISTIC",
    "O_AT",
    "O_BAR",
    "O_COUNT",
    "O_DECIDED_BAR",
    "O_FEE",
    "O_FILLED",
    "O_IS_ENTRY",
    "O_KIND",
    "O_PRICE",
    "O_REASON",
    "O_REQUESTED",
    "O_SIDE",
    "O_SLIPPAGE",
    "PESSIMISTIC",
    "P_ALLOW_SHORT",
    "P_AMOUNT",
    "P_COUNT",
    "P_INITIAL_CASH",
    "P_INTRABAR",
    "P_LEVERAGE",
    "P_LOT",
    "P_MAKER_RATE",
    "P_MAX_HOLDING",
    "P_MINIMUM",
    "P_MIN_NOTIONAL",
    "P_PERIODS",
    "P_PER_ORDER",
    "P_PER_SHARE",
    "P_POINT",
    "P_RATE",
    "P_ROUND_TRIP",
    "P_SAME_CLOSE",
    "P_SIZING",
    "P_SLIPPAGE",
    "P_SLIPPAGE_PRICE",
    "P_STOP_IS_PRICE",
    "P_TARGET_IS_PRICE",
    "P_TICK",
    "P_TOUCH",
    "P_TRAIL_IS_PRICE",
    "R_BELOW_MIN_NOTIONAL",
    "R_BELOW_ONE_LOT",
    "R_CLIPPED_TO_CASH",
    "R_CONTRADICTION",
    "R_FILLED",
    "R_MAX_HOLDING",
    "R_NO_CASH",
    "R_NO_NEXT_BAR",
    "R_NO_SIZE",
    "R_NO_STOP",
    "R_OPEN",
    "R_REVERSAL",
    "R_ROUNDED_TO_LOT",
    "R_SHORT_NOT_ALLOWED",
    "R_SIGNAL",
    "R_STOP_LOSS",
    "R_TAKE_PROFIT",
    "R_TRAILING_STOP",
    "SIZE_CASH",
    "SIZE_PERCENT",
    "SIZE_QUANTITY",
    "SIZE_RISK",
    "S_BARS_IN_POSITION",
    "S_COUNT",
    "S_FEES",
    "S_FINAL_EQUITY",
    "S_FIRST_RUIN",
    "S_KURTOSIS",
    "S_MAX_DRAWDOWN",
    "S_MEAN",
    "S_ORDERS",
    "S_SD",
    "S_SHARPE",
    "S_SKEW",
    "S_TRADES",
    "T_COUNT",
    "T_ENTRY_AT",
    "T_ENTRY_BAR",
    "T_ENTRY_PRICE",
    "T_EXIT_AT",
    "T_EXIT_BAR",
    "T_EXIT_PRICE",
    "T_EXIT_QUANTITY",
    "T_FEES",
    "T_INCOME",
    "T_PNL",
    "T_QUANTITY",
    "T_REASON",
    "T_SIDE",
    "T_SLIPPAGE",
]

# Intent of a decision bar, after the rule for contradictions.
ENTER_LONG: Final = 1
EXIT_LONG: Final = 2
ENTER_SHORT: Final = 4
EXIT_SHORT: Final = 8
CANCELLED_LONG: Final = 16
CANCELLED_SHORT: Final = 32
ANY_ENTRY: Final = ENTER_LONG | ENTER_SHORT | CANCELLED_LONG | CANCELLED_SHORT

# Settings vector.
(
    P_INITIAL_CASH, P_SAME_CLOSE, P_INTRABAR, P_TOUCH, P_SIZING, P_AMOUNT, P_RATE, P_MAKER_RATE,
    P_PER_ORDER, P_PER_SHARE, P_MINIMUM, P_ROUND_TRIP, P_SLIPPAGE, P_SLIPPAGE_PRICE, P_ALLOW_SHORT,
    P_LEVERAGE, P_LOT, P_TICK, P_MIN_NOTIONAL, P_POINT, P_MAX_HOLDING, P_STOP_IS_PRICE,
    P_TARGET_IS_PRICE, P_TRAIL_IS_PRICE, P_PERIODS, P_COUNT,
) = range(26)  # fmt: skip

SIZE_PERCENT, SIZE_QUANTITY, SIZE_CASH, SIZE_RISK = range(4)
PESSIMISTIC, OPTIMISTIC, OHLC_PATH = range(3)

# Reason codes: of exits (and what an open trade has), then of orders that were clipped or not filled.
(
    R_OPEN, R_SIGNAL, R_REVERSAL, R_STOP_LOSS, R_TRAILING_STOP, R_TAKE_PROFIT, R_MAX_HOLDING,
    R_FILLED, R_CLIPPED_TO_CASH, R_ROUNDED_TO_LOT, R_BELOW_ONE_LOT, R_BELOW_MIN_NOTIONAL, R_NO_CASH,
    R_NO_SIZE, R_NO_STOP, R_SHORT_NOT_ALLOWED, R_CONTRADICTION, R_NO_NEXT_BAR,
) = range(18)  # fmt: skip
K_MARKET, K_LIMIT, K_STOP, K_TRAILING = range(4)
AT_OPEN, AT_INTRABAR, AT_CLOSE = range(3)

(
    T_SIDE, T_QUANTITY, T_ENTRY_BAR, T_ENTRY_AT, T_ENTRY_PRICE, T_EXIT_BAR, T_EXIT_AT, T_EXIT_PRICE,
    T_EXIT_QUANTITY, T_FEES, T_SLIPPAGE, T_INCOME, T_PNL, T_REASON, T_COUNT,
) = range(15)  # fmt: skip
(
    O_DECIDED_BAR, O_BAR, O_AT, O_SIDE, O_IS_ENTRY, O_KIND, O_REQUESTED, O_FILLED, O_PRICE, O_FEE,
    O_SLIPPAGE, O_REASON, O_COUNT,
) = range(13)  # fmt: skip
(
    S_FINAL_EQUITY, S_TRADES, S_ORDERS, S_MAX_DRAWDOWN, S_MEAN, S_SD, S_SKEW, S_KURTOSIS, S_SHARPE,
    S_BARS_IN_POSITION, S_FIRST_RUIN, S_FEES, S_COUNT,
) = range(13)  # fmt: skip
