"""The command line: a thin door to Dagster runs. It parses, shows progress and prints."""

from __future__ import annotations

from trading_pipeline.cli.app import main

__all__ = ["main"]
