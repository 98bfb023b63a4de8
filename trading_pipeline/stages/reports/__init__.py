"""Stages of reports."""
