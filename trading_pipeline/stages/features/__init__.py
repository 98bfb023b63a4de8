"""Stages of features, labels, patterns and cross features, and the audit of what is stored.

Read `instrument_series` (adjusted bars, shared by all stages of a pass) first, then `series_stage`
(the look-back), `features`, `labels`, `patterns` and `cross_features`. `quality_numbers` describes
feature windows, `audit` looks for foresight on stored bars. Formulas are in
`trading_pipeline.features`.
"""
