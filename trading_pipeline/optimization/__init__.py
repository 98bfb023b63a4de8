"""The optimization layer."""
