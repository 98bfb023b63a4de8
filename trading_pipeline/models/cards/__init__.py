"""How good predictions are: scores of probabilities and their calibration."""
