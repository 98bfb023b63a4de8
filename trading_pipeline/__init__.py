"""Software-defined assets for trading research: from market data to audited backtests."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__"]
