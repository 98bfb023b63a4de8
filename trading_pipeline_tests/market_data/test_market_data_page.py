"""The tests that the page on market data says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from trading_pipeline.market_data.quality.findings import (
    CHECK_NAMES,
    ERROR_CHECKS,
    CheckSettings,
    check_settings,
)
from trading_pipeline.market_data.quality.score import WARNING_WEIGHTS
from trading_pipeline.market_data.sources.synthetic.faults import FAULT_KINDS
from trading_pipeline.settings.universe import UniverseFile

PAGE = (Path(__file__).parents[2] / "docs" / "market-data.md").read_text(encoding="utf-8")


def test_every_check_is_in_the_table_with_its_severity():
    rows = dict(re.findall(r"^\| `(\w+)` \| (ERROR|WARN|INFO)", PAGE, re.MULTILINE))
    assert list(rows) == list(CHECK_NAMES)
    assert {name for name, severity in rows.items() if severity == "ERROR"} == set(ERROR_CHECKS)


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_every_universe_file_of_the_page_can_be_read(block):
    found = UniverseFile.parse(yaml.safe_load(block), where="page")
    check_settings(found.checks or {})
    for instrument in found.instruments:
        check_settings(instrument.checks)
        assert instrument.to_instrument().symbol == instrument.symbol


def test_weights_thresholds_and_faults_are_those_of_the_code():
    for weight in set(WARNING_WEIGHTS.values()):
        assert f"{weight:.2f}" in PAGE
    assert set(WARNING_WEIGHTS) <= set(
        re.findall(r"`(\w+)`", PAGE.split("## The quality score")[1])
    )
    assert f"under {CheckSettings().coverage_fraction:.0%}".replace("%", " %") in PAGE
    assert set(FAULT_KINDS) <= set(re.findall(r"`(\w+)`", PAGE.split("## Faults on purpose")[1]))
