"""How a model is trained.

Read `walk_forward_folds` first, then `train`, `effective_rows` (what overlapping labels are worth),
`held_back` (rows that calibrate and score) and `calibration`.
"""
