"""Fitted models: what belongs to one, its id, and the files it is kept in."""
