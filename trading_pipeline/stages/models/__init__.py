"""Stages of models and predictions.

Read `model_features` (what a model learns from), then `models` (fits and predictions) and
`model_rows` (how a fit is recorded). Estimators and folds are in `trading_pipeline.models`.
"""
