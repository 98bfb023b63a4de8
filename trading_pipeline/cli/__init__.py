"""The command line: a thin door to Dagster runs. It parses, shows progress and prints.

Read `app` (the commands) and `session` (what they open) first; then one file a command. Nothing
heavy is imported before a command runs, and no logic enters: that belongs to stages and layers
below.
"""

from __future__ import annotations

import shlex
import sys

from trading_pipeline.stop_signals import stoppable

__all__ = ["main"]


def main() -> None:
    """Entry point: the commands; a signal ends them with one line, even while they are loaded."""
    with stoppable(shlex.join(["trading-pipeline", *_without_token(sys.argv[1:])])):
        from trading_pipeline.cli.app import main as commands

        commands()


def _without_token(arguments: list[str]) -> list[str]:
    """The arguments as the line of a stop shows them: the token of `reports serve` stays unsaid."""
    found = [
        "***" if before == "--token" else each
        for before, each in zip(["", *arguments], arguments, strict=False)
    ]
    return ["--token=***" if each.startswith("--token=") else each for each in found]
