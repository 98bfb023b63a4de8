"""Blocks hold every line once and in order, wherever they are cut, and odd ones are read by
DuckDB."""

import itertools
import threading

import numpy as np
import pytest

from trading_pipeline.domain.dataset_shape import NumberFormat, TableShape, TimestampFormat
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.storage.user_files import plain_lines
from trading_pipeline.storage.user_files.csv_scan import open_scan
from trading_pipeline.storage.user_files.plain_lines import NotPlainError, PlainBlock, plain_blocks

ROLES = ("timestamp", "open", "high", "low", "close", "volume", "symbol")


def shape_of(width=6, **changes):
    return TableShape(
        encoding="utf-8",
        delimiter=changes.pop("delimiter", ","),
        header=False,
        skip_rows=0,
        header_rows=changes.pop("header_rows", 0),
        width=width,
        names=ROLES[:width],
        positions=changes.pop("positions", {role: (i,) for i, role in enumerate(ROLES[:width])}),
        timestamp=TimestampFormat(kind="epoch", unit="s"),
        **changes,
    )


def lines(n, tail=""):
    return [f"{1_700_000_040 + 60 * i},1.5,2,1,1.25,{i}{tail}" for i in range(n)]


@pytest.fixture
def blocks(tmp_path, monkeypatch):
    def read(text, shape=None, block_bytes=200):
        monkeypatch.setattr(plain_lines, "BLOCK_BYTES", block_bytes)
        path = tmp_path / "data.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with open_scan(path, shape or shape_of()) as scan:
            found = plain_blocks(scan)
            return [b if isinstance(b, PlainBlock) else list(b) for b in found]

    return read


def volumes(found):
    """The volumes of plain blocks and of those that DuckDB read."""
    parts = [
        [b.values[4]] if isinstance(b, PlainBlock) else [r.column("volume").to_numpy() for r in b]
        for b in found
    ]
    return np.concatenate([each for part in parts for each in part]).tolist()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_every_line_is_in_one_block_wherever_they_are_cut(blocks, end, last):
    text = end.join(lines(40)) + (end if last else "")
    for block_bytes in (1, 7, 37, 38, 39, 40, 200, 10_000):
        found = blocks(text, block_bytes=block_bytes)
        assert volumes(found) == list(range(40))
        assert all(isinstance(block, PlainBlock) for block in found)


def test_moments_and_values_are_those_of_the_lines(blocks):
    (block,) = blocks("\n".join(["a,b,c,d,e,f", *lines(3)]), shape_of(header_rows=1), 10_000)
    assert np.diff(block.moments).tolist() == [60_000_000] * 2
    assert block.values.T.tolist() == [[1.5, 2.0, 1.0, 1.25, float(i)] for i in range(3)]
    assert block.is_aware
    assert (block.codes, block.names) == (None, [])


def test_columns_in_another_order_and_none_for_the_volume(blocks):
    positions = {"timestamp": (4,), "close": (0,), "low": (1,), "high": (2,), "open": (3,)}
    (block,) = blocks("4;1;3;2;1700000040;x\n", shape_of(positions=positions, delimiter=";"))
    assert block.values[:4].T.tolist() == [[2.0, 3.0, 1.0, 4.0]]
    assert np.isnan(block.values[4]).all()


def test_decimal_commas(blocks):
    shape = shape_of(delimiter=";", numbers=NumberFormat(decimal=","))
    (block,) = blocks("1700000040;1,5;2;1;1,25;7\n", shape)
    assert block.values.T.tolist() == [[1.5, 2.0, 1.0, 1.25, 7.0]]


def test_symbols_have_numbers_of_their_block_and_no_spaces_around(blocks):
    text = "".join(
        f"{line},{name}\n" for line, name in zip(lines(4), ("B", "A", " B", ""), strict=True)
    )
    (block,) = blocks(text, shape_of(7), 10_000)
    assert [block.names[code] for code in block.codes] == ["B", "A", "B", ""]


