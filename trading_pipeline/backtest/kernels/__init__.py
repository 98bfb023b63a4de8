"""The exact loops, in compiled code."""
