"""The pieces of a page: escaping, sorting, embedding."""

from __future__ import annotations

import json
import math

import pytest

from trading_pipeline.reporting.page.layout import (
    Cell,
    Column,
    embedded_json,
    facts,
    html_table,
    page,
    static_text,
)

EVIL = """</td><script>alert("1 & 2")</script>'"""
SAFE = "&lt;/td&gt;&lt;script&gt;alert(&quot;1 &amp; 2&quot;)&lt;/script&gt;&#x27;"


def test_every_text_of_a_table_is_escaped():
    text = html_table(
        [Column(EVIL, EVIL, EVIL, EVIL)],
        [[Cell(EVIL, EVIL, EVIL, EVIL, EVIL)], EVIL],
        table_id=EVIL,
    )
    assert "<script" not in text
    assert text.count(SAFE) == 11


def test_facts_are_escaped_and_set_as_code_where_asked():
    assert facts([(EVIL, EVIL)]).count(SAFE) == 2
    assert "<code>abc</code>" in facts([("hash", "abc")], code=True)
    assert "<code>" not in facts([("name", "abc")])


def test_title_is_escaped_and_scripts_are_kept_in_order():
    text = page(EVIL, "<p>body</p>", ["first();", "second();"])
    assert f"<title>{SAFE}</title>" in text
    assert text.index("first();") < text.index("second();")
    assert text.startswith("<!DOCTYPE html>")


def test_policy_forbids_every_request():
    text = page("t", "", [])
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")


def test_group_rows_span_the_table():
    text = html_table([Column("a"), Column("b")], ["Group", [Cell("1"), Cell("2")]])
    assert '<td colspan="2">Group</td>' in text
    assert text.count("<tr") == 3


def test_embedded_data_cannot_end_its_element_and_is_read_back():
    value = {"b": ["</script><!--", 1.5, None], "a": "x & y"}
    text = embedded_json("data", value)
    inner = text.removeprefix('<script type="application/json" id="data">').removesuffix(
        "</script>"
    )
    assert "<" not in inner
    assert json.loads(inner) == value
    assert inner.index('"a"') < inner.index('"b"')


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_json_lacks_are_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        embedded_json("data", [value])


@pytest.mark.parametrize(
    "name",
    [
        "page/static/page.css",
        "page/static/theme.js",
        "tearsheet/static/tearsheet.js",
        "leaderboard/static/leaderboard.js",
        "leaderboard/static/leaderboard.css",
        "leaderboard/static/chart.js",
    ],
)
def test_static_files_are_shipped_and_load_nothing(name):
    text = static_text(name)
    assert len(text) > 300
    for word in ("http:", "https:", "import(", "fetch(", "XMLHttpRequest", "@import", "url("):
        assert word not in text
