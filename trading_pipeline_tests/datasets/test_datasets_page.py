"""The page about users' files says what is true: its Python runs, its flags and codes exist."""

import re
from pathlib import Path

import pytest
import yaml

from trading_pipeline.settings.dataset_answers import DatasetAnswers

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
CODES = (
    "duplicate_row duplicate_conflict unsorted descending null_ohlc high_below_low "
    "ohlc_inconsistent non_positive_price zero_volume negative_volume price_spike stale_run "
    "missing_bar mixed_tz truncated_line bom empty_file no_rows binary_file missing_column "
    "multiple_symbols ambiguous_date timestamp_precision_loss"
)


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_python_runs_and_prints_the_question_and_the_bars(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    exec(compile(example, "docs/datasets.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["['tz']", "2024-01-02 03:45:00+00:00 3"]


def test_the_side_car_of_the_page_is_one():
    (example,) = blocks("yaml")
    assert DatasetAnswers.parse(yaml.safe_load(example), where="page").calendar == "XBOM"


@pytest.mark.parametrize("code", CODES.split())
def test_every_code_stands_on_the_page(code):
    assert f"`{code}`" in PAGE


def test_every_flag_of_the_page_exists():
    from trading_pipeline.cli.datasets_app import datasets_app

    names = {
        option
        for command in datasets_app.registered_commands
        for option in [
            *re.findall(r"\w+", str(command.callback.__annotations__)),
            *command.callback.__annotations__,
        ]
    }  # fmt: skip
    flags = set(re.findall(r"--([a-z][a-z-]*)", PAGE)) - {"json", "rows"}
    assert {flag.replace("-", "_") for flag in flags} <= names
