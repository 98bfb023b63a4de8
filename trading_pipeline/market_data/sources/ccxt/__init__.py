"""Crypto exchanges by ccxt: one exchange, the source."""
