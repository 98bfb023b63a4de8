"""Fixtures of the small world, for the tests of users' files that go through stages."""

from pathlib import Path

from trading_pipeline_tests.market_data.conftest import make_bars
from trading_pipeline_tests.pipeline_world import forgive_dagster, fresh_world, instance, world

__all__ = ["fresh_world", "instance", "make_bars", "pytest_collection_modifyitems", "world"]


def pytest_collection_modifyitems(items):
    forgive_dagster(items, Path(__file__).parent)
