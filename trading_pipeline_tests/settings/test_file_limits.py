"""Hostile files of settings: each is refused in one paragraph, before anything of it is built."""

from __future__ import annotations

import tracemalloc

import pytest
import yaml

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings import bounded_yaml, file_limits
from trading_pipeline.settings.file_limits import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NUMBER_CHARACTERS,
    cut,
    shown,
)
from trading_pipeline.settings.spec_model import SpecModel
from trading_pipeline.settings.universe import UniverseFile
from trading_pipeline.settings.yaml_files import read_yaml

_LEVELS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
ALIAS_BOMB = f"a0: &a0 [x, x]\n{_LEVELS}"
_MERGES = "".join(f"b{n}: &b{n} {{<<: [{', '.join([f'*b{n - 1}'] * 10)}]}}\n" for n in range(1, 12))
MERGE_CHAIN = f"b0: &b0 {{x: 1}}\n{_MERGES}"
LONG_MERGE_CHAIN = "c0: &c0 {x: 1}\n" + "".join(
    f"c{n}: &c{n} {{<<: *c{n - 1}, k{n}: 1}}\n" for n in range(1, 1000)
)


def refusal(tmp_path, text: str | bytes, name: str = "spec.yaml") -> ConfigurationError:
    """The error of a file; it names the file and is one paragraph of readable length."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(path)
    told = str(caught.value)
    assert told.startswith(str(path))
    assert told.isprintable()
    assert len(told) < len(str(path)) + 500
    assert caught.value.path == str(path)
    return caught.value


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        (ALIAS_BOMB, "more than 500,000 keys and values", 7),
        (MERGE_CHAIN, "more than 500,000 keys and values", 7),
        (LONG_MERGE_CHAIN, "more than 500,000 keys and values", 500),
        ("x: &x [*x]\n", r"'\*x' stands inside the value", 1),
        ("x: &x\n  <<: *x\n", r"'\*x' stands inside the value", 2),
        ("x: &x {a: [1, {b: *x}]}\n", r"'\*x' stands inside the value", 1),
        ("x: 1\ny: " + "[" * 33 + "]" * 33, "more than 32 lists or mappings", 2),
        ("- " * 40 + "x", "more than 32 lists or mappings", 1),
        ("x: " + "{a: " * 40 + "1" + "}" * 40, "more than 32 lists or mappings", 1),
        ("? " * 40 + "x", "more than 32 lists or mappings", 1),
        ("x: 1\ny: " + "9" * 5000, "has 5,000 characters, at most 100", 2),
        ("x: 0x" + "f" * 5000, "has 5,002 characters", 1),
        ("x: 0b" + "1" * 5000, "has 5,002 characters", 1),
        ("x: 1" + ":59" * 2000, "has 6,001 characters", 1),
        ("x: 1." + "0" * 5000, "has 5,002 characters", 1),
        ("9" * 5000 + ": x", "has 5,000 characters", 1),
        ("x: 9223372036854775808", "beyond 9223372036854775807", 1),
        ("x: -0xffffffffffffffff", "beyond 9223372036854775807", 1),
        ("x: .inf", "'.inf' is not a finite number", 1),
        ("x:\n- .nan", "'.nan' is not a finite number", 2),
        ("x: 1e999", "'1e999' is not a finite number", 1),
        ("x: 1\ny: !!int abc", "the tag 'tag:yaml.org,2002:int' is not read", 2),
        ("x: !!float y", "the tag .*float' is not read", 1),
        ("x: !!binary eA==", "the tag .*binary' is not read", 1),
        ("!!set {a, b}", "the tag .*set' is not read", 1),
        ("x: !!python/object/apply:os.system ['ls']", "the tag .* is not read", 1),
        ("x: !mine {a: 1}", "the tag '!mine' is not read", 1),
        ("x: ! y", "the tag '!' is not read", 1),
        ("x: 0b_", "'0b_' is no number", 1),
        ("x: 0x_", "'0x_' is no number", 1),
        ("x: 2012-13-45", "'2012-13-45' is no date", 1),
        ("x: 2012-01-01 00:00:00 +99:00", "is no date", 1),
        ("x: 1\ny: =", "'=' has a meaning of its own", 2),
        ("x: [<<]", "'<<' has a meaning of its own", 1),
        ('x: "\\0"', r"holds the character U\+0000", 1),
        ('x: "\\e[31m"', r"holds the character U\+001B", 1),
        ('x: "\\ud800"', "invalid Unicode character escape", None),
        ('x: "\\U00110000"', "not valid YAML", None),
        ("%YAML " + "9" * 5000 + ".1\n--- x", "not valid YAML", None),
        ("x: " + "y" * 10_001, "has 10,001 characters, at most 10,000", 1),
    ],
    ids=range(40),
)
def test_hostile_yaml_is_refused_with_its_line(tmp_path, text, words, line):
    error = refusal(tmp_path, text)
    with pytest.raises(ConfigurationError, match=words):
        raise error
    if line is not None:
        assert error.line == line
        assert f"(line {line})" in str(error)


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ('{"x":\n' + "[" * 100_000, "more than 32 lists or mappings", 2),
        ('{"x": ' * 100_000, "more than 32 lists or mappings", 1),
        ('{"x": 1,\n"y": ' + "9" * 5000 + "}", "has 5,000 characters, at most 100", 2),
        ('{"x": 1e999}', "'1e999' is not a finite number", 1),
        ('{"x": NaN}', "'NaN' is not a finite number", 1),
        ('{"x":\n-Infinity}', "'-Infinity' is not a finite number", 2),
        ('{"x": 9223372036854775808}', "beyond 9223372036854775807", 1),
        ('{"x": 1,\n"x": 2}', "'x' is given twice", 2),
        ('{"s": [{"x": 1}, {"x": 1, "\\u0078": 2}]}', "'x' is given twice", 1),
        ("[" + "1," * 600_000 + "1]", "more than 500,000 keys and values", 1),
        ('{"x": "\\u0000"}', r"holds the character U\+0000", None),
        ('{"x": {"\\ud800": 1}}', r"holds the character U\+D800", None),
        ('{"x": "' + '\\"' * 200_000, "not valid JSON", 1),
        ('{"x": "' + "y" * 10_001 + '"}', "has 10,001 characters", None),
    ],
    ids=range(14),
)
def test_hostile_json_is_refused_with_its_line(tmp_path, text, words, line):
    error = refusal(tmp_path, text, "spec.json")
    with pytest.raises(ConfigurationError, match=words):
        raise error
    if line is not None:
        assert error.line == line


@pytest.mark.parametrize("name", ["spec.yaml", "spec.json"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x: \x00", r"holds the character U\+0000.*line 1"),
        (b"x: 1\ny: \x1b[31m", r"holds the character U\+001B.*line 2"),
        ("x: 1".encode("utf-16"), "saved as UTF-16. Save it as UTF-8"),
        ("x: 1".encode("utf-16-be"), r"U\+0000"),
        ("\ufeffx: 1".encode("utf-32-be"), "saved as UTF-32"),
        (b"x: 1\ny: \xff", "byte 0xff is not UTF-8 .line 2"),
        (b"x" * (MAX_BYTES + 1), "larger than 5,000,000 bytes"),
    ],
)
def test_what_is_no_text_is_refused_with_what_to_do(tmp_path, name, content, words):
    with pytest.raises(ConfigurationError, match=words):
        raise refusal(tmp_path, content, name)


def test_a_file_of_700_000_keys_is_refused_without_being_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(yaml, "load", lambda *_, **__: pytest.fail("it was parsed"))
    text = "".join(f"k{number}: 1\n" for number in range(700_000))
    assert "larger than 5,000,000 bytes" in str(refusal(tmp_path, text))


@pytest.mark.parametrize("text", [ALIAS_BOMB, MERGE_CHAIN, "a,\n" * 600], ids=range(3))
def test_nothing_is_built_of_a_file_that_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setattr(file_limits, "MAX_NODES", 500)
    monkeypatch.setattr(
        bounded_yaml.BoundedLoader,
        "construct_document",
        lambda *_: pytest.fail("values were built"),
    )
    text = text if text.startswith(("a0", "b0")) else f"[{text}]"
    refusal(tmp_path, text)


def test_reading_stops_at_the_first_node_too_many(tmp_path, monkeypatch):
    counted = []
    compose = bounded_yaml.BoundedLoader.compose_node

    def count(self, parent, index):
        counted.append(index)
        return compose(self, parent, index)

    monkeypatch.setattr(bounded_yaml.BoundedLoader, "compose_node", count)
    refusal(tmp_path, ALIAS_BOMB)
    assert len(counted) < 200
    counted.clear()
    monkeypatch.setattr(file_limits, "MAX_NODES", 500)
    refusal(tmp_path, "[" + "x, " * 200_000 + "]")
    assert len(counted) == 501


def test_a_refused_alias_bomb_takes_little_memory(tmp_path):
    tracemalloc.start()
    try:
        refusal(tmp_path, ALIAS_BOMB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_what_is_just_within_the_limits_is_read(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text("x: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    assert str(read_yaml(path)["x"]).count("[") == MAX_DEPTH - 1
    path.write_text(f"x: 0.{'3' * (MAX_NUMBER_CHARACTERS - 2)}\ny: {2**63 - 1}\nz: -{2**63 - 1}")
    assert read_yaml(path) == {"x": 1 / 3, "y": 2**63 - 1, "z": -(2**63 - 1)}
    path.write_text("base: &b {a: 1}\nmore: [*b, *b, {<<: *b, a: 2}]\n")
    assert read_yaml(path)["more"] == [{"a": 1}, {"a": 1}, {"a": 2}]
    path.write_text("x: '" + "9" * 5000 + "'")
    assert len(read_yaml(path)["x"]) == 5000


class TestErrorsStayReadable:
    def test_a_long_value_is_cut(self):
        with pytest.raises(ConfigurationError) as caught:
            UniverseFile.parse({"start": "9" * 9000}, where="a test")
        assert len(str(caught.value)) < 400

    def test_a_whole_file_of_another_kind_is_cut(self):
        with pytest.raises(ConfigurationError) as caught:
            SpecModel.parse(["x"] * 9000, where="a test")
        assert len(str(caught.value)) < 400

    def test_of_many_wrong_keys_the_first_are_told_and_the_rest_counted(self):
        data = {f"k{number}": 1 for number in range(500)}
        with pytest.raises(ConfigurationError, match="And 490 more of the kind") as caught:
            UniverseFile.parse(data, where="a test")
        assert str(caught.value).count("Unknown key") == 10

    def test_a_key_of_several_lines_stays_on_one(self):
        with pytest.raises(ConfigurationError) as caught:
            UniverseFile.parse({"a\nb": 1}, where="a test")
        assert str(caught.value).isprintable()

    def test_values_are_shown_on_one_line(self):
        assert shown("a\nb") == r"'a\nb'"
        assert cut("x" * 500) == "x" * 80 + "..."
        assert cut("東京\x1b") == "東京\\x1b"
