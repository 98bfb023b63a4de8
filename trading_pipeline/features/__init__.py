"""The features layer."""
