"""A small sample of the spoiled files: none ends in an error that is not the package's."""

import numpy as np
import pytest

from tools.fuzz_datasets import outcome, spoiled_file


@pytest.mark.parametrize("seed", [3, 21])
def test_spoiled_files_are_read_or_refused_by_errors_of_the_package(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = tmp_path / "prices.csv"
    found = set()
    for _ in range(12):
        path.write_bytes(spoiled_file(rng))
        found.add(outcome(path))
    assert found <= {"bars", "no bars", "refused"}
    assert "refused" in found
