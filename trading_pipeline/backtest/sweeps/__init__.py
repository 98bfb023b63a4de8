"""Sweeps: many combinations on the same bars, each with the numbers of its single run.

Read `run` (the public function), `result`, then `plan_trading` (plans through the fast loops) and
`strategy_combinations` (from a strategy and its parameters to plans or signals). `checkpoint` keeps
what is done.
"""
