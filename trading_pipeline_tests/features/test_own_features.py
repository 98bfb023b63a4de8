"""Feature sets that people add as files: what is loaded, and how a wrong file is refused."""

from __future__ import annotations

import numpy as np
import pytest

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.features.sets.registry import (
    compute_features,
    feature_set,
    feature_set_names,
    replace_own_sets,
)
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.stages.features.own_feature_sets import know_own_feature_sets

HEAD = "from trading_pipeline.features.own_features import feature\n"
CHANGE = HEAD + (
    "@feature(warmup=1, inputs=['close'], scale=2.0)\n"
    "def change(bars, *, scale):\n"
    "    'Change of the close.'\n"
    "    return scale * bars['close'].diff()\n"
)


@pytest.fixture
def folder(tmp_path):
    """A configuration folder of one's own; its sets are forgotten after the test."""
    (tmp_path / "features").mkdir()

    def write(**files):
        for name, text in files.items():
            stem, _, suffix = name.rpartition("_")
            (tmp_path / "features" / f"{stem}.{suffix}").write_text(text)
        return know_own_feature_sets(load_catalog(tmp_path))

    yield write
    replace_own_sets({})
    know_own_feature_sets(load_catalog(None))


def test_a_python_file_is_a_set_called_after_it(folder, walk_bars):
    found = folder(moves_py=CHANGE)
    assert found["moves"].name == "moves.py"
    assert "moves" in feature_set_names()
    chosen = feature_set("moves")
    (spec,) = chosen.specs
    assert (spec.name, spec.warmup, spec.inputs) == ("change", 1, ("close",))
    assert spec.meaning == "Change of the close."
    bars = walk_bars(5)
    column = compute_features(chosen, bars)["change"]
    np.testing.assert_allclose(column[1:], 2.0 * np.diff(bars["close"]))


def test_a_set_follows_the_text_of_its_file_and_goes_with_it(folder, tmp_path):
    folder(moves_py=CHANGE)
    first = feature_set("moves").hash
    folder()
    assert feature_set("moves").hash == first
    folder(moves_py=CHANGE.replace(".diff()", ".diff(1)"))
    second = feature_set("moves").hash
    # as long as before and within the same second
    folder(moves_py=CHANGE.replace(".diff()", ".diff(2)"))
    assert len({first, second, feature_set("moves").hash}) == 3
    folder(moves_py=CHANGE)
    assert feature_set("moves").hash == first
    (tmp_path / "features" / "moves.py").unlink()
    folder()
    assert "moves" not in feature_set_names()


def test_a_yaml_file_puts_columns_together(folder, walk_bars):
    folder(
        moves_py=CHANGE,
        swing_yaml=(
            "name: swing\nversion: 3\ncolumns:\n"
            "  - {set: core, only: [log_return_5, rsi_14]}\n"
            "  - {set: candles, without: [candle_doji]}\n"
            "  - {set: moves}\n"
            "  - {indicator: RSI, timeperiod: 21}\n"
            "  - {indicator: OBV, form: z_score, bars: 20, name: pressure}\n"
        ),
    )
    swing = feature_set("swing")
    assert swing.version == 3
    assert len(swing.columns) == 2 + 18 + 1 + 2
    assert {"log_return_5", "rsi_14", "change", "rsi_21", "pressure"} < set(swing.columns)
    bars = walk_bars(500)
    own, core = compute_features(swing, bars), compute_features(feature_set("core"), bars)
    np.testing.assert_array_equal(own["rsi_14"], core["rsi_14"])


