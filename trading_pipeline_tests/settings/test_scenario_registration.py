"""Copies of scenario files in the user's folder: made, refreshed, refused, restored."""

import json

import pytest

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.scenario_registration import (
    register_scenarios,
    registered_scenarios,
)

PLAIN = {"name": "mine", "strategy": {"type": "sma_crossover", "params": {"fast": 1e-5}}}
TWO = {**PLAIN, "variants": {"a": {"params": {"fast": 5}}, "b": None}}


@pytest.fixture
def folder(tmp_path, runtime):
    return tmp_path / "config"


@pytest.fixture
def written(tmp_path):
    def write(data, name="given.json"):
        path = tmp_path / name
        path.write_text(json.dumps(data), encoding="utf-8")
        return path

    return write


def names(folder):
    return {*load_catalog(folder).scenarios} - {*load_catalog(None).scenarios}


def test_json_is_kept_as_yaml_with_the_same_values_and_follows_its_file(folder, written):
    path = written(PLAIN)
    (first,) = register_scenarios(path, folder).scenarios
    copy = folder / "scenarios/mine.yaml"
    assert copy.read_text("utf-8").startswith(f"# Registered from {path}")
    assert load_catalog(folder).scenario("mine") == first
    before = copy.stat().st_mtime_ns
    register_scenarios(path, folder)
    assert copy.stat().st_mtime_ns == before  # equal: left alone
    register_scenarios(written({**PLAIN, "capital": {"initial": 7}}), folder)
    assert load_catalog(folder).scenario("mine").capital.initial == 7.0


def test_variants_come_and_go_with_the_file(folder, written):
    register_scenarios(written(TWO), folder)
    assert names(folder) == {"mine_a", "mine_b"}
    register_scenarios(written({**TWO, "variants": {"a": {"params": {"fast": 5}}}}), folder)
    assert names(folder) == {"mine_a"}
    register_scenarios(written(PLAIN), folder)
    assert names(folder) == {"mine"}


@pytest.mark.parametrize("name", ["mine", "mine_a"])
def test_a_name_of_another_file_is_refused_with_that_file(folder, written, name):
    register_scenarios(written({**PLAIN, "name": name}, "other.json"), folder)
    with pytest.raises(ConfigurationError, match=f"the name '{name}', which another") as caught:
        register_scenarios(written(TWO), folder)
    assert str(folder / f"scenarios/{name}.yaml") in str(caught.value)
    assert names(folder) == {name}


def fail_while_registered(path, folder):
    with registered_scenarios(path, folder) as file:
        assert {each.name for each in file.scenarios} == names(folder)
        raise ZeroDivisionError


def test_an_error_while_it_runs_restores_the_folder(folder, written):
    for before in (set(), {"mine"}):
        with pytest.raises(ZeroDivisionError):
            fail_while_registered(written(TWO), folder)
        assert names(folder) == before
        register_scenarios(written(PLAIN), folder)


def test_another_wrong_file_stops_no_copy_and_is_never_written_over(folder, written):
    (folder / "scenarios").mkdir(parents=True)
    torn = folder / "scenarios/torn.yaml"
    torn.write_text("name: [\n", encoding="utf-8")
    path = written(PLAIN)
    register_scenarios(path, folder)
    copy = folder / "scenarios/mine.yaml"
    copy.write_text("name: [\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"another file stands.*mine\.yaml is not valid"):
        register_scenarios(path, folder)
    assert copy.read_text("utf-8") == torn.read_text("utf-8") == "name: [\n"
