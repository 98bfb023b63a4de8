"""Bytes tell text from what is none, and every encoding of the ladder from the others."""

import codecs

import pytest

from trading_pipeline.datasets.reading.encodings import examine_bytes, head_text, transcode
from trading_pipeline.errors import DatasetFormatError

TEXT = "Date;Größe\n2024-01-02;1\n"


@pytest.fixture
def write(tmp_path):
    def written(content):
        path = tmp_path / "data.csv"
        path.write_bytes(content)
        return path

    return written


@pytest.mark.parametrize(
    ("content", "encoding", "bom"),
    [
        (TEXT.encode(), "utf-8", False),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8", True),
        (TEXT.encode("cp1252"), "cp1252", False),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16-le", True),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16-be", True),
        (TEXT.encode("utf-16-le"), "utf-16-le", False),
        (TEXT.encode("utf-16-be"), "utf-16-be", False),
        (codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"), "utf-32-le", True),
    ],
)
def test_every_encoding_is_found_and_becomes_the_same_text(write, tmp_path, content, encoding, bom):
    path = write(content)
    found = examine_bytes(path)
    assert (found.kind, found.encoding, found.bom) == ("text", encoding, bom)
    assert head_text(path, encoding) == [*TEXT.splitlines(), ""]
    copy = tmp_path / "copy.csv"
    transcode(path, copy, encoding)
    assert copy.read_bytes() == TEXT.encode()
    assert found.needs_transcoding == (encoding != "utf-8")


def test_an_odd_byte_after_a_megabyte_is_seen(write):
    assert examine_bytes(write(b"1,2\n" * 400_000 + b"\xe9\n")).encoding == "cp1252"
    assert examine_bytes(write(b"1,2\n" * 400_000 + b"\x00\n")).kind == "binary"


def test_a_letter_cut_by_the_end_of_a_block_is_no_fault(write):
    content = b"x" * ((1 << 20) - 1) + "é\n".encode() + b"y" * 100
    assert examine_bytes(write(content)).encoding == "utf-8"
    assert examine_bytes(write(b"abc\xc3")).encoding == "cp1252"


def test_a_limit_reads_no_further(write):
    path = write(b"1,2\n" * 1000 + b"\x00")
    assert examine_bytes(path, limit=1000).kind == "text"
    assert examine_bytes(path).kind == "binary"


def test_line_ends_of_old_are_made_new(write, tmp_path):
    path = write(b"a,b\r1,2\r")
    found = examine_bytes(path)
    assert found.old_lines
    assert found.needs_transcoding
    transcode(path, tmp_path / "copy.csv", "utf-8")
    assert (tmp_path / "copy.csv").read_bytes() == b"a,b\n1,2\n"


def test_quotes_are_noticed_anywhere(write):
    assert not examine_bytes(write(b"1,2\n" * 300_000)).quoted
    assert examine_bytes(write(b"1,2\n" * 300_000 + b'"3",4\n')).quoted


def test_the_head_leaves_out_a_line_that_it_cuts(write):
    path = write(b"first line\nsecond line\nthird")
    assert head_text(path, "utf-8", 15) == ["first line"]
    assert head_text(path, "utf-8") == ["first line", "second line", "third"]


@pytest.mark.parametrize("name", ["none.csv", "."])
def test_what_is_no_file_is_a_typed_error(tmp_path, name):
    with pytest.raises(DatasetFormatError):
        examine_bytes(tmp_path / name)