@pytest.mark.parametrize(("block_bytes", "piece"), [(200, 16_384), (10_000, 100), (10_000, 1)])
def test_only_the_lines_around_an_odd_one_are_read_by_duckdb(
    blocks, monkeypatch, block_bytes, piece
):
    monkeypatch.setattr(plain_lines, "_PIECE_BYTES", piece)
    texts = lines(100)
    for at in (0, 50, 99):
        texts[at] = texts[at].replace(",2,", ",x,")
    found = blocks("\n".join(texts), block_bytes=block_bytes)
    odd = [sum(r.num_rows for r in block) for block in found if not isinstance(block, PlainBlock)]
    assert len(odd) == 3
    assert max(odd) <= 8
    assert volumes(found) == list(range(100))


def test_too_many_odd_lines_end_the_reading(blocks):
    texts = [
        line.replace(",2,", ",x,") if i % 10 == 0 else line for i, line in enumerate(lines(400))
    ]
    with pytest.raises(NotPlainError, match="odd"):
        blocks("\n".join(texts))


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("\n".join([*lines(20), "1700009999,1,2,1,1\r,5"]), shape_of()),
        ("\n".join([*lines(20), '1700009999,1,2,1,1,"5"']), shape_of()),
        ("\n".join([*lines(20, ",A"), "1700009999,1,2,1,1,5,\u00d6"]), shape_of(7)),
        ("\n".join([*lines(20, ",A"), "1700009999,1,2,1,1,5,\0"]), shape_of(7)),
        ("\r\n".join(lines(20)) + "\n" + lines(1)[0] + "\n", shape_of()),
        ("\r".join(lines(20)), shape_of()),
        ("a\rb,c\n" + "\n".join(lines(20)), shape_of(header_rows=1)),
        ("\n".join(lines(20)), shape_of(header_rows=30)),
        ("\n".join([*lines(20), "9" * 70_000, *lines(3)]), shape_of()),
        ("\n".join([*lines(20), "9" * 200_000]), shape_of()),
        ("\n".join(lines(20)), shape_of(quoted=True)),
        ("\n".join(lines(20)), shape_of(positions={"timestamp": (0,), "open": (1,), "high": (1,)})),
        ("\n".join(lines(20)), shape_of(positions={"open": (1,)})),
        ("\n".join(lines(20)), shape_of(delimiter=None)),
        ("x,y\n" + "\n".join(lines(20)), shape_of()),
    ],
    ids=["return", "quote", "letter", "nul", "mixed ends", "old ends", "header ends", "no data",
    "long line",
         "long last line", "quoted", "shared column", "no stamp", "parquet", "odd first line"],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_the_careful_way(blocks, text, shape):
    with pytest.raises(NotPlainError):
        blocks(text, shape)


def test_a_file_that_gets_shorter_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(plain_lines, "BLOCK_BYTES", 200)
    path = tmp_path / "data.csv"
    path.write_text("\n".join(lines(9000)))
    with open_scan(path, shape_of()) as scan:
        found = plain_blocks(scan)
        next(found)
        path.write_text("")
        with pytest.raises(NotPlainError, match="shorter"):
            list(found)


def test_a_file_that_can_no_longer_be_opened_is_a_typed_error_from_the_thread(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(plain_lines, "BLOCK_BYTES", 200)
    path = tmp_path / "data.csv"
    path.write_text("\n".join(lines(9000)))
    with open_scan(path, shape_of()) as scan:
        found = plain_blocks(scan)
        next(found)
        path.unlink()
        with pytest.raises(DatasetFormatError, match="No such file") as raised:
            list(found)
    assert not isinstance(raised.value, NotPlainError)


def test_closing_ends_the_threads_and_few_blocks_are_read_ahead(tmp_path, monkeypatch):
    monkeypatch.setattr(plain_lines, "BLOCK_BYTES", 200)
    path = tmp_path / "data.csv"
    path.write_text("\n".join(lines(20_000)))
    reads, fill = itertools.count(), plain_lines._fill
    monkeypatch.setattr(plain_lines, "_fill", lambda *each: next(reads) * 0 + fill(*each))
    with open_scan(path, shape_of()) as scan:
        found = plain_blocks(scan)
        next(found)
        found.close()
    assert next(reads) <= 5
    assert not [t for t in threading.enumerate() if t.name.startswith("plain-lines")]
