from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.models.training.walk_forward_folds import (
    Fold,
    make_fold,
    purge,
    refit_dates,
)

DAY = pd.Timedelta(days=1)
YEAR = (datetime(2012, 1, 1, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC))


def day(text):
    return pd.Timestamp(text, tz="UTC")


def labels_of(spans, start="2012-01-01"):
    """One row a day, known at 21:00; `spans` gives the days each label takes."""
    index = pd.date_range(start, periods=len(spans), tz="UTC", name="ts").as_unit("us")
    known_at = pd.Series(index + pd.Timedelta(hours=21), index)
    ends = known_at + pd.Series([days * DAY for days in spans], index, dtype="timedelta64[us]")
    return pd.DataFrame({"t0": known_at, "t1": ends, "label": 1.0})


def test_rows_whose_label_ended_before_the_refit_date_are_kept():
    labels = labels_of([2] * 10)
    result = purge(labels, day("2012-01-08"))
    # the bar of the 5th ends on the 7th at 21:00; that of the 6th on the 8th
    assert result.kept.index.tolist() == labels.index[:5].tolist()
    # the 6th and 7th were known before the 8th; the 8th and later are the future, not purged
    assert (result.purged, result.embargoed) == (2, 0)


def test_a_label_that_ends_at_the_very_refit_date_is_purged():
    labels = labels_of([2])
    end = labels["t1"].iloc[0]
    assert len(purge(labels, end).kept) == 0
    assert purge(labels, end).purged == 1
    assert len(purge(labels, end + pd.Timedelta(microseconds=1)).kept) == 1


def test_the_embargo_takes_the_latest_of_what_the_purge_left():
    labels = labels_of([2] * 10)
    result = purge(labels, day("2012-01-08"), 2)
    assert result.kept.index.tolist() == labels.index[:3].tolist()
    assert (result.purged, result.embargoed) == (2, 2)
    everything = purge(labels, day("2012-01-08"), 99)
    assert (len(everything.kept), everything.embargoed) == (0, 5)


SPANS = st.lists(st.integers(1, 30), min_size=0, max_size=60)


@given(SPANS, st.integers(-5, 100), st.integers(0, 20), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_purge_holds_its_promises_for_any_labels_in_any_order(spans, cut, embargo, shuffle):
    labels = labels_of(spans)
    order = list(range(len(labels)))
    shuffle.shuffle(order)
    mixed = labels.iloc[order]
    before = day("2012-01-01") + cut * DAY
    result = purge(mixed, before, embargo)
    ended = labels[labels["t1"] < before]
    # nothing that was kept reaches the refit date
    assert (result.kept["t1"] < before).all()
    # nothing that could be kept was lost, but for the embargo, which is the tail
    assert len(result.kept) == max(len(ended) - embargo, 0)
    assert result.embargoed == len(ended) - len(result.kept)
    expected = ended.sort_values("t0").iloc[: len(result.kept)].index
    assert sorted(result.kept.index) == list(expected)
    # order of the rows is left as it was
    assert result.kept.index.tolist() == [ts for ts in mixed.index if ts in set(expected)]
    # every row is kept, embargoed, purged, or of the future
    future = int((labels["t0"] >= before).sum())
    assert len(result.kept) + result.embargoed + result.purged + future == len(labels)


@given(SPANS, st.integers(0, 100), st.integers(0, 10))
@settings(max_examples=60, deadline=None)
def test_purging_twice_changes_nothing_and_a_later_date_keeps_more(spans, cut, later):
    labels = labels_of(spans)
    before = day("2012-01-01") + cut * DAY
    once = purge(labels, before).kept
    pd.testing.assert_frame_equal(purge(once, before).kept, once)
    assert set(once.index) <= set(purge(labels, before + later * DAY).kept.index)


def test_purge_refuses_labels_and_embargoes_that_make_no_sense():
    labels = labels_of([2, 2])
    with pytest.raises(DataQualityError, match="which is not after it begins at 2012-01-01"):
        purge(labels.assign(t1=labels["t0"]), day("2012-01-08"))
    with pytest.raises(DataQualityError, match="cannot be purged"):
        purge(labels.assign(t1=labels["t1"].where(labels["label"] < 0)), day("2012-01-08"))
    with pytest.raises(ConfigurationError, match="embargo of -1 bars"):
        purge(labels, day("2012-01-08"), -1)
    with pytest.raises(ConfigurationError, match="without a time zone"):
        purge(labels, pd.Timestamp("2012-01-08"))


def test_a_fold_says_what_was_trained_on_and_what_may_be_predicted():
    labels = labels_of([2] * 10)
    fold, kept = make_fold(
        labels, test_start=day("2012-01-08"), test_end=day("2012-02-01"), embargo_bars=1
    )
    assert fold == Fold(
        train_start=day("2012-01-01"),
        train_end=day("2012-01-04"),
        last_label_end=day("2012-01-06 21:00"),
        test_start=day("2012-01-08"),
        test_end=day("2012-02-01"),
        rows=4,
        purged=2,
        embargoed=1,
    )
    assert len(kept) == 4
    assert fold.last_label_end < fold.test_start
    assert Fold.from_dict(fold.as_dict()) == fold


def test_a_fold_without_rows_has_no_training_span():
    fold, kept = make_fold(
        labels_of([30] * 5), test_start=day("2012-01-05"), test_end=day("2012-02-01")
    )
    assert (fold.train_start, fold.train_end, fold.last_label_end, fold.rows) == (None,) * 3 + (0,)
    assert fold.purged == 4
    assert kept.empty
    assert Fold.from_dict(fold.as_dict()) == fold


@pytest.mark.parametrize(
    ("refit", "count", "second"),
    [
        ("window", 1, None),
        ("quarter", 4, "2012-04-01"),
        ("month", 12, "2012-02-01"),
        ("week", 54, "2012-01-02"),
        ("day", 366, "2012-01-02"),
    ],
)
def test_refit_dates_of_a_year(refit, count, second):
    dates = refit_dates(*YEAR, refit)
    assert len(dates) == count
    assert dates[0] == day("2012-01-01")
    assert second is None or dates[1] == day(second)
    assert dates == sorted(set(dates))
    assert dates[-1] < day("2013-01-01")


def test_a_window_that_starts_on_a_monday_has_no_date_twice():
    dates = refit_dates(datetime(2018, 1, 1, tzinfo=UTC), datetime(2018, 2, 1, tzinfo=UTC), "week")
    assert [date.day for date in dates] == [1, 8, 15, 22, 29]


def test_a_window_start_is_a_refit_date_even_between_quarters():
    dates = refit_dates(
        datetime(2012, 2, 1, tzinfo=UTC), datetime(2012, 5, 1, tzinfo=UTC), "quarter"
    )
    assert dates == [day("2012-02-01"), day("2012-04-01")]


def test_refit_dates_refuse_unknown_frequencies_and_empty_windows():
    with pytest.raises(ConfigurationError, match=r"every 'mounth'\. Did you mean 'month'"):
        refit_dates(*YEAR, "mounth")
    with pytest.raises(ConfigurationError, match="not after its start"):
        refit_dates(YEAR[1], YEAR[0], "month")
    with pytest.raises(ConfigurationError, match="without a time zone"):
        refit_dates(datetime(2012, 1, 1), YEAR[1], "month")
