"""The picture and the table that the asset page shows of a study."""

import json
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from trading_pipeline.reporting.study.heatmap import heatmap_image, heatmap_picture, shown_pair
from trading_pipeline.reporting.study.trial_table import trial_table


def cells(picture):
    """Shade by place of each cell, and the place of the frame."""
    paths = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}path")
    found, frame = {}, None
    for path in paths:
        for cell in filter(None, path.get("d").replace("M", "\n").split("\n")):
            place, legend = cell.split("h")[0], "h15" in cell
            if path.get("class") == "b":
                frame = place
            elif not legend:
                found[place] = path.get("fill")
    return found, frame


def test_each_pair_that_was_tried_has_a_cell_and_the_best_a_frame():
    sets = [{"a": a, "b": b} for a in (1, 2, 3) for b in (10, 20) if a * 10 != b]
    values = [float(each["a"] + each["b"]) for each in sets]
    found, frame = cells(heatmap_picture(sets, values, ["a", "b"], "sharpe"))
    assert len(found) == len(sets) == 4
    assert found[frame] == "#cf5f3c"
    assert frame == "160 26"  # a 3, b 20: third column, first row from above


def test_of_several_parameters_the_two_that_explain_most_are_shown():
    rng = np.random.default_rng(1)
    sets = [dict(zip("abc", map(int, rng.integers(0, 5, 3)), strict=True)) for _ in range(300)]
    values = [each["c"] * 2.0 + each["a"] + 0.01 * each["b"] for each in sets]
    assert shown_pair(sets, values, ["a", "b", "c"]) == ["a", "c"]
    assert shown_pair([{"a": 1, "b": 2}], [1.0], ["a", "b"]) == ["a"]


def test_many_values_are_cut_into_steps_and_the_picture_stays_small():
    rng = np.random.default_rng(2)
    sets = [{"a": float(a), "b": float(b)} for a, b in rng.random((5_000, 2))]
    image = heatmap_image(sets, rng.random(5_000).tolist(), ["a", "b"], "calmar")
    assert len(image) < 20_000
    found, _ = cells(heatmap_picture(sets, rng.random(5_000).tolist(), ["a", "b"], "calmar"))
    assert len(found) == 14 * 14


@pytest.mark.parametrize(
    ("sets", "values"),
    [
        ([], []),
        ([{"a": 1}], [math.nan]),
        ([{"a": 1}], [0.0]),
        ([{"a": 1}, {"a": 2}], [math.inf, 1.0]),
        ([{"a": "<script>"}, {"a": None}, {"a": True}], [1.0, 1.0, 2.0]),
        ([{"a": [1, 2]}, {"a": {"x": "ü|💥"}}], [-1e300, 1e300]),
        ([{"a": 10**15 + n} for n in range(40)], [float(n) for n in range(40)]),
    ],
)
def test_odd_values_give_a_sound_picture_or_none(sets, values):
    picture = heatmap_picture(sets, values, ["a"], "sharpe")
    assert bool(picture) == any(map(math.isfinite, values))
    if picture:
        ElementTree.fromstring(picture)
        assert "<script>" not in picture


def test_the_table_has_the_best_trials_and_no_broken_cell():
    trials = [
        {
            "parameters": json.dumps({"a": "x|y\n" * 9, "b": n}),
            "value": v,
            "sharpe": v,
            "trial_no": n,
        }
        for n, v in enumerate([0.5, None, 2.0, math.nan, 1.0])
    ]
    lines = trial_table(trials, ["a", "b"], "calmar", rows=2).splitlines()
    assert lines[0] == "| a | b | calmar | sharpe | trial |"
    assert [line.split("|")[-2].strip() for line in lines[2:]] == ["2", "4"]
    assert all(line.count("|") == 6 for line in lines)
    assert trial_table(trials[1:2], ["a"], "calmar") == ""
