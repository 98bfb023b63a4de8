"""Stages of models and predictions.

Read `model_features` and `model_bars` (what a model learns from), then `models` (fits and
predictions), `live` (the newest model and its forecast), `model_card` (how good the predictions
were, by `scored_predictions`) and `model_rows` (how a fit is recorded).
Predictors and folds are in `trading_pipeline.models`.
"""
