"""This file holds the fixtures of a small world, taken over from where all of them are made."""

from trading_pipeline_tests.pipeline_world import fresh_world, instance, world

__all__ = ["fresh_world", "instance", "world"]
