"""docs/studies.md has every key and metric of a study, and its studies can be run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic_core import PydanticUndefined

from trading_pipeline.optimization.study_checks import check_study
from trading_pipeline.optimization.study_metrics import STUDY_METRICS
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.study import StudySpec, WalkForwardSpec

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "studies.md").read_text("utf-8")
STUDIES = [
    block
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    if "space:" in block and "sp500" not in block
]


def key_rows() -> list[str]:
    """Rows of the table of keys, from the models."""
    told = []
    for prefix, model in (("", StudySpec), ("walk_forward.", WalkForwardSpec)):
        for name, field in model.model_fields.items():
            unit = dict(field.json_schema_extra or {})["unit"]
            default = "needed" if field.default is PydanticUndefined else field.default
            shown = {None: "null", False: "false", (): "[]"}.get(default, str(default))
            told.append(f"| `{prefix}{name}` | {unit} | {shown} | {field.description} |")
    return told


def metric_rows() -> list[str]:
    """Rows of the table of metrics."""
    return [f"| `{name}` | {meaning} |" for name, meaning in STUDY_METRICS.items()]


def test_every_key_and_metric_is_in_the_tables_with_its_unit_default_and_meaning():
    lines = PAGE.splitlines()
    assert [row for row in (*key_rows(), *metric_rows()) if row not in lines] == []


@pytest.mark.parametrize("text", STUDIES, ids=lambda text: yaml.safe_load(text)["name"])
def test_a_study_of_the_page_passes_every_check(text):
    study = StudySpec.parse(yaml.safe_load(text), where="docs/studies.md")
    assert check_study(study, load_catalog(None).scenario(study.scenario))


def test_the_page_has_a_study_of_each_kind():
    found = [yaml.safe_load(text) for text in STUDIES]
    assert {"tpe"} <= {each.get("method") for each in found}
    assert any("walk_forward" in each for each in found)
    assert any(each.get("frozen") for each in found)
