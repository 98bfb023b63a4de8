"""Crypto exchanges through ccxt. `exchange` asks one exchange, `source` is the source."""
