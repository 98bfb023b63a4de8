"""Estimators that a model spec can name."""
