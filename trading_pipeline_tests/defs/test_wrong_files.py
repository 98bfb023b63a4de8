"""One wrong file takes nothing else down: definitions load, the check says it, so does doctor."""

import pickle
from pathlib import Path

import pytest

from trading_pipeline.cli.doctor_command import examine
from trading_pipeline.cli.own_code_check import examine_own_code
from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.defs.checks.files import files_check
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.market_data.usable_catalog import catalog_of_files

GOOD = {
    "scenarios/mine.yaml": "name: mine\nstrategy: {type: sma_crossover}\n",
    "studies/mine.yaml": (
        "name: mine\nstrategy: sma_crossover\nscenario: sma_crossover\n"
        "space: {fast: {values: [5]}, slow: {values: [20]}}\n"
    ),
    "models/mine.yaml": "name: mine\nfeatures: core\n",
    "labels/mine.yaml": "type: direction\nhorizon_bars: 5\n",
    "features/mine.yaml": "name: mine\ncolumns:\n- {set: core, only: [log_return_5]}\n",
    "universe.yaml": (
        "start: 2000-01-01\nend: 2004-01-01\ninstruments:\n"
        "  - {symbol: ES, timeframe: 1d, source: synthetic}\n"
    ),
    "cross_features.yaml": "windows: [20, 60]\n",
}
PYTHON = ("strategies/mine.py", "features/mine.py", "predictors/mine.py", "sources/mine.py")
BREAKS = {
    "syntax": lambda text, is_python: b"def broken(:\n" if is_python else b"name: [mine\n",
    "key": lambda text, is_python: b"import nowhere_at_all\n" if is_python
    else text.encode() + b"wrong_key: 1\n",
    "binary": lambda text, is_python: b"\x00\xff\xfe\x89PNG\x00" * 9,
    "empty": lambda text, is_python: b"",
    "unreadable": lambda text, is_python: text.encode(),
}  # fmt: skip
MEAN_DEFAULTS = ("universe.yaml", "cross_features.yaml", "labels/mine.yaml")
HARMLESS = {(name, "empty") for name in MEAN_DEFAULTS}
"""Files that say nothing and mean the defaults."""


