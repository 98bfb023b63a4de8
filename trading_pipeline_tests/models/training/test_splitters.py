"""Splits of overlapping labels: nothing that is trained on meets what is tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError, DataQualityError, InsufficientDataError
from trading_pipeline.models.training.splitters import label_splitter
from trading_pipeline.models.training.walk_forward_folds import make_fold, purge

DAY = pd.Timedelta(days=1)
METHODS = ("walk_forward", "purged_k_fold", "combinatorial")


def labels_of(lengths, gaps=None):
    """One label a bar; `lengths` in days, `gaps` the days from one bar to the next."""
    steps = np.ones(len(lengths), dtype=int) if gaps is None else np.asarray(gaps)
    index = pd.DatetimeIndex(
        pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(np.cumsum(steps), unit="D")
    ).as_unit("us")
    t1 = index + pd.to_timedelta(np.asarray(lengths), unit="D")
    return pd.DataFrame({"t0": index, "t1": t1, "label": 1.0}, index=index.rename("ts"))


spans = st.lists(st.integers(1, 12), min_size=24, max_size=60).flatmap(
    lambda lengths: st.lists(st.integers(1, 4), min_size=len(lengths), max_size=len(lengths)).map(
        lambda gaps: labels_of(lengths, gaps)
    )
)


@settings(deadline=None, max_examples=60)
@given(
    spans,
    st.sampled_from(METHODS),
    st.integers(2, 6),
    st.integers(0, 5),
    st.sampled_from([None, 3, 10]),
)
def test_no_training_row_lives_while_a_tested_one_does(labels, method, splits, embargo, sliding):
    options = {"train_rows": sliding} if method == "walk_forward" else {}
    if method == "combinatorial":
        options["test_blocks"] = max(splits // 2, 1)
    made = label_splitter(labels, method, splits=splits, embargo_bars=embargo, **options)
    t0, t1 = labels["t0"].to_numpy("datetime64[us]"), labels["t1"].to_numpy("datetime64[us]")
    found = list(made.splits())
    assert len(found) == made.get_n_splits()
    for each in found:
        assert not np.intersect1d(each.train, each.test).size
        assert (np.diff(each.train) > 0).all()
        meets = (t0[each.train][:, None] <= t1[each.test]) & (
            t1[each.train][:, None] >= t0[each.test]
        )
        assert not meets.any()
        if method == "walk_forward":
            assert not each.train.size or t1[each.train].max() < t0[each.test].min()
            assert sliding is None or len(each.train) <= sliding
        else:
            assert len(each.train) + len(each.test) + each.purged + each.embargoed == len(labels)


@settings(deadline=None, max_examples=60)
@given(spans, st.integers(1, 59), st.integers(0, 4))
def test_a_walk_forward_fit_and_a_walk_forward_split_are_trained_on_the_same_rows(
    labels, first, embargo
):
    first = min(first, len(labels) - 1)
    split = next(
        label_splitter(
            labels,
            "walk_forward",
            splits=1,
            test_rows=len(labels) - first,
            embargo_bars=embargo,
        ).splits()
    )
    begins = labels["t0"].iloc[first]
    kept = purge(labels.iloc[:first], begins, embargo)
    assert labels.index[split.train].equals(kept.kept.index)
    fold, rows = make_fold(labels, test_start=begins, test_end=begins + DAY, embargo_bars=embargo)
    assert rows.index.equals(kept.kept.index)
    assert (fold.purged, fold.embargoed) == (split.purged, split.embargoed)


@pytest.mark.parametrize(
    ("blocks", "tested", "splits", "paths"),
    # Lopez de Prado (2018), section 12.3: C(N, k) splits and k/N of them as paths
    [(6, 2, 15, 5), (10, 2, 45, 9), (16, 8, 12870, 6435)],
)
def test_combinations_and_paths_are_as_many_as_published(blocks, tested, splits, paths):
    made = label_splitter(labels_of([1] * 48), "combinatorial", splits=blocks, test_blocks=tested)
    assert made.get_n_splits() == splits
    found = made.paths()
    assert found.shape == (paths, blocks)
    assert all(len(set(column)) == paths for column in found.T)


def test_every_row_is_tested_once_by_k_fold_and_once_in_each_path():
    labels = labels_of([3] * 50)
    tested = [test for _, test in label_splitter(labels, "purged_k_fold", splits=7).split()]
    np.testing.assert_array_equal(np.concatenate(tested), np.arange(50))
    made = label_splitter(labels, "combinatorial", splits=5, test_blocks=2)
    splits = [set(each.test.tolist()) for each in made.splits()]
    blocks = np.array_split(np.arange(50), 5)
    for path in made.paths():
        for block, number in zip(blocks, path, strict=True):
            assert set(block.tolist()) <= splits[number]


def test_an_embargo_takes_the_first_rows_after_each_tested_block():
    labels = labels_of([2] * 30)
    made = label_splitter(labels, "purged_k_fold", splits=3, embargo_bars=4)
    first, middle, last = made.splits()
    # rows 0 to 9 are tested; their labels end on day 11, and rows 10 and 11 live until then
    assert first.train.tolist() == list(range(16, 30))
    assert (first.purged, first.embargoed) == (2, 4)
    assert middle.train.tolist() == [*range(8), *range(26, 30)]
    assert (last.train.tolist(), last.embargoed) == (list(range(18)), 0)


def test_the_fold_table_tells_spans_and_counts():
    labels = labels_of([2] * 30)
    table = label_splitter(
        labels, "walk_forward", splits=2, test_rows=5, train_rows=8, embargo_bars=1
    ).fold_table()
    assert table["rows"].tolist() == [8, 8]
    assert table["purged"].tolist() == [2, 2]
    assert table["embargoed"].tolist() == [1, 1]
    assert table["train_end"].tolist() == [labels.index[16], labels.index[21]]
    assert table["test_start"].tolist() == [labels.index[20], labels.index[25]]
    assert (table["train_end"] < table["test_start"]).all()


def test_scikit_learn_takes_the_splitter():
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import cross_val_score

    values = np.random.default_rng(7).normal(size=(60, 3))
    outcomes = values @ [1.0, -1.0, 0.5]
    for method in METHODS:
        made = label_splitter(labels_of([3] * 60), method, splits=4)
        assert cross_val_score(Ridge(), values, outcomes, cv=made).min() > 0.9
    with pytest.raises(DataQualityError, match="59 rows to split and 60 labels"):
        next(made.split(values[:-1]))


def test_what_cannot_be_split_is_refused():
    labels = labels_of([1] * 20)
    for options, message in (
        ({"method": "k_fold"}, "no method 'k_fold'"),
        ({"method": "purged_k_fold", "splits": 1}, "splits is 1"),
        ({"method": "combinatorial", "splits": 4, "test_blocks": 4}, "from 1 to 3"),
        ({"method": "purged_k_fold", "train_rows": 3}, "belong to walk_forward"),
        ({"method": "walk_forward", "embargo_bars": -1}, "embargo_bars is -1"),
        ({"method": "combinatorial", "splits": 20, "test_blocks": 10, "big": 1}, ""),
    ):
        if options.pop("big", None):
            made = label_splitter(labels, **options)
            assert made.get_n_splits() == 184756
            continue
        with pytest.raises(ConfigurationError, match=message):
            label_splitter(labels, **options)
    with pytest.raises(InsufficientDataError, match="20 rows cannot be cut into 21 blocks"):
        label_splitter(labels, "purged_k_fold", splits=21)
    with pytest.raises(InsufficientDataError, match="nothing to train on"):
        label_splitter(labels, "walk_forward", splits=4, test_rows=5)
    with pytest.raises(DataQualityError, match="not in order of t0"):
        label_splitter(labels.iloc[::-1], "purged_k_fold")
    with pytest.raises(DataQualityError, match="not after it begins"):
        label_splitter(labels.assign(t1=labels["t0"]), "purged_k_fold")
    long = label_splitter(labels_of([40] * 20), "purged_k_fold", splits=3)
    with pytest.raises(InsufficientDataError, match="no training row left after"):
        next(long.split())


@pytest.mark.validation
@pytest.mark.parametrize("length", [1, 3, 7])
@pytest.mark.parametrize("embargo", [0, 5])
def test_the_splits_are_those_of_another_package(length, embargo):
    """purgedcv takes half-open lives and an embargo in time; bars are a day apart here."""
    purgedcv = pytest.importorskip("purgedcv")
    labels = labels_of([length] * 120)
    spans = {
        "prediction_times": labels["t0"].dt.tz_localize(None),
        "evaluation_times": (labels["t1"] + pd.Timedelta(microseconds=1)).dt.tz_localize(None),
    }
    after = {"embargo": embargo * DAY} if embargo else {}
    theirs = {
        "purged_k_fold": purgedcv.PurgedKFold(6, **spans, **after),
        "combinatorial": purgedcv.CombinatorialPurgedCV(6, 2, **spans, **after),
    }
    if not embargo:
        theirs["walk_forward"] = purgedcv.WalkForwardSplit(
            6, 15, window="sliding", train_size=20, **spans
        )
    for method, other in theirs.items():
        options = {"train_rows": 20, "test_rows": 15} if method == "walk_forward" else {}
        ours = label_splitter(labels, method, splits=6, embargo_bars=embargo, **options)
        pairs = list(zip(ours.split(), other.split(np.zeros((120, 1))), strict=True))
        assert len(pairs) == ours.get_n_splits()
        for (train, test), (their_train, their_test) in pairs:
            np.testing.assert_array_equal(train, their_train)
            np.testing.assert_array_equal(test, their_test)
