"""docs/patterns-and-labels.md says what the code does."""

import re
from pathlib import Path

import trading_pipeline
from trading_pipeline.features.patterns.kinds import FAMILIES, KINDS
from trading_pipeline.features.sets.registry import feature_set
from trading_pipeline.settings.label_spec import LabelSpec

PAGE = Path(trading_pipeline.__file__).parents[1] / "docs" / "patterns-and-labels.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


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
