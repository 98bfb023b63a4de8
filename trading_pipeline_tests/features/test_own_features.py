"""Feature sets that people add as files: what is loaded, and how a wrong file is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest

from trading_pipeline.errors import ConfigurationError, OwnCodeError, UnknownNameError
from trading_pipeline.features.sets.registry import compute_features, feature_set
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.stages.registries import Registries

HEAD = "from trading_pipeline.features.own_features import feature\n"
CHANGE = HEAD + (
    "@feature(warmup=1, inputs=['close'], scale=2.0)\n"
    "def change(bars, *, scale):\n"
    "    'Change of the close.'\n"
    "    return scale * bars['close'].diff()\n"
)


@pytest.fixture
def folder(tmp_path):
    """A configuration folder of one's own; gives its feature sets after files were written."""
    (tmp_path / "features").mkdir()

    def write(**files):
        for name, text in files.items():
            stem, _, suffix = name.rpartition("_")
            (tmp_path / "features" / f"{stem}.{suffix}").write_text(text)
        return Registries(load_catalog(tmp_path)).feature_sets

    return write


def error_of(sets, name):
    """The error of the one broken file, which must be that of its name."""
    (broken,) = sets.own.broken
    assert broken.path.stem == name
    return broken.error


def test_a_python_file_is_a_set_called_after_it(folder, walk_bars):
    sets = folder(moves_py=CHANGE)
    assert sets.own.files["moves"].name == "moves.py"
    assert "moves" in sets.names()
    chosen = sets.get("moves")
    (spec,) = chosen.specs
    assert (spec.name, spec.warmup, spec.inputs) == ("change", 1, ("close",))
    assert spec.meaning == "Change of the close."
    bars = walk_bars(5)
    column = compute_features(chosen, bars)["change"]
    np.testing.assert_allclose(column[1:], 2.0 * np.diff(bars["close"]))


def test_a_set_follows_the_text_of_its_file_and_goes_with_it(folder, tmp_path):
    first = folder(moves_py=CHANGE).get("moves").hash
    assert folder().get("moves").hash == first
    second = folder(moves_py=CHANGE.replace(".diff()", ".diff(1)")).get("moves").hash
    # as long as before and within the same second
    third = folder(moves_py=CHANGE.replace(".diff()", ".diff(2)")).get("moves").hash
    assert len({first, second, third}) == 3
    assert folder(moves_py=CHANGE).get("moves").hash == first
    (tmp_path / "features" / "moves.py").unlink()
    assert "moves" not in folder().names()


def test_a_yaml_file_puts_columns_together(folder, walk_bars):
    sets = folder(
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
    swing = sets.get("swing")
    assert swing.version == 3
    assert len(swing.columns) == 2 + 18 + 1 + 2
    assert {"log_return_5", "rsi_14", "change", "rsi_21", "pressure"} < set(swing.columns)
    bars = walk_bars(500)
    own, core = compute_features(swing, bars), compute_features(feature_set("core"), bars)
    np.testing.assert_array_equal(own["rsi_14"], core["rsi_14"])


def test_the_hash_of_a_yaml_set_follows_its_columns_and_parameters(folder):
    hashes = set()
    for period in (21, 22):
        columns = f"[{{indicator: RSI, timeperiod: {period}, name: x}}]"
        hashes.add(folder(a_yaml=f"name: a\ncolumns: {columns}\n").get("a").hash)
    text = "name: a\nversion: 2\ncolumns: [{indicator: RSI, timeperiod: 21, name: x}]\n"
    assert len(hashes | {folder(a_yaml=text).get("a").hash}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import numpy as np\n\nx = np.no_such_thing\n",
            r"bad.py, line 3: The file does not run: AttributeError",
        ),
        ("def broken(:\n", r"bad.py, line 1: SyntaxError"),
        ("x = 1\n", "bad.py: The file declares no feature"),
        (CHANGE.replace("['close']", "['clos']"), r"bad.py, line 2: .*Did you mean 'close'"),
        (CHANGE.replace("warmup=1", "warmup=-1"), r"bad.py, line 2: .*0 <= lookback <= warmup"),
        (
            CHANGE
            + CHANGE.replace("def change", "def other").replace("warmup", "name='change', warmup"),
            r"bad.py: .*it has change twice",
        ),
    ],
)
def test_a_wrong_python_file_is_refused_by_its_name_and_stops_no_other(folder, text, message):
    sets = folder(bad_py=text, moves_py=CHANGE)
    with pytest.raises(OwnCodeError, match=message):
        sets.get("bad")
    assert "bad" not in sets.names()
    assert sets.get("moves").columns == ("change",)
    assert sets.get("core").warmup_bars == 400


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
        folder(bad_yaml=f"name: bad\ncolumns: {columns}\n").get("bad")


