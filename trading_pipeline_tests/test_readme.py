"""The README's examples do what it says: its Python, its scenario file, its commands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def run(arguments: list[str], runtime: Path, **others: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TRADING_PIPELINE_RUNTIME_DIR": str(runtime), **others}
    environment.pop("DAGSTER_HOME", None)
    return subprocess.run(
        arguments, capture_output=True, text=True, env=environment, cwd=runtime, check=False
    )


def command_line() -> list[str]:
    return [sys.executable, "-c", "from trading_pipeline.cli import main; main()"]


def test_the_two_commands_stand_at_the_top() -> None:
    first, second = blocks("bash")[:2]
    assert first == "pip install uv && uv run trading-pipeline demo\n"
    assert second == "uv run pytest\n"


def test_every_command_of_the_readme_exists(tmp_path: Path) -> None:
    used = set(re.findall(r"uv run trading-pipeline (\w+)", README))
    shown = run([*command_line(), "--help"], tmp_path).stdout
    assert used == {
        "audit",
        "backtest",
        "datasets",
        "demo",
        "doctor",
        "forecast",
        "maintenance",
        "models",
        "optimize",
        "reports",
        "results",
        "run",
        "scenarios",
        "strategies",
        "trials",
        "universe",
    }
    assert all(re.search(rf"\b{name}\b", shown) for name in used)


def test_the_python_example_runs_and_prints_the_equity(tmp_path: Path) -> None:
    (example,) = blocks("python")
    done = run([sys.executable, "-c", example], tmp_path)
    assert done.returncode == 0, done.stderr
    # bought at 100.5 with 0.1 % fee, sold at 104.5 with 0.1 % fee, from 100,000
    quantity = 100_000 / (100.5 * 1.001)
    assert float(done.stdout) == pytest.approx(quantity * 104.5 * 0.999, abs=0.01)


@pytest.mark.slow
def test_the_scenario_example_runs_with_backtest_and_materializes_what_is_missing(
    tmp_path: Path,
) -> None:
    (scenario,) = [block for block in blocks("yaml") if "strategy:" in block]
    path = tmp_path / "patient.yaml"
    path.write_text(scenario, encoding="utf-8")
    done = run([*command_line(), "backtest", str(path)], tmp_path / ".")
    assert done.returncode == 0, done.stderr
    assert "AAPL_1d: bars was missing for 14 window(s)" in done.stderr
    assert re.search(r"MSFT_1d +[-\d.]+", done.stdout)
    assert (tmp_path / "config" / "scenarios" / "patient.yaml").exists()
    assert len(list((tmp_path / "output" / "reports").glob("*.html"))) == 3


@pytest.mark.slow
def test_doctor_is_content_with_this_environment(tmp_path: Path) -> None:
    done = run([*command_line(), "doctor", "--offline"], tmp_path)
    assert done.returncode == 0, done.stdout
    assert "wrong" not in done.stdout


def test_the_table_of_assets_names_assets_that_exist() -> None:
    from trading_pipeline.definitions import defs

    table = README[README.index("| asset |") : README.index("## The command line")]
    named = set(re.findall(r"`([a-z_/]+)`", " ".join(re.findall(r"^\| (.*?) \|", table, re.M))))
    known = {key.to_user_string() for key in defs.resolve_all_asset_keys()}
    assert named == known
