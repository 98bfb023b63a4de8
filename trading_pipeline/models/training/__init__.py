"""Folds, purge, fitting and calibration."""
