"""docs/sources.md is right: its code runs, its commands and variables exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from trading_pipeline.cli.app import universe_app
from trading_pipeline.market_data.sources.registry import source, source_names
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import PipelineSettings, load_settings
from trading_pipeline.settings.universe import InstrumentSpec

PAGE = (Path(__file__).parents[1] / "docs" / "sources.md").read_text("utf-8")


def test_its_code_runs(runtime):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    namespace: dict = {}
    exec(code, namespace)
    assert namespace["change"].path == runtime / "config" / "universe.yaml"
    assert "SPY_1d" in load_catalog(load_settings().config).universe.archived_by_id


def test_its_commands_exist():
    lines = re.findall(r"^trading-pipeline (universe .*)$", PAGE, re.M)
    known = {command.name for command in universe_app.registered_commands}
    assert {shlex.split(line)[1] for line in lines} == known


def test_its_variables_are_settings():
    named = set(re.findall(r"`TRADING_PIPELINE_([A-Z_]+)`", PAGE))
    assert {name.lower() for name in named} <= set(PipelineSettings.model_fields)
    assert "alpaca_api_key" in {name.lower() for name in named}


@pytest.mark.parametrize("name", source_names())
def test_every_source_has_its_row(name, runtime):
    (row,) = re.findall(rf"^\| `{name}` \|.*$", PAGE, re.M)
    if name == "yahoo":
        for timeframe in source(name).capabilities().timeframes:
            assert timeframe.value in row


def test_its_example_of_a_line_is_a_valid_spec():
    spec = InstrumentSpec(symbol="SPY", source="yahoo")
    assert spec.calendar == "XNYS"
