"""The crosses of two rows, 64 bars at a time, against a comparison bar by bar."""

import numpy as np
import pytest

from trading_pipeline.backtest.kernels.fast.sweep import crossing_events


@pytest.mark.parametrize("rows", [1, 2, 8, 63, 64, 65, 66, 129, 400])
@pytest.mark.parametrize("lead", [0, 1])
def test_events_are_the_crosses_of_a_plain_comparison(rows, lead):
    rng = np.random.default_rng(rows)
    first, second = rng.integers(0, 4, (2, rows)).astype(float)
    first[rng.random(rows) < 0.1] = np.nan
    expected = []
    for t in range(1, rows):
        if first[t] > second[t] and first[t - 1] <= second[t - 1]:
            expected.append((t - lead, 5))
        if first[t] < second[t] and first[t - 1] >= second[t - 1]:
            expected.append((t - lead, 10))
    bars, codes = np.empty(rows, dtype=np.int64), np.empty(rows, dtype=np.uint8)
    count = crossing_events(first, second, lead, 5, 10, bars, codes)
    assert list(zip(bars[:count], codes[:count], strict=True)) == expected
    known = [t for t in range(lead, rows) if np.isfinite(first[t])]
    if known and first[known[0]] != second[known[0]]:
        side = 5 if first[known[0]] > second[known[0]] else 10
        expected = sorted({*expected, (known[0] - lead, side)})
    count = crossing_events(first, second, lead, 5, 10, bars, codes, True)
    assert list(zip(bars[:count], codes[:count], strict=True)) == expected
