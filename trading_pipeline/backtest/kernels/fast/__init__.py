"""Loops that exist for speed alone; each equals an exact one bit for bit."""
