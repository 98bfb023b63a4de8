"""Hashes of code that outlive a process: kept for the same bytes, unknown after any change."""

from pathlib import Path

import pytest

from trading_pipeline.code_identity import SourceTree, code_hash
from trading_pipeline.code_identity.kept_hashes import KeptHashes
from trading_pipeline.domain.windows import WindowGrid

ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "static").mkdir(parents=True)
    (folder / "code.py").write_text("x = 1\n")
    (folder / "static/page.css").write_text("body {}\n")
    return folder


def test_another_process_finds_what_was_kept_and_only_that(package, tmp_path):
    first = KeptHashes(tmp_path / "kept", package)
    assert first.get("a") is None
    first.keep("a", ONE)
    first.keep("b", TWO)
    later = KeptHashes(tmp_path / "kept", package)
    assert [later.get(name) for name in "abc"] == [ONE, TWO, None]


@pytest.mark.parametrize("name", ["code.py", "static/page.css", "new.py"])
def test_any_change_of_the_package_forgets_everything(package, tmp_path, name):
    KeptHashes(tmp_path / "kept", package).keep("a", ONE)
    (package / name).write_text("x = 2\n")
    changed = KeptHashes(tmp_path / "kept", package)
    assert changed.get("a") is None
    assert list((tmp_path / "kept").iterdir()) == []


def test_nothing_is_kept_of_a_package_that_was_changed_while_it_was_read(package, tmp_path):
    kept = KeptHashes(tmp_path / "kept", package)
    assert kept.get("a") is None
    (package / "code.py").write_text("x = 200\n")
    kept.keep("a", ONE)
    (package / "code.py").write_text("x = 1\n")
    assert KeptHashes(tmp_path / "kept", package).get("a") is None


def test_half_a_line_of_a_killed_process_is_not_read_and_harms_no_other(package, tmp_path):
    KeptHashes(tmp_path / "kept", package).keep("a", ONE)
    (file,) = (tmp_path / "kept").iterdir()
    file.write_text(file.read_text()[:-10])
    torn = KeptHashes(tmp_path / "kept", package)
    assert torn.get("a") is None
    torn.keep("b", TWO)
    assert KeptHashes(tmp_path / "kept", package).get("b") == TWO


def test_a_folder_that_cannot_be_written_only_costs_time(package, tmp_path):
    (tmp_path / "kept").write_text("a file")
    kept = KeptHashes(tmp_path / "kept", package)
    kept.keep("a", ONE)
    assert kept.get("a") == ONE


def test_code_of_the_package_has_its_kept_hash_and_a_user_s_code_is_always_read(package, tmp_path):
    tree = SourceTree()
    tree.kept = KeptHashes(tmp_path / "kept", package)
    plain, own = tree.code_hash(WindowGrid), tree.code_hash(WindowGrid, code_of_a_user)
    (file,) = (tmp_path / "kept").iterdir()
    assert file.read_text().count(plain) == 1
    assert own not in file.read_text()
    file.write_text(file.read_text().replace(plain, ONE))
    again = SourceTree()
    again.kept = KeptHashes(tmp_path / "kept", package)
    assert again.code_hash(WindowGrid) == ONE
    assert again.code_hash(WindowGrid, code_of_a_user) == own
    assert plain == code_hash(WindowGrid)


def code_of_a_user() -> int:
    return 1
