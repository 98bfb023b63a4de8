"""Stages of reports: HTML pages below `output/reports`.

Read `page_stage` first, then `tearsheet` and `leaderboard`. What a page looks like is in
`trading_pipeline.reporting`.
"""
