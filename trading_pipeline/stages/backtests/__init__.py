"""Stages of backtests and studies.

Read `scenario_inputs` (what a scenario trades on, with its hashes) first, then `backtest` and
`study`. The engine is in `trading_pipeline.backtest`, the search in
`trading_pipeline.optimization`.
"""
