"""Tests of reading YAML and JSON: every wrong file is named, with its line."""

from __future__ import annotations

import json
from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.yaml_files import list_spec_files, read_yaml


def read(tmp_path, text: str | bytes, name: str = "spec.yaml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


class TestValues:
    def test_plain_values_of_yaml(self, tmp_path):
        text = "name: a\nn: 3\nx: 0.5\nday: 2012-02-29\nlist: [1, two]\nnone: null\n"
        assert read(tmp_path, text) == {
            "name": "a",
            "n": 3,
            "x": 0.5,
            "day": date(2012, 2, 29),
            "list": [1, "two"],
            "none": None,
        }

    @pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "\ufeff"])
    @pytest.mark.parametrize("name", ["spec.yaml", "spec.yml"])
    def test_an_empty_file_has_no_keys(self, tmp_path, text, name):
        assert read(tmp_path, text, name) == {}

    def test_an_empty_json_file_has_no_keys(self, tmp_path):
        assert read(tmp_path, " \n", "spec.json") == {}

    @pytest.mark.parametrize("word", ["1e-3", "1E-3", "1.0e-3", "+1e-3", "10e-4"])
    def test_a_number_with_an_exponent_is_a_number(self, tmp_path, word):
        assert read(tmp_path, f"x: {word}") == {"x": 0.001}

    @pytest.mark.parametrize("word", ["e-3", "1e", "v1e3", "1e3x", "'1e3'", "7f3a"])
    def test_a_word_that_looks_like_one_stays_a_word(self, tmp_path, word):
        assert read(tmp_path, f"x: {word}") == {"x": word.strip("'")}

    def test_anchors_and_merges_work(self, tmp_path):
        text = "base: &b {a: 1, b: 2}\nother:\n  <<: *b\n  b: 3\n"
        assert read(tmp_path, text)["other"] == {"a": 1, "b": 3}

    def test_a_byte_order_mark_is_no_part_of_the_first_key(self, tmp_path):
        assert read(tmp_path, "\ufeffname: a") == {"name": "a"}
        assert read(tmp_path, '\ufeff{"name": "a"}', "spec.json") == {"name": "a"}

    def test_letters_of_all_languages_are_read(self, tmp_path):
        assert read(tmp_path, "name: Zürich 東京") == {"name": "Zürich 東京"}

    def test_json_with_tabs_is_json(self, tmp_path):
        text = '{\n\t"name": "a",\n\t"list": [1,\t2.5e3, null, true]\n}'
        assert read(tmp_path, text, "spec.json") == {"name": "a", "list": [1, 2500.0, None, True]}

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**40), 2**40)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_", min_size=1), inner)
            ),
            max_leaves=8,
        )
    )
    def test_what_json_writes_is_read_back(self, tmp_path_factory, value):
        path = tmp_path_factory.mktemp("json") / "spec.json"
        path.write_text(json.dumps({"value": value}))
        assert read_yaml(path) == {"value": value}

    @given(st.dictionaries(st.text("abcdef_", min_size=1), st.floats(-1e9, 1e9) | st.booleans()))
    def test_what_yaml_writes_is_read_back(self, tmp_path_factory, value):
        path = tmp_path_factory.mktemp("yaml") / "spec.yaml"
        path.write_text(yaml.safe_dump(value))
        assert read_yaml(path) == value


class TestWrongFiles:
    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("a.yaml", "x: 1\ny: 2\nx: 3\n", r"'x' is given twice \(line 3\); keep one"),
            ("a.yaml", "s:\n  fast: 1\n  fast: 2\n", r"'fast' is given twice \(line 3\)"),
            ("a.yaml", "l:\n- {a: 1, a: 2}\n", r"'a' is given twice \(line 2\)"),
            ("a.yaml", "x: [1, 2\ny: 3\n", r"not valid YAML: .*line 2"),
            ("a.yaml", "x: 'open\n", r"not valid YAML: .*line"),
            ("a.yaml", "a: b: c\n", r"not valid YAML: .*line 1"),
            ("a.yaml", "x:\n\t- 1\n", r"not valid YAML: .*line 2"),
            ("a.yaml", "a: 1\n---\nb: 2\n", r"not valid YAML: .*document"),
            ("a.yaml", "x: !!python/object/apply:os.system ['ls']\n", r"not valid YAML"),
            ("a.yaml", "x: *nowhere\n", r"not valid YAML: .*nowhere"),
            ("a.yaml", "x: \x07\n", r"not valid YAML"),
            ("a.yaml", "x: 1\nstart: 2012-13-45\n", r"'2012-13-45' is no date: .*line 2"),
            ("a.yaml", "? [1, 2]\n: x\n", r"a key must be a plain word.*line 1"),
            ("a.yaml", "? {a: 1}\n: x\n", r"a key must be a plain word.*line 1"),
            ("a.json", '{"x": 1, "x": 2}', "'x' is given twice"),
            ("a.json", '{"s": {"fast": 1, "fast": 2}}', "'fast' is given twice"),
            ("a.json", '{\n"x": 1,\n}', r"not valid JSON: .*line [23]"),
            ("a.json", "name: yaml", r"not valid JSON: .*line 1"),
            ("a.yaml", b"name: Z\xfcrich\n", "cannot be read as text"),
            ("a.json", b'{"name": "Z\xfcrich"}', "cannot be read as text"),
            ("a.yaml", "n: a".encode("utf-16"), "cannot be read as text"),
        ],
    )
    def test_is_named_with_what_is_wrong_and_where(self, tmp_path, name, text, words):
        with pytest.raises(ConfigurationError, match=words) as caught:
            read(tmp_path, text, name)
        assert str(caught.value).startswith(str(tmp_path / name))
        assert caught.value.path == str(tmp_path / name)

    def test_a_missing_file_or_a_folder_is_named(self, tmp_path):
        with pytest.raises(ConfigurationError, match=r"There is no file .*none\.yaml"):
            read_yaml(tmp_path / "none.yaml")
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_yaml(tmp_path)


class TestLists:
    def test_files_of_a_folder_come_by_name_and_others_are_left_out(self, tmp_path):
        for name in ("b.yaml", "a.yml", "c.json", "notes.txt", "d.yaml.bak"):
            (tmp_path / name).touch()
        (tmp_path / "folder.yaml").mkdir()
        assert [p.name for p in list_spec_files(tmp_path)] == ["a.yml", "b.yaml", "c.json"]

    def test_a_file_in_place_of_the_folder_is_told(self, tmp_path):
        (tmp_path / "scenarios").write_text("x")
        with pytest.raises(ConfigurationError, match=r"scenarios must be a folder.*Move it away"):
            list_spec_files(tmp_path / "scenarios")

    def test_no_folder_is_no_file(self, tmp_path):
        assert list_spec_files(tmp_path / "none") == []
