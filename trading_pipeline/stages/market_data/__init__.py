"""Stages of the universe, corporate actions and bars."""
