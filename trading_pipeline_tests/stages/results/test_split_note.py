"""Which trades were held over a split, and what is said of them."""

from datetime import UTC, date, datetime

from trading_pipeline.stages.results.split_note import split_note

SPLITS = {
    "A_1d": [(date(2020, 3, 4), 2.0), (date(2020, 6, 1), 0.1)],
    "A_1h": [(date(2020, 3, 4), 1.5)],
}
CALENDARS = {"A_1d": {"calendar": "XNYS"}, "A_1h": {"calendar": "XASX"}}
LAST = datetime(2020, 12, 31, tzinfo=UTC)


def note(*trades, instrument="A_1d"):
    rows = [
        {"trade_no": number, "instrument": instrument, "entry_ts": entered, "exit_ts": left}
        for number, (entered, left) in enumerate(trades, start=1)
    ]
    return split_note(rows, SPLITS, last=LAST, instruments=CALENDARS)


def day(month, number, hour=0):
    return datetime(2020, month, number, hour, tzinfo=UTC)


def test_a_trade_over_the_open_of_the_ex_date_is_named_with_its_split():
    said = note((day(3, 3), day(3, 4)), (day(3, 4), day(3, 5)), (day(3, 1), day(3, 3)))
    assert said.startswith("Held over a split: trade 1 (A_1d 2 for 1 on 2020-03-04). Prices")
    assert "not adjusted" in said
    assert note((day(3, 4), day(5, 5))) == ""


def test_an_open_trade_is_held_up_to_the_last_bar_and_several_splits_are_listed():
    said = note((day(1, 2), None))
    assert "1 (A_1d 2 for 1 on 2020-03-04, 1 for 10 on 2020-06-01)" in said
    assert "5 (" in note(*[(day(3, 3), None)] * 7)
    assert " and 2 more. " in note(*[(day(3, 3), None)] * 7)


def test_the_day_of_an_hour_is_that_of_its_market():
    # 10:00 in Sydney on 4 March is 23:00 UTC on the 3rd: entered after the split
    assert note((day(3, 3, 23), day(3, 5, 1)), instrument="A_1h") == ""
    assert "3 for 2" in note((day(3, 3, 4), day(3, 3, 23)), instrument="A_1h")
