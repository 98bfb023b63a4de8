"""Checks of bars, their findings, scores and repairs."""
