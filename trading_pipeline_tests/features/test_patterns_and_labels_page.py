"""This file holds the test that the code of docs/patterns-and-labels.md runs as it stands there."""

import re
from pathlib import Path

import pandas as pd
import pytest

import trading_pipeline
from trading_pipeline.features.feature_sets import feature_set
from trading_pipeline.features.pattern_kinds import FAMILIES, KINDS
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline_tests.features.conftest import random_walk

PAGE = Path(trading_pipeline.__file__).parents[1] / "docs" / "patterns-and-labels.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_of_the_page_runs(code):
    bars = random_walk(900, 1)
    names = {"bars": bars, "known_at": pd.DatetimeIndex(bars.index + pd.Timedelta(hours=21))}
    exec(compile(code, str(PAGE), "exec"), names)
    if "patterns" in names:
        assert len(names["patterns"]) > 5
        assert len(names["swings"]) > 20
    else:
        assert names["report"].rows == len(names["labels"].frame) == len(names["weights"])


def test_the_label_file_of_the_page_has_the_name_it_says():
    import yaml

    (text,) = blocks("yaml")
    name = re.search(r"labels/(\w+)\n", text.replace(".yaml", "")).group(1)
    assert LabelSpec.parse(yaml.safe_load(text), where="page").name == name


def test_the_page_names_every_family_and_the_size_of_the_set():
    text = PAGE.read_text("utf-8")
    assert all(f"`{family}`" in text for family in FAMILIES)
    for kind in KINDS:
        prefix = kind.name.removesuffix("triangle")
        assert f"`{kind.name}`" in text or f"`{prefix}`" in text, kind.name
    assert f"has {len(feature_set('patterns').columns)} columns" in text
