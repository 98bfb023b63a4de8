"""Twenty rules on S&P 500 whose statistics an independent implementation computed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest


@pytest.fixture(scope="package")
def sp500_rules() -> tuple[np.ndarray, np.ndarray]:
    """Log returns of 20 rules, (4831, 20), and of holding: long while one mean is above another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arch.data import sp500

        close = sp500.load()["Adj Close"]
    returns = np.log(close).diff().to_numpy()
    rules = []
    for fast in (1, 2, 5, 10, 20):
        for slow in (50, 100, 150, 200):
            above = (close.rolling(fast).mean() > close.rolling(slow).mean()).to_numpy()
            rules.append(np.concatenate([[0.0], above[:-1]]) * returns)
    return np.array(rules).T[200:], returns[200:]
