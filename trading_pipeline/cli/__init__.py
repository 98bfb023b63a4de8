"""The command line: a thin door to Dagster runs. It parses, shows progress and prints.

Read `app` (the commands) and `session` (what they open) first; then one file a command. Nothing
heavy is imported before a command runs, and no logic enters: that belongs to stages and layers
below.
"""

from __future__ import annotations

from trading_pipeline.cli.app import main

__all__ = ["main"]
