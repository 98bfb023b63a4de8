"""Portfolio strategies that a user adds as files: used, refused in plain words, audited."""

import numpy as np
import pytest

from trading_pipeline.domain.audit_records import NOT_AUDITED
from trading_pipeline.errors import LookaheadError, OwnCodeError, StrategyError
from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline.strategies import SHIPPED, own_strategies
from trading_pipeline.strategies.portfolio.audit import portfolio_outcome
from trading_pipeline_tests.strategies.portfolio.panels import random_panel

HEAD = """\
import numpy as np

from trading_pipeline.strategies import PortfolioStrategy, StrategyParams


class MineParams(StrategyParams):
    bars: int = 5


class Mine(PortfolioStrategy[MineParams]):
    "Hold equal weights of what rose."

    def weights(self, panel, params):
"""
EQUAL = """\
        found = np.full(panel.closes.shape, np.nan)
        for row in range(params.bars, len(panel)):
            up = panel.closes[row] > panel.closes[row - params.bars]
            found[row] = up / max(up.sum(), 1)
        return found
"""
MEMO = """\
        global SEEN
        SEEN = panel.closes if len(panel) > len(SEEN) else SEEN
        found = np.full(panel.closes.shape, np.nan)
        for row in range(len(panel)):
            found[row] = np.eye(2)[np.argmax(SEEN[min(row + 1, len(SEEN) - 1)] / SEEN[row])]
        return found
"""
OUTSIDE = """\
        import pathlib
        float(pathlib.Path(__file__).with_name("share.csv").read_text())
        return np.full(panel.closes.shape, 0.5)
"""


@pytest.fixture
def own(tmp_path):
    def write(body, head=HEAD):
        (tmp_path / "mine.py").write_text(head + body)
        return own_strategies(tmp_path)

    return write


def weights(strategies, seen=None, **params):
    seen = random_panel(2, 60) if seen is None else seen
    return strategies.weights("mine", seen, strategies.validate_params("mine", params))


def test_a_file_with_one_class_is_a_strategy_of_portfolios(own):
    strategies = own(EQUAL)
    assert "mine" in strategies.names()
    assert strategies.warmup_bars("mine", {"bars": 7}) == 7
    found = weights(strategies, bars=3)
    assert np.isnan(found[:3]).all()
    assert set(np.unique(found[3:])) <= {0.0, 0.5, 1.0}
    before = strategies.code_hash("mine")
    assert own(EQUAL.replace("max(up.sum(), 1)", "2")).code_hash("mine") != before


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("        return [1.0]\n", r"mine.py, line 13: weights of 'mine' gave a list"),
        ("        return panel.closes[1:]\n", r"ndarray of the shape \(59, 2\); give .* 60 rows"),
        ("        return np.full(panel.closes.shape, np.inf)\n", "the weight inf on 2020-01-01"),
        ("        return np.full(panel.closes.shape, [0.5, np.nan])\n", "B_1d the weight nan"),
        ("        return panel.closes.astype(str)[:, :1]\n", r"ndarray of the shape \(60, 1\)"),
        ("        return np.full(panel.closes.shape, 'much')\n", "weights that are no numbers"),
        ("        import pandas as pd; return pd.DataFrame({'A_1d': [1.0]}, panel.index[:1])\n",
         "weights of A_1d; give one column for each of A_1d, B_1d"),
        ("        import pandas as pd; return pd.DataFrame({'A_1d': [1.0], 'B_1d': 0.0},"
         " panel.index[:1] + pd.Timedelta('1h'))\n", "which is no row of the panel"),
        ("        return panel.close\n", "line 14: weights of 'mine' failed: AttributeError"),
        ("        return panel.as_known('C_1d', [1.0])\n", "line 14.*no instrument 'C_1d'"),
    ],
)  # fmt: skip
def test_weights_that_cannot_be_used_name_file_and_line(own, body, words):
    with pytest.raises(StrategyError, match=words):
        weights(own(body))


def test_rows_of_a_frame_decide_and_all_others_leave_weights_alone(own):
    body = (
        "        import pandas as pd\n"
        "        rows = panel.index[[3, 9]]\n"
        "        return pd.DataFrame({'B_1d': [0.2, 0.3], 'A_1d': [0.1, 0.0]}, rows)\n"
    )
    found = weights(own(body))
    np.testing.assert_array_equal(found[[3, 9]], [[0.1, 0.2], [0.0, 0.3]])
    assert np.isfinite(found).all(axis=1).sum() == 2


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("class Mine:\n    pass\n", r"or, to weigh several instruments, class Mine\(Portfolio"),
        ("from trading_pipeline.strategies import PortfolioStrategy\n"
         "class Mine(PortfolioStrategy):\n    pass\n", "has no weights"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_what_to_write(own, head, words):
    with pytest.raises(OwnCodeError, match=words):
        own("", head).get("mine")


def outcome(strategies, **options):
    params = strategies.validate_params("mine", {})
    return portfolio_outcome(
        strategies, "mine", params, random_panel(2, 120), Rebalancing(), **options
    )


def test_what_a_file_remembers_between_calls_is_a_finding(own):
    assert outcome(own(EQUAL)).audit == "passed"
    with pytest.raises(LookaheadError, match="reads the future"):
        outcome(
            own(MEMO, HEAD.replace("\n\nclass MineP", "\nSEEN = np.empty((0, 2))\n\n\nclass MineP"))
        )


def test_what_a_file_reads_from_outside_is_not_audited(own, tmp_path):
    (tmp_path / "share.csv").write_text("0.5")
    found = outcome(own(OUTSIDE))
    assert found.audit == NOT_AUDITED
    assert "share.csv" in found.warnings[0]


def test_a_strategy_of_one_kind_in_the_place_of_the_other_is_sent_there():
    seen = random_panel(2, 30)
    with pytest.raises(StrategyError, match=r"Write it under 'strategy'.*minimum_variance"):
        SHIPPED.weights("sma_crossover", seen, SHIPPED.validate_params("sma_crossover", {}))
    market, params = seen.markets["A_1d"], SHIPPED.validate_params("minimum_variance", {})
    with pytest.raises(StrategyError, match="Write it under 'portfolio'"):
        SHIPPED.signals("minimum_variance", market, params)
