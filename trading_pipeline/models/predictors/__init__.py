"""Estimators that a model spec can name, with the parameters each takes."""
