"""Stages of features, labels, patterns and cross features."""
