"""How a model is trained: `walk_forward_folds` first, then `train` and `calibration`."""
