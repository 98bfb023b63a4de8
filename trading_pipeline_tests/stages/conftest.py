"""The fixtures of a small world, from the module that makes them."""

from pathlib import Path

from trading_pipeline_tests.pipeline_world import forgive_dagster, fresh_world, instance, world

__all__ = ["fresh_world", "instance", "pytest_collection_modifyitems", "world"]


def pytest_collection_modifyitems(items):
    forgive_dagster(items, Path(__file__).parent)
