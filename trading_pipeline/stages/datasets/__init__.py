"""Stages of users' files."""
