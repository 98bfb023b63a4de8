"""Tests of the environment's settings."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.environment import PipelineSettings, load_settings, project_root


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    for name in ("RUNTIME_DIR", "CONFIG_DIR", "WAREHOUSE_WAIT_SECONDS"):
        monkeypatch.delenv(f"TRADING_PIPELINE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_runtime_stands_beside_the_project_file_by_default():
    settings = load_settings()
    assert settings.runtime == project_root() / "runtime"
    assert (project_root() / "pyproject.toml").is_file()
    assert settings.warehouse_wait_seconds == 30.0


def test_folders_lie_in_the_runtime_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("TRADING_PIPELINE_RUNTIME_DIR", str(tmp_path / "r"))
    settings = load_settings()
    root = tmp_path / "r"
    assert settings.runtime == root
    assert settings.warehouse_path == root / "warehouse.duckdb"
    assert settings.cache == root / "cache"
    assert settings.models == root / "models"
    assert settings.output == root / "output"
    assert settings.dagster == root / "dagster"
    assert settings.config == root / "config"


def test_the_fixture_of_the_tests_is_what_settings_see(runtime):
    assert load_settings().runtime == runtime


def test_config_folder_and_wait_can_be_set(monkeypatch, tmp_path):
    monkeypatch.setenv("TRADING_PIPELINE_CONFIG_DIR", str(tmp_path / "c"))
    monkeypatch.setenv("TRADING_PIPELINE_WAREHOUSE_WAIT_SECONDS", "1.5")
    settings = load_settings()
    assert settings.config == tmp_path / "c"
    assert settings.warehouse_wait_seconds == 1.5


def test_relative_and_home_folders_become_absolute(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert load_settings(runtime_dir="sub/runtime").runtime == tmp_path / "sub" / "runtime"
    assert load_settings(runtime_dir="~/r").runtime == tmp_path / "home" / "r"


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_RUNTIME_DIR", "")
    monkeypatch.setenv("TRADING_PIPELINE_WAREHOUSE_WAIT_SECONDS", "")
    assert load_settings().runtime == project_root() / "runtime"
    assert load_settings().warehouse_wait_seconds == 30.0


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text(
        "TRADING_PIPELINE_RUNTIME_DIR=from_file\nTRADING_PIPELINE_WAREHOUSE_WAIT_SECONDS=3\n"
        "SOMETHING_ELSE=1\n"
    )
    monkeypatch.setenv("TRADING_PIPELINE_WAREHOUSE_WAIT_SECONDS", "4")
    settings = load_settings()
    assert settings.runtime == tmp_path / "from_file"
    assert settings.warehouse_wait_seconds == 4.0


@pytest.mark.parametrize("value", ["soon", "-1", "nan"])
def test_a_wrong_variable_is_named(monkeypatch, value):
    monkeypatch.setenv("TRADING_PIPELINE_WAREHOUSE_WAIT_SECONDS", value)
    with pytest.raises(ConfigurationError, match=r"TRADING_PIPELINE_.*warehouse_wait_seconds"):
        load_settings()


def test_an_unknown_override_offers_the_closest():
    with pytest.raises(ConfigurationError, match="Did you mean 'runtime_dir'"):
        load_settings(runtimedir="x")


def test_overrides_win_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TRADING_PIPELINE_RUNTIME_DIR", "from_environment")
    assert load_settings(runtime_dir=tmp_path / "mine").runtime == tmp_path / "mine"


def test_settings_are_frozen():
    with pytest.raises(ValidationError):
        load_settings().runtime_dir = Path("other")


def test_keys_are_secrets_and_empty_ones_count_as_not_set(monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_ALPACA_API_KEY", "PK1234567")
    monkeypatch.setenv("TRADING_PIPELINE_ALPACA_SECRET_KEY", "")
    monkeypatch.setenv("TRADING_PIPELINE_CCXT_KEYS", '{"kraken": {"key": "k1", "secret": "s1"}}')
    settings = load_settings()
    assert settings.alpaca_api_key is not None
    assert settings.alpaca_api_key.get_secret_value() == "PK1234567"
    assert settings.alpaca_secret_key is None
    assert settings.ccxt_keys["kraken"].secret.get_secret_value() == "s1"
    for secret in ("PK1234567", "k1'", "s1'"):
        assert secret not in repr(settings)
    assert "PK1234567" not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALPACA_FEED", "best"),
        ("SOURCE_ATTEMPTS", "0"),
        ("SOURCE_TIMEOUT_SECONDS", "0"),
        ("SOURCE_CONNECTIONS", "none"),
        ("CCXT_KEYS", '{"kraken": {"key": "k1"}}'),
    ],
)
def test_a_wrong_setting_of_the_sources_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"TRADING_PIPELINE_{name}", value)
    with pytest.raises(ConfigurationError, match=name.lower()):
        load_settings()


MARKER = "sk-MARKER-9f8e7d"
SHAPES = [
    MARKER,
    f'"{MARKER}"',
    f'["{MARKER}"]',
    f'{{"{MARKER}": "{MARKER}"}}',
    f'{{"kraken": "{MARKER}"}}',
    f'{{"kraken": {{"{MARKER}": "{MARKER}"}}}}',
    f'{{"kraken": {{"key": ["{MARKER}"], "secret": {{"{MARKER}": 1}}}}}}',
    f'{{"kraken": {{"key": "{MARKER}", "secret": "{MARKER}", "apiKey": "{MARKER}"}}}}',
    f'{{"{MARKER}": {{"key": "k"}}}}',
    f"{{{MARKER}",
    "[" * 100_000 + MARKER,
    f'{{"kraken": {{"key": {"9" * 5000}, "secret": "{MARKER}"}}}}',
]


def everything_of(error: BaseException) -> str:
    """All that a log could show of an error: its text, its values and what is chained to it."""
    chain, told = [error], []
    while chain:
        each = chain.pop()
        told += [repr(each), str(each), repr(getattr(each, "values", ""))]
        told += traceback.format_exception(each)
        chain += [one for one in (each.__cause__, each.__context__) if one is not None]
    return "".join(told)


@pytest.mark.parametrize("source", ["environment", "dotenv", "override"])
@pytest.mark.parametrize(
    "name", sorted(set(PipelineSettings.model_fields) - {"runtime_dir", "config_dir"})
)
def test_no_error_holds_the_value_of_a_variable(monkeypatch, tmp_path, caplog, name, source):
    for shape in SHAPES:
        overrides = {}
        if source == "environment":
            monkeypatch.setenv(f"TRADING_PIPELINE_{name.upper()}", shape)
        elif source == "dotenv":
            (tmp_path / ".env").write_text(f"TRADING_PIPELINE_{name.upper()}='{shape}'\n")
        else:
            overrides[name] = shape
        if name in ("alpaca_api_key", "alpaca_secret_key", "reports_token"):  # any text may be one
            settings = load_settings(**overrides)
            assert MARKER not in repr(settings) + settings.model_dump_json()
            continue
        with pytest.raises(ConfigurationError, match=name) as caught:
            load_settings(**overrides)
        assert MARKER not in everything_of(caught.value)
        assert str(caught.value).isprintable()
    assert MARKER not in caplog.text


def test_a_dotenv_file_that_is_no_text_is_named_without_its_content(tmp_path):
    text = f"TRADING_PIPELINE_ALPACA_API_KEY={MARKER}\xff"
    (tmp_path / ".env").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"\.env is not text in UTF-8") as caught:
        load_settings()
    assert MARKER not in everything_of(caught.value)


@pytest.mark.parametrize("folder", ["~nobody_of_this_name/r", "a\0b"])
def test_a_folder_that_cannot_be_is_a_plain_error(folder):
    with pytest.raises(ConfigurationError, match="A folder"):
        load_settings(runtime_dir=folder)


def test_a_file_in_place_of_the_own_settings_is_told(tmp_path):
    (tmp_path / "config").write_text("x")
    with pytest.raises(ConfigurationError, match=r"'config_dir'.*names a file, where a folder"):
        load_settings(runtime_dir=tmp_path)


def test_a_folder_that_no_program_could_use_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="File name too long"):
        load_settings(runtime_dir=tmp_path / ("n" * 300))
    with pytest.raises(ConfigurationError, match=r"'runtime_dir'.*no text in UTF-8"):
        load_settings(runtime_dir=os.fsdecode(b"b\xff\xfe"))
