"""`audit`: all well, a leak, a label, names that nothing has."""

import json

import numpy as np
import pytest

from trading_pipeline.features.sets.registry import SHIPPED_SETS, FeatureSet, FeatureSpec


def tomorrows_return(bars):
    close = bars["close"].to_numpy()
    return np.append(close[1:] / close[:-1] - 1.0, 0.0)


@pytest.fixture
def leaky_set(monkeypatch):
    """A feature set `leaky`, which is forgotten after the test."""
    spec = FeatureSpec(
        name="tomorrow",
        version=1,
        inputs=("close",),
        lookback=1,
        warmup=1,
        compute=tomorrows_return,
    )
    monkeypatch.setitem(SHIPPED_SETS, "leaky", FeatureSet(name="leaky", version=1, specs=(spec,)))


def test_a_set_that_is_well_says_so_and_ends_with_0(call, world):
    ended = call("audit", "core", "--instrument", "AAPL_1d")
    assert ended.code == 0
    assert "feature set 'core' on " in ended.out
    assert "bars of AAPL_1d, 2000-03-01 to 2003-12-31: no difference at " in ended.out


def test_a_leak_ends_with_1_and_is_explained(call, world, leaky_set):
    ended = call("audit", "leaky", "-i", "AAPL_1d")
    assert ended.code == 1
    assert "Columns: tomorrow." in ended.out
    for words in ("prefix_truncation: column 'tomorrow' at 200", "without them", "no shift by a"):
        assert words in ended.out


def test_findings_as_json_have_every_value(call, world, leaky_set):
    ended = call("audit", "leaky", "-i", "AAPL_1d", "--json")
    assert ended.code == 1
    told = json.loads(ended.out)
    assert (told["name"], told["kind"], told["instrument"]) == ("leaky", "feature set", "AAPL_1d")
    finding = told["findings"][0]
    assert set(finding) == {
        "audit",
        "column",
        "ts",
        "row",
        "cut",
        "value_with_future",
        "value_without_future",
        "mend",
    }
    assert finding["ts"].startswith("200")
    assert finding["value_with_future"] != finding["value_without_future"]


def test_labels_and_patterns_can_be_audited_too(call, world):
    for name, kind in (("direction", "label"), ("chart_patterns", "chart patterns")):
        ended = call("audit", name, "-i", "AAPL_1d", "--json")
        assert ended.code == 0, ended.err
        told = json.loads(ended.out)
        assert (told["kind"], told["findings"]) == (kind, [])
        assert told["first_ts"].startswith("2000-03-01")


def test_what_cannot_be_audited_is_one_paragraph(call, world):
    unknown = call("audit", "corr", "-i", "AAPL_1d")
    assert unknown.code == 1
    assert "no feature set, label or strategy 'corr' to audit. Did you mean 'core'" in unknown.error
    empty = call("audit", "core", "-i", "IBM_1d")
    assert empty.code == 1
    assert "trading-pipeline run IBM_1d" in empty.error
    assert call("audit", "core").code == 2
    two = call("audit", "core", "-i", "AAPL_1d", "-i", "IBM_1d")
    assert "'core' is audited on one instrument at a time, and 2 were given" in two.error


def test_an_audit_goes_on_after_the_bars_that_it_missed_were_fetched(call, world):
    assert "too few for an audit" in call("audit", "direction", "-i", "IBM_1d").error
    workspace = world.workspace
    world.full_pass().chain("IBM_1d", [], workspace.windows())
    ended = call("audit", "direction", "-i", "IBM_1d")
    assert ended.code == 0, ended.err
    assert "bars of IBM_1d, 2000-" in ended.out
