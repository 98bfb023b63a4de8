"""Tests of edits of a list in a YAML text."""

from __future__ import annotations

import pytest
import yaml

from trading_pipeline.settings.yaml_list_edits import with_item, without_item


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "a:\n  - x\n"),
        ("# only a remark\n", "# only a remark\na:\n  - x\n"),
        ("b: 1", "b: 1\na:\n  - x\n"),
        ("a:\n- y\n", "a:\n- y\n- x\n"),
        ("a:\n    - y  # why\nb: 1\n", "a:\n    - y  # why\n    - x\nb: 1\n"),
        ("a: [y]  # why\nb: 1\n", "a: [y, x]  # why\nb: 1\n"),
        (
            "a:\n  - k: y\n    l: 2\n\n# of b\nb: 1\n",
            "a:\n  - k: y\n    l: 2\n  - x\n\n# of b\nb: 1\n",
        ),
        ("a:\n  - y", "a:\n  - y\n  - x\n"),
    ],
)
def test_an_item_is_put_at_the_end_and_nothing_else_changes(text, after):
    assert with_item(text, "a", "x") == after


@pytest.mark.parametrize("text", ["a: 1\n", "a: []\n", "a:\n", "{a: [y]}\n", "- y\n", "a: [\n"])
def test_what_cannot_be_edited_is_left_to_the_caller(text):
    assert with_item(text, "a", "x") is None


@pytest.mark.parametrize(
    ("text", "position", "after"),
    [
        ("a:\n  - x\n  - y # why\n  - z\nb: 1\n", 1, "a:\n  - x\n  - z\nb: 1\n"),
        ("a:\n  - k: x\n    l: 2\n  - k: y\n# end\n", 0, "a:\n  - k: y\n# end\n"),
        ("b: 1\na:\n  - x\n# end\n", 0, "b: 1\n# end\n"),
        ("a: [x]\nb: 1\n", 0, "b: 1\n"),
    ],
)
def test_an_item_goes_with_its_lines_and_a_list_with_its_last_item(text, position, after):
    assert without_item(text, "a", position) == after


@pytest.mark.parametrize(
    ("text", "position"), [("a: [x, y]\n", 0), ("a:\n  - x\n", 3), ("b: 1\n", 0)]
)
def test_what_cannot_be_taken_out_is_left_to_the_caller(text, position):
    assert without_item(text, "a", position) is None


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "BTC/USDT",
        "yes",
        "1d",
        "2010-01-01",
        "a: b",
        "é",
        "#x",
        {"k": "v", "n": 1.5, "t": True},
    ],
)
def test_every_value_is_read_back_as_it_was(value):
    text = with_item("", "a", value)
    assert text is not None
    assert yaml.safe_load(text) == {"a": [value]}