def test_a_yaml_set_of_a_broken_python_file_says_what_is_wrong_there(folder):
    sets = folder(bad_py="x = (\n", sum_yaml="name: sum\ncolumns: [{set: bad}]\n")
    with pytest.raises(OwnCodeError, match=r"sum.yaml: .*bad.py, line 1: SyntaxError"):
        sets.get("sum")


def test_a_key_that_a_yaml_set_does_not_have_is_refused(folder):
    with pytest.raises(ConfigurationError, match=r"Unknown key 'column'. Did you mean 'columns'"):
        folder(bad_yaml="name: bad\ncolumn: [{set: core}]\n")


def test_a_name_is_given_once(folder):
    sets = folder(core_py=CHANGE)
    told = str(error_of(sets, "core"))
    assert re.search(r"core.py: .*'core' is there already: it is a shipped", told)
    assert sets.get("core") is feature_set("core")


def test_a_name_of_a_python_file_is_not_for_a_yaml_file_too(folder):
    sets = folder(twice_py=CHANGE, twice_yaml="name: twice\ncolumns: [{set: core}]\n")
    assert re.search(r"twice.yaml: .*made by .*twice.py", str(error_of(sets, "twice")))
    assert sets.get("twice").columns == ("change",)


def test_a_file_name_that_is_no_set_name_is_refused(folder):
    told = error_of(folder(**{"My-set_py": CHANGE}), "My-set")
    assert "'My-set', which cannot be used" in str(told)


def test_a_file_whose_name_begins_with_an_underscore_is_left_alone(folder):
    sets = folder(_draft_py="this is no Python")
    assert (sets.own.files, sets.own.broken) == ({}, ())


def test_a_feature_that_fails_names_itself_and_its_file(folder, walk_bars):
    sets = folder(moves_py=CHANGE.replace("bars['close']", "bars['clsoe']"))
    with pytest.raises(ConfigurationError, match="'change' failed on 5 bars: KeyError") as error:
        compute_features(sets.get("moves"), walk_bars(5))
    assert "moves.py, line 5" in str(error.value)


def test_a_model_may_name_a_set_that_only_a_file_has(folder):
    with pytest.raises(UnknownNameError, match="Did you mean 'moves'"):
        folder(moves_py=CHANGE).get("move")


def test_two_folders_have_sets_of_one_name_in_one_process(tmp_path, walk_bars):
    bars, columns = walk_bars(5), []
    for folder, scale in (("a", "2.0"), ("b", "3.0")):
        path = tmp_path / folder / "features" / "moves.py"
        path.parent.mkdir(parents=True)
        path.write_text(CHANGE.replace("2.0", scale))
    both = [Registries(load_catalog(tmp_path / folder)).feature_sets for folder in ("a", "b")]
    columns = [compute_features(sets.get("moves"), bars)["change"][1:] for sets in both]
    np.testing.assert_allclose(columns[1], columns[0] * 1.5)
    assert both[0].get("moves").hash != both[1].get("moves").hash


def test_files_of_a_folder_may_share_code(folder, walk_bars):
    shared = "def change_of(bars):\n    return bars['close'].diff()\n"
    moves = CHANGE.replace("HEAD", "").replace("bars['close'].diff()", "change_of(bars)")
    moves = "from ._shared import change_of\n" + moves
    bars = walk_bars(5)
    first = folder(_shared_py=shared, moves_py=moves).get("moves")
    np.testing.assert_allclose(
        compute_features(first, bars)["change"][1:], 2.0 * np.diff(bars["close"])
    )
    second = folder(_shared_py=shared.replace("diff()", "diff() * 2.0")).get("moves")
    np.testing.assert_allclose(
        compute_features(second, bars)["change"][1:], 4.0 * np.diff(bars["close"])
    )
