"""Alpaca: client, answers, the source."""
