"""Synthetic markets with known properties and planted faults."""
