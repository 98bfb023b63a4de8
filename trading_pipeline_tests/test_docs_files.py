"""Every file and folder that a page of the documentation names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "trading_pipeline"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FOLDERS = {path.name for path in PACKAGE.rglob("*") if path.is_dir()}


def named_files(text: str) -> set[str]:
    """Paths with a folder that stand in `code`; those in `runtime` are written later."""
    code = re.findall(r"`((?:[\w.-]+/)+(?:[\w.-]+\.\w+)?)`", text)
    return {name for name in code if not name.startswith("runtime/")}


def linked_files(text: str) -> set[str]:
    return {target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in target}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    homes = (ROOT, PACKAGE, page.parent)
    missing = {
        name
        for name in named_files(text)
        if name.removesuffix("/") not in FOLDERS
        and not any((home / name).exists() for home in homes)
    }
    missing |= {name for name in linked_files(text) if not (page.parent / name).exists()}
    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_that_a_page_names_exists(page: Path) -> None:
    names = set(re.findall(r"`(\w+\.py)`", page.read_text("utf-8")))
    known = {path.name for path in ROOT.glob("[!.]*/**/*.py") if ".venv" not in path.parts}
    assert names <= known | {"mine.py", "_shared.py"}  # files of a user


def test_the_index_of_decisions_lists_every_record() -> None:
    folder = ROOT / "docs" / "decisions"
    records = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert linked_files((folder / "README.md").read_text("utf-8")) == records
