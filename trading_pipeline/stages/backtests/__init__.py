"""Stages of backtests and studies."""
