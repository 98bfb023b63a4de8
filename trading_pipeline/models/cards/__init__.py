"""How good predictions are: scores with their intervals, and the card of a model.

Read `scores.py` and `number_scores.py` (scores of rows), `intervals.py` (what a score is worth),
then `card_rows.py` (which rows are scored), `scored_kinds.py` (how a kind of forecast is scored),
`ranked.py`, `coefficients.py`, `verdict.py` and `make_card.py`, which puts a `ModelCard`
(`card.py`) together. Nothing here fits a model or reads a file.
"""
