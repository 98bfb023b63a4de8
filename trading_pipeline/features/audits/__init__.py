"""Audits of look-ahead for features, labels and patterns."""