def test_the_hash_of_a_yaml_set_follows_its_columns_and_parameters(folder):
    hashes = set()
    for period in (21, 22):
        folder(a_yaml=f"name: a\ncolumns: [{{indicator: RSI, timeperiod: {period}, name: x}}]\n")
        hashes.add(feature_set("a").hash)
    folder(a_yaml="name: a\nversion: 2\ncolumns: [{indicator: RSI, timeperiod: 21, name: x}]\n")
    assert len(hashes | {feature_set("a").hash}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import numpy as np\n\nx = np.no_such_thing\n", r"bad.py: .* line 3: AttributeError"),
        ("def broken(:\n", r"bad.py: .* line 1: SyntaxError"),
        ("x = 1\n", "bad.py: The file declares no feature"),
        (CHANGE.replace("['close']", "['clos']"), r"bad.py: .*Did you mean 'close'"),
        (CHANGE.replace("warmup=1", "warmup=-1"), r"bad.py: .*0 <= lookback <= warmup"),
        (
            CHANGE
            + CHANGE.replace("def change", "def other").replace("warmup", "name='change', warmup"),
            r"bad.py: .*it has change twice",
        ),
    ],
)
def test_a_wrong_python_file_is_refused_by_its_name(folder, text, message):
    with pytest.raises(ConfigurationError, match=message):
        folder(bad_py=text)
    assert "bad" not in feature_set_names()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("[{set: cor}]", "no feature set 'cor'. Did you mean 'core'"),
        ("[{set: core, only: [rsi_15]}]", "no column 'rsi_15'. Did you mean 'rsi_14'"),
        ("[{set: core, exclude: [rsi_14]}]", "Unknown key 'exclude' beside 'set'"),
        ("[{set: core, only: rsi_14}]", "must be a list of columns"),
        ("[{indicatr: RSI}]", "Did you mean 'indicator'"),
        ("[{indicator: RSI, timeperiode: 3}]", "Did you mean 'timeperiod'"),
        ("[{indicator: RSY}]", "Did you mean 'RSI'"),
        ("[{indicator: OBV}]", "depends on the first bar for ever"),
        ("[{indicator: RSI}, {indicator: RSI}]", "it has rsi twice"),
        ("[{set: core, only: []}]", "at least one feature"),
        ("[]", "'columns'"),
    ],
)
def test_a_wrong_yaml_file_is_refused_by_its_name(folder, columns, message):
    with pytest.raises(ConfigurationError, match=rf"bad.yaml: .*{message}"):
        folder(bad_yaml=f"name: bad\ncolumns: {columns}\n")


def test_a_key_that_a_yaml_set_does_not_have_is_refused(folder):
    with pytest.raises(ConfigurationError, match=r"Unknown key 'column'. Did you mean 'columns'"):
        folder(bad_yaml="name: bad\ncolumn: [{set: core}]\n")


def test_a_name_is_given_once(folder):
    with pytest.raises(
        ConfigurationError, match=r"core.py: .*'core' is there already: it is a shipped"
    ):
        folder(core_py=CHANGE)


def test_a_name_of_a_python_file_is_not_for_a_yaml_file_too(folder):
    with pytest.raises(ConfigurationError, match="made by another file of the folder"):
        folder(twice_py=CHANGE, twice_yaml="name: twice\ncolumns: [{set: core}]\n")


def test_a_file_name_that_is_no_set_name_is_refused(folder):
    with pytest.raises(ConfigurationError, match="'My-set' is no name"):
        folder(**{"My-set_py": CHANGE})


def test_a_file_whose_name_begins_with_an_underscore_is_left_alone(folder):
    assert folder(_draft_py="this is no Python") == {}


def test_a_feature_that_fails_names_itself_and_its_file(folder, walk_bars):
    folder(moves_py=CHANGE.replace("bars['close']", "bars['clsoe']"))
    with pytest.raises(ConfigurationError, match="'change' failed on 5 bars: KeyError") as error:
        compute_features(feature_set("moves"), walk_bars(5))
    assert "own_features_moves" in str(error.value)


def test_a_model_may_name_a_set_that_only_a_file_has(folder, tmp_path):
    folder(moves_py=CHANGE)
    with pytest.raises(UnknownNameError, match="Did you mean 'moves'"):
        feature_set("move")
