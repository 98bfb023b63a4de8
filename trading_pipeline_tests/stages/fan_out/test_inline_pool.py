"""Tests of fan-outs in this process: what they share with it, and that results are the same."""

from trading_pipeline.stages.fan_out import StageCall
from trading_pipeline.stages.fan_out.context import Opened, shared_context
from trading_pipeline.stages.fan_out.inline_pool import InlinePool
from trading_pipeline.stages.features.instrument_series import stored_series
from trading_pipeline.stages.features.labels import LabelStage
from trading_pipeline.storage.private_warehouse import PrivateWarehouse
from trading_pipeline.storage.stores.bars import BarStore
from trading_pipeline_tests.stages.fan_out.small_market import (
    CHAIN,
    INSTRUMENTS,
    WINDOWS,
    files_of,
    rows_of,
    spread,
)

LABELS = StageCall(LabelStage, ("direction",))


def test_a_chain_in_this_process_gives_the_files_and_rows_of_serial_work(market, serial):
    for call, names in CHAIN:
        for instrument in INSTRUMENTS:  # as a pass does, which keeps the series that are read
            assert call(market, instrument).pending(call(market, instrument).keys(names))
        done = spread(market, call, names, InlinePool())
        assert [each.error for each in done] == [None] * 3
    assert files_of(market) == serial[2]
    assert rows_of(market) == serial[3]
    assert market.trials.verify().faults == ()


def test_a_series_that_the_process_has_read_is_not_read_again(market, monkeypatch):
    for instrument in INSTRUMENTS[:2]:
        stored_series(market, instrument).require_unchanged()
    read = []
    span = BarStore.read_span

    def noted(store, instrument, start, end):
        read.append(instrument)
        return span(store, instrument, start, end)

    monkeypatch.setattr(BarStore, "read_span", noted)
    done = spread(market, LABELS, WINDOWS, InlinePool())
    assert [each.error for each in done] == [None] * 3
    assert set(read) == {INSTRUMENTS[2]}


def test_a_series_of_other_attempts_is_read_anew_and_leaves_that_of_the_process(market):
    name = INSTRUMENTS[0]
    before = stored_series(market, name)
    private = PrivateWarehouse()  # without any row of the instrument
    inside = Opened(shared_context(market), market).workspace(private, name)
    assert inside.series == {name: before}
    assert stored_series(inside, name) is not before
    assert stored_series(inside, name).attempts == {}
    assert market.series == {name: before}
