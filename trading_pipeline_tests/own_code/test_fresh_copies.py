"""Copies of a user's files: what they share with the original, and what a dear one costs."""

from __future__ import annotations

import sys

import pytest

from trading_pipeline.own_code import FreshCopies, load_own_code
from trading_pipeline.own_code.fresh_copies import confirmed

TEXT = """\
from . import _beside

CALLS = []


def count():
    CALLS.append(1)
    _beside.CALLS.append(1)
    return len(CALLS), len(_beside.CALLS)
"""


@pytest.fixture
def copies_of(tmp_path):
    """Copies of the function `count` of a file."""

    def make(text=TEXT, **files):
        files = {"_beside": "CALLS = []\n", **files}
        for name, each in {"mine": text, **files}.items():
            (tmp_path / f"{name}.py").write_text(each)
        loaded = load_own_code(tmp_path, "rule", lambda module: ("mine", module))
        module = loaded.found["mine"]
        return module, FreshCopies(
            module.__name__, lambda imported: imported(module.__name__).count, module.count
        )

    return make


def test_each_use_begins_without_a_memory_in_all_files_of_the_folder(copies_of):
    module, copies = copies_of()
    assert module.count() == (1, 1)
    assert module.count() == (2, 2)
    assert [copies.run(lambda count: count()) for _ in range(3)] == [(1, 1)] * 3
    assert module.count() == (3, 3)


def test_copies_are_in_no_table_of_modules_after_their_use(copies_of):
    before = set(sys.modules)
    _, copies = copies_of()
    loaded = set(sys.modules)
    copies.run(lambda count: count())
    assert set(sys.modules) == loaded
    assert len(loaded - before) == 3


def test_a_late_import_of_a_file_beside_it_finds_the_copy(copies_of):
    late = "def count():\n    from . import _beside\n    _beside.CALLS.append(1)\n"
    module, copies = copies_of(late + "    return len(_beside.CALLS)\n")
    assert module.count() == 1
    assert [copies.run(lambda count: count()) for _ in range(2)] == [1, 1]


def test_a_dear_copy_is_made_six_times_and_then_used_again(copies_of):
    slow = (
        "import time\nbegan = time.thread_time()\nwhile time.thread_time() < began + 0.06: pass\n"
    )
    _, copies = copies_of(slow + TEXT)
    counts = [copies.run(lambda count: count())[0] for _ in range(9)]
    assert counts[1:6] == [1] * 5
    assert counts[6:] == [2, 3, 4]
    assert copies.reused


def test_what_only_a_used_copy_shows_is_not_confirmed(copies_of):
    slow = (
        "import time\nbegan = time.thread_time()\nwhile time.thread_time() < began + 0.06: pass\n"
    )
    _, copies = copies_of(slow + TEXT)

    def find():
        return [n for n in (copies.run(lambda count: count())[0] for _ in range(8)) if n > 2]

    assert confirmed(copies, find) == []


def test_a_file_that_cannot_run_twice_is_used_as_it_is_and_that_is_said(copies_of):
    once = "import sys\nif hasattr(sys, '_once_only'):\n    raise ValueError('already here')\n"
    try:
        module, copies = copies_of(once + "sys._once_only = True\n" + TEXT)
        module.count()
        assert copies.run(lambda count: count()) == (2, 2)
    finally:
        del sys._once_only
    (note,) = copies.notes
    assert note == "cannot be run a second time in one process (ValueError: already here)"


def test_the_package_s_own_code_is_used_as_it_is():
    copies = FreshCopies("trading_pipeline.strategies.buy_and_hold", lambda _: None, "as it is")
    assert copies.run(lambda given: given) == "as it is"
    assert copies.notes == ()
