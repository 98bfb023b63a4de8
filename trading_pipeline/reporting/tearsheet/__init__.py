"""The tear sheet of one result."""
