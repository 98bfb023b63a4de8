"""The performance layer."""
