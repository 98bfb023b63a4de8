"""The backtest layer."""
