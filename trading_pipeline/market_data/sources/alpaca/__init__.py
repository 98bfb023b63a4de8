"""Alpaca. `client` asks, `answers` reads what came back, `source` is the source."""
