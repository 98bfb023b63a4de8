"""Stages of market data: what to work on, corporate actions, and bars.

Read `universe` (instruments and their actions) first, then `bar_windows` (what to ask a source
for), `bar_fetch` (how bars come into form) and `bars` (what is written and what is kept out).
`check_catalog` compares the catalog's names with the code. Checks of bars and calendars are in
`trading_pipeline.market_data`, SQL in `storage`.
"""
