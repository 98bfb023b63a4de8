"""Time zone, calendar and coverage of a user's bars.

Read `sessions` (stamps to labels), `coverage` (missing bars), `market_guess` (calendar and zone
from the hours of the bars) and `market`, which puts them together. The calendars are those of
`market_data`.
"""
