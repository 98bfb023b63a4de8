"""Stored results, looked at, compared, exported and run again.

Read `asked` (what people may write) and `shown_result` (all that is known of one) first, then
`comparison`, `export` and `result_tables` (files for other programs), `reproduction` (runs a result
again) with `changes`. Nothing here makes a result or a trial.
"""
