"""The settings layer."""
