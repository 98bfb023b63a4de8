"""Tests of hashes: equal for equal meaning, different for any difference, for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import hypothesis.extra.numpy as npst
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.domain.hashing import (
    canonical_hash,
    canonical_row_hashes,
    file_hash,
    frame_hash,
    short_hash,
)
from trading_pipeline.domain.timeframe import Timeframe

NOON = datetime(2012, 7, 1, 12, tzinfo=UTC)
SAMPLE = {
    "name": "sma",
    "fast": 5,
    "slow": 20.5,
    "on": True,
    "none": None,
    "day": date(2012, 1, 1),
    "list": [1, "two", NOON],
}
# written down once: a change of the hash would orphan every stored artifact and result
SAMPLE_HASH = "d38fe909cb99f26aed1f51c31bed4dfa2f4802c29b7518ecfa2739310fb91973"
FRAME_HASH = "d8926e38dc846c78025e7d099e32b9da86d574fa5f01a5a6c46efef59382fe12"

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def sample_frame() -> pd.DataFrame:
    index = pd.date_range("2012-01-01", periods=4, tz="UTC", name="ts", unit="us")
    return pd.DataFrame(
        {
            "close": [1.0, -0.0, np.nan, 4.0],
            "n": np.array([1, 2, 3, 4], dtype="int64"),
            "on": [True, False, True, True],
            "t1": pd.DatetimeIndex([*index[1:], pd.NaT]),
            "name": ["a", None, "c", ""],
        },
        index=index,
    )


class TestStability:
    def test_hashes_are_the_ones_that_were_written_down(self):
        assert canonical_hash(SAMPLE) == SAMPLE_HASH
        assert frame_hash(sample_frame()) == FRAME_HASH

    def test_another_process_with_another_seed_gives_the_same(self):
        code = (
            "from datetime import *; from trading_pipeline.domain.hashing import canonical_hash\n"
            "print(canonical_hash({'list': [1, 'two', datetime(2012, 7, 1, 12, tzinfo=UTC)],"
            "'day': date(2012, 1, 1), 'none': None, 'on': True, 'slow': 20.5, 'fast': 5,"
            "'name': 'sma', 'set': {'x', 'y', 'z'}}))"
        )
        root = str(Path(__file__).parents[2])
        out = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": "77"},
        )
        assert out.stdout.strip() == canonical_hash({**SAMPLE, "set": {"z", "y", "x"}})

    def test_twelve_digits_are_shown(self):
        assert short_hash(SAMPLE) == SAMPLE_HASH[:12]


class TestEqualMeaning:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (0.0, -0.0),
            (float("nan"), -float("nan")),
            (float("nan"), np.float32("nan")),
            (1, np.int8(1)),
            (0.5, np.float32(0.5)),
            (True, np.bool_(True)),
            ("1h", Timeframe.H1),
            ([1, 2], (1, 2)),
            ({3, 1, 2}, [1, 2, 3]),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
            ({1: "x"}, {"1": "x"}),
            (NOON, pd.Timestamp(NOON)),
            (NOON, NOON.astimezone(ZoneInfo("America/New_York"))),
            (NOON, NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))),
            (pd.Timestamp(NOON).as_unit("ns"), pd.Timestamp(NOON).as_unit("s")),
            (np.array([0.0]), np.array([-0.0])),
            (np.array(["a", "bb"]), np.array(["a", "bb"], dtype="U9")),
            (np.array(["a"]), np.array(["a"], dtype=object)),
            (np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]], order="F")),
            (np.array([1.5]), np.array([1.5], dtype=">f8")),
            (np.array([1, 2, 3, 4])[::2], np.array([1, 3])),
            (
                np.array(["2012-01-01"], dtype="M8[D]"),
                np.array(["2012-01-01"], dtype="M8[ns]"),
            ),
        ],
    )
    def test_is_one_hash(self, one, other):
        assert canonical_hash(one) == canonical_hash(other)

    @given(plain)
    def test_any_value_has_one_hash(self, value):
        assert canonical_hash(value) == canonical_hash(value)
        assert len(canonical_hash(value)) == 64

    @given(st.dictionaries(st.text(max_size=3), st.integers()))
    def test_order_of_keys_does_not_count(self, value):
        assert canonical_hash(value) == canonical_hash(dict(reversed(value.items())))


class TestDifferentMeaning:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (1, 1.0),
            (1, True),
            (0, False),
            (0, None),
            ("", None),
            ("1", 1),
            ("ab", ["a", "b"]),
            (["ab", "c"], ["a", "bc"]),
            ([1, 23], [12, 3]),
            ([[1], 2], [[1, 2]]),
            ([], [[]]),
            ({}, []),
            ([1, 2], [2, 1]),
            ({"a": {"b": 1}}, {"a": {}, "b": 1}),
            (1.0, np.nextafter(1.0, 2.0)),
            (float("inf"), float("-inf")),
            (date(2012, 1, 1), datetime(2012, 1, 1, tzinfo=UTC)),
            (date(2012, 1, 1), "2012-01-01"),
            (NOON, NOON + timedelta(microseconds=1)),
            (np.array([1, 2]), np.array([[1, 2]])),
            (np.array([1]), np.array([1.0])),
            (np.array([1], "i4"), np.array([1], "i8")),
            (np.array([1]), [1]),
        ],
    )
    def test_is_another_hash(self, one, other):
        assert canonical_hash(one) != canonical_hash(other)

    @given(plain, plain)
    def test_unequal_values_have_unequal_hashes(self, one, other):
        if canonical_hash(one) == canonical_hash(other):
            assert repr(one).replace("-0.0", "0.0") == repr(other).replace("-0.0", "0.0") or (
                one == other
            )

    @given(npst.arrays("float64", npst.array_shapes(max_dims=2), elements=st.floats(width=64)))
    def test_equal_arrays_and_only_they_are_one_hash(self, array):
        assert canonical_hash(array) == canonical_hash(array.copy())
        changed = array.copy()
        changed.flat[0] = 1.0 if changed.flat[0] != 1.0 else 2.0
        assert canonical_hash(changed) != canonical_hash(array)


class TestRefusals:
    @pytest.mark.parametrize(
        "value",
        [
            object(),
            b"bytes",
            bytearray(b"x"),
            Decimal(1),
            1j,
            timedelta(1),
            datetime(2012, 1, 1),
            pd.NaT,
            {"deep": [object()]},
            pd.DataFrame(),
        ],
    )
    def test_what_has_no_canonical_bytes_is_a_type_error(self, value):
        with pytest.raises(TypeError):
            canonical_hash(value)


class TestFrames:
    def test_equal_frames_are_one_hash_whatever_zone_unit_and_layout(self, make_bars):
        bars = make_bars(50)
        same = [
            bars.copy(),
            bars.set_axis(bars.index.as_unit("ns"), axis=0),
            bars.tz_convert("Asia/Tokyo"),
            pd.DataFrame({name: bars[name].to_numpy().copy() for name in bars}, index=bars.index),
            bars.rename_axis("time"),
        ]
        assert {frame_hash(frame) for frame in same} == {frame_hash(bars)}

    @given(st.integers(0, 9), st.integers(0, 4))
    def test_the_last_bit_of_any_cell_counts(self, row, column):
        frame = pd.DataFrame(
            np.arange(50.0).reshape(10, 5) + 1.0,
            index=pd.date_range("2012-01-01", periods=10, tz="UTC"),
        )
        changed = frame.copy()
        changed.iloc[row, column] = np.nextafter(changed.iloc[row, column], np.inf)
        assert frame_hash(changed) != frame_hash(frame)

    def test_every_other_difference_counts(self):
        frame = sample_frame()
        index = frame.index
        others = [
            frame.iloc[::-1],
            frame.iloc[:-1],
            frame.rename(columns={"close": "Close"}),
            frame[["n", "close", "on", "t1", "name"]],
            frame.set_axis(index + pd.Timedelta(microseconds=1), axis=0),
            frame.astype({"n": "float64"}),
            frame.astype({"n": "int32"}),
            frame.astype({"on": "int64"}),
            frame.assign(close=[1.0, 0.0, 0.0, 4.0]),
            frame.assign(name=["a", "", "c", ""]),
            frame.assign(name=["a", "None", "c", ""]),
            frame.assign(t1=index),
            frame.set_axis(index.asi8, axis=0),
            frame.assign(n=pd.DatetimeIndex(frame["n"].to_numpy(), tz="UTC").as_unit("us")),
            frame.iloc[:0],
            frame.assign(extra=1.0),
        ]
        hashes = [frame_hash(other) for other in [frame, *others]]
        assert len(set(hashes)) == len(hashes)

    def test_minus_zero_and_kinds_of_missing_are_one(self):
        frame = sample_frame()
        assert frame_hash(frame) == frame_hash(frame.assign(close=[1.0, 0.0, np.nan, 4.0]))
        text = frame.assign(name=pd.Series(["a", np.nan, "c", ""], index=frame.index, dtype=object))
        assert frame_hash(frame) == frame_hash(text)
        category = frame.assign(name=frame["name"].astype("category"))
        assert frame_hash(frame) == frame_hash(category)

    def test_columns_of_the_same_name_all_count(self):
        one = pd.DataFrame([[1.0, 2.0]], columns=["x", "x"])
        other = pd.DataFrame([[1.0, 3.0]], columns=["x", "x"])
        assert frame_hash(one) != frame_hash(other)

    def test_empty_frames_of_other_types_differ(self):
        one = pd.DataFrame({"x": pd.Series(dtype="float64")})
        other = pd.DataFrame({"x": pd.Series(dtype="int64")})
        assert frame_hash(one) != frame_hash(other)


class TestFiles:
    def test_hash_is_sha256_of_the_bytes(self, tmp_path):
        path = tmp_path / "f"
        path.write_bytes(b"abc")
        # FIPS 180-4, the example of one block
        expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert file_hash(path) == expected
        path.write_bytes(b"abc" * 10**6)
        assert file_hash(path) != expected


@given(st.lists(st.tuples(plain, plain), max_size=6), st.lists(st.sampled_from("abc"), min_size=2))
def test_rows_of_columns_hash_as_their_mappings(rows, names):
    first, second = names[:2]
    columns = {first: [row[0] for row in rows], second: [row[1] for row in rows]}
    wanted = [
        canonical_hash({name: column[at] for name, column in columns.items()})
        for at in range(len(rows))
    ]
    assert canonical_row_hashes(columns) == wanted


def test_equal_values_of_other_types_keep_their_own_hash_in_a_column():
    values = [1, 1.0, True, -0.0, 0.0, float("nan"), float("nan"), "1", None, Timeframe.D1]
    assert canonical_row_hashes({"x": values}) == [canonical_hash({"x": each}) for each in values]
