from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.models.training import held_back
from trading_pipeline.models.training.effective_rows import label_clock
from trading_pipeline.models.training.held_back import BLOCK_STARTS

BARS = pd.date_range("2000-01-01", periods=520, tz="UTC").as_unit("us") + pd.Timedelta(hours=21)


def hold_back(spec, values, labels):
    return held_back.hold_back(spec, values, labels, label_clock(labels))


def scored_rows(blocks):
    return held_back.scored_rows(blocks, BARS)


@pytest.fixture(name="rows")
def _rows(make_data):
    features, labels = make_data(500)
    return features.to_numpy(), labels


def test_blocks_follow_each_other_and_account_for_every_row(make_spec, rows):
    values, labels = rows
    blocks = hold_back(make_spec(), values, labels)
    assert [len(block.rows) for block in blocks] == [100, 100, 100]
    assert [block.rows_before for block in blocks] == [195, 295, 395]  # labels live for five bars
    assert [block.purged for block in blocks] == [5, 5, 5]
    joined = pd.concat([block.rows for block in blocks])
    pd.testing.assert_frame_equal(joined, labels.iloc[round(BLOCK_STARTS[0] * 500) :])


def test_the_embargo_holds_between_the_blocks_too(make_spec, rows):
    blocks = hold_back(make_spec(training={"embargo_bars": 10}), *rows)
    assert [block.purged for block in blocks] == [15, 15, 15]


@pytest.mark.parametrize("estimator", ["logistic", "hist_gradient_boosting"])
@pytest.mark.parametrize("start", [200, 300, 400])
def test_no_label_that_reaches_a_block_moves_its_forecasts(make_spec, rows, estimator, start):
    values, labels = rows
    turned = labels.copy()
    turned.iloc[start - 5 :, 2] = 1.0 - turned.iloc[start - 5 :, 2]  # ends in the block or later
    spec = make_spec(estimator=estimator)
    plain, other = (hold_back(spec, values, each) for each in (labels, turned))
    number = start // 100 - 2
    np.testing.assert_array_equal(plain[number].margins, other[number].margins)
    assert plain[number].base_rate == other[number].base_rate
    if number:
        until = 100 * number
        for part in ("probabilities", "base_rates", "uncalibrated"):
            first, second = (getattr(scored_rows(each), part)[:until] for each in (plain, other))
            np.testing.assert_array_equal(first, second)


def test_a_label_that_ended_before_a_block_does_move_its_forecasts(make_spec, rows):
    values, labels = rows
    turned = labels.copy()
    turned.iloc[250:294, 2] = 1.0 - turned.iloc[250:294, 2]
    plain, other = (hold_back(make_spec(), values, each) for each in (labels, turned))
    assert (plain[1].margins != other[1].margins).any()
    assert (scored_rows(plain).probabilities != scored_rows(other).probabilities).any()


def test_scored_rows_are_the_blocks_after_the_first(make_spec, rows):
    values, labels = rows
    scored = scored_rows(hold_back(make_spec(), values, labels))
    assert len(scored.probabilities) == len(scored.base_rates) == 200
    np.testing.assert_array_equal(scored.outcomes, labels["label"].to_numpy()[300:])
    assert scored.uniqueness.sum() == pytest.approx(200 / 5, rel=0.05)
    assert len(np.unique(scored.base_rates)) == 2


def test_a_block_is_left_out_where_no_estimator_can_be_fitted_before_it(make_spec, rows):
    values, labels = rows
    labels = labels.copy()
    labels.iloc[:200, 2] = 1.0
    blocks = hold_back(make_spec(), values, labels)
    assert [len(block.rows) for block in blocks] == [100, 100]
    assert blocks[0].rows.index[0] == labels.index[300]
    labels.iloc[:395, 2] = 1.0
    one = hold_back(make_spec(), values, labels)
    assert scored_rows(one) is None
    labels["label"] = 1.0
    assert hold_back(make_spec(), values, labels) == []


def test_margins_are_centred_on_what_is_usual_for_the_estimator(make_spec, rows):
    values, labels = rows
    mostly_up = labels.copy()
    mostly_up.loc[mostly_up.index[::2], "label"] = 1.0
    block = hold_back(make_spec(), values, mostly_up)[-1]
    assert block.margins.mean() > 0.5
    assert abs(block.centred.mean()) < 0.3
    assert block.base_rate > 0.6
