"""What is wrong with a user's file: `rows`, then `series`, then the `passes` that run both.

Counts only; messages for people are in `datasets.refusals` and `datasets.advice`. The checks of
registered bars are `market_data.quality`.
"""
