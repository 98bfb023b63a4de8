"""Stages of models and predictions."""