def place(config: Path, name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = config / name
    path.parent.mkdir(parents=True, exist_ok=True)
    is_python = path.suffix == ".py"
    path.write_bytes(BREAKS[kind](GOOD.get(name, "x = 1\n"), is_python))
    if kind == "unreadable":
        real = Path.open

        def refused(self, *given, **named):
            if self == path:
                raise PermissionError(13, "Permission denied", str(self))
            return real(self, *given, **named)

        monkeypatch.setattr(Path, "open", refused)
    return path


@pytest.fixture
def config(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TRADING_PIPELINE_RUNTIME_DIR", str(tmp_path))
    return load_settings().config


def asset_keys(definitions) -> set[str]:
    return {"/".join(key.path) for key in definitions.resolve_asset_graph().get_all_asset_keys()}


@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("name", [*GOOD, *PYTHON])
def test_definitions_load_with_everything_else_and_the_file_is_named(
    config, monkeypatch, name, kind
):
    if (name, kind) in HARMLESS:
        pytest.skip("the file means the defaults")
    whole = asset_keys(build_definitions(catalog_of_files(load_settings())))
    path = place(config, name, kind, monkeypatch)
    catalog = catalog_of_files(load_settings())
    assert asset_keys(build_definitions(catalog)) >= whole
    (wrong,) = catalog.wrong
    assert wrong.path == path
    assert str(path) in wrong.way_out
    found = files_check()
    assert not found.passed
    (row,) = found.metadata["files"].records
    assert row.data["file"] == str(path)
    assert row.data["line"] or (kind, path.suffix) in {
        ("empty", ".yaml"), ("unreadable", ".yaml"), ("unreadable", ".py"), ("empty", ".py"),
        ("binary", ".py"), ("binary", ".yaml"),
    }, row.data  # fmt: skip
    assert row.data["error"] == str(wrong.error) == found.description
    assert path.name in row.data["error"]
    assert path.name in row.data["way_out"]
    told = [*examine(load_settings()), *examine_own_code(load_settings())]
    (finding,) = [each for each in told if str(path) in each.detail and not each.ok]
    assert str(wrong.error) in finding.detail


def test_files_that_are_right_pass_the_check(config):
    for name, text in GOOD.items():
        (config / name).parent.mkdir(parents=True, exist_ok=True)
        (config / name).write_text(text, encoding="utf-8")
    found = files_check()
    assert found.passed, found.description
    assert found.metadata["wrong_files"].value == 0


def test_a_wrong_line_of_the_universe_leaves_out_its_instrument_and_names_the_line(config):
    config.mkdir(parents=True)
    (config / "universe.yaml").write_text(
        "instruments:\n"
        "  - {symbol: ES, source: synthetic}\n"
        "  - symbol: NQ\n    source: synthetic\n    tick_size: -1\n"
        "  - {symbol: AAPL, source: bundled, calender: XNYS}\n"
        "  - {symbol: CL, source: synthetic}\n"
        "  - {symbol: CL, source: bundled}\n"
        "  - {symbol: YM, source: synthetic, start: 2012-01-01, end: 2011-01-01}\n"
        "  - {symbol: RTY, source: synthetic, start: 2020-01-01}\n"
        "  - 7\n",
        encoding="utf-8",
    )
    catalog = catalog_of_files(load_settings())
    # the user's line was to replace the shipped AAPL, so the shipped one is not taken for it
    assert not {"NQ_1d", "AAPL_1d", "CL_1d", "YM_1d", "RTY_1d"} & set(catalog.instruments)
    assert {"ES_1d", "IBM_1d"} <= set(catalog.instruments)
    lines = {each.name: each.line for each in catalog.wrong if each.name.startswith("instr")}
    assert lines == {
        "instruments/NQ_1d": 5, "instruments/AAPL_1d": 6, "instruments/CL_1d": None,
        "instruments/YM_1d": 9, "instruments/7": None, "instruments/RTY_1d": None,
    }  # fmt: skip


def test_a_universe_of_wrong_lines_alone_keeps_the_shipped_ones(config):
    config.mkdir(parents=True)
    path = config / "universe.yaml"
    path.write_text("instruments:\n  - {symbl: ES, source: synthetic}\n", encoding="utf-8")
    catalog = catalog_of_files(load_settings())
    assert "AAPL_1d" in catalog.instruments
    (wrong,) = catalog.wrong
    assert (wrong.name, wrong.line) == ("instruments/0", 2)
    assert str(wrong.error).startswith(f"{path}: 'instruments.0'")


def test_what_a_file_needs_of_another_is_left_out_with_it_and_says_so(config):
    for name, text in {
        "features/torn.yaml": "name: torn\ncolumns: [\n",
        "models/leaning.yaml": "name: leaning\nfeatures: torn\n",
        "scenarios/traded.yaml": (
            "name: traded\nstrategy: {type: ml_direction, params: {model: leaning}}\n"
        ),
        "studies/searched.yaml": (
            "name: searched\nstrategy: ml_direction\nscenario: traded\n"
            "space: {enter_above: {values: [0.5]}}\n"
        ),
    }.items():
        (config / name).parent.mkdir(parents=True, exist_ok=True)
        (config / name).write_text(text, encoding="utf-8")
    catalog = catalog_of_files(load_settings())
    assert {each.name for each in catalog.wrong} == {
        "features/torn", "models/leaning", "scenarios/traded", "studies/searched",
    }  # fmt: skip
    errors = {each.name: str(each.error) for each in catalog.wrong}
    assert "torn.yaml is not valid YAML" in errors["models/leaning"]
    assert "direction" in catalog.models
    sent = pickle.loads(pickle.dumps(catalog))  # as a worker in another process gets it
    assert {each.name: str(each.error) for each in sent.wrong} == errors


def test_a_shipped_file_does_not_take_the_place_of_a_wrong_one_of_its_name(config):
    shipped = catalog_of_files(load_settings())
    for folder, name in (("models", "direction"), ("scenarios", "sma_crossover")):
        (config / folder).mkdir(parents=True)
        (config / folder / f"{name}.yaml").write_text("name: [\n", encoding="utf-8")
    catalog = catalog_of_files(load_settings())
    assert "direction" in shipped.models
    assert "direction" not in catalog.models
    assert "sma_crossover" not in catalog.scenarios


def test_of_two_files_of_one_name_neither_is_used(config):
    (config / "models").mkdir(parents=True)
    (config / "scenarios").mkdir()
    for name in ("first", "second", "third"):
        (config / "models" / f"{name}.yaml").write_text("name: twin\n", encoding="utf-8")
        text = "name: twin\nstrategy: {type: sma_crossover}\n"
        (config / "scenarios" / f"{name}.yaml").write_text(text, encoding="utf-8")
    catalog = catalog_of_files(load_settings())
    assert "twin" not in catalog.models
    assert "twin" not in catalog.scenarios
    assert [each.name for each in catalog.wrong if "models" in each.name] == [
        "models/second", "models/third",
    ]  # fmt: skip
    assert all("has the name 'twin'" in str(each.error) for each in catalog.wrong)
