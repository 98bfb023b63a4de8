"""docs/glossary.md shows the labels of the reports, word for word."""

import importlib.util
from pathlib import Path

from trading_pipeline.performance import METRIC_NAMES

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "glossary.md").read_text("utf-8")


def glossary_tables() -> str:
    spec = importlib.util.spec_from_file_location("tool", ROOT / "tools" / "build_glossary.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool.glossary_tables()


def test_its_tables_are_those_of_the_labels():
    assert glossary_tables() in PAGE, "run: uv run python tools/build_glossary.py"


def test_it_explains_every_metric():
    assert [name for name in METRIC_NAMES if f"| `{name}` |" not in PAGE] == []
