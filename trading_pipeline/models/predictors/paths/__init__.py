"""Predictors of the next bars' paths, from bars alone.

Read `horizons` (how far, and which steps are stored), `autoregression` (least squares on lags, the
recursion and its bootstrap), `path_predictor` (what both predictors share), then `autoregressive`
and `multi_ohlc`. `path_scores` says how good they were at each horizon.
"""
