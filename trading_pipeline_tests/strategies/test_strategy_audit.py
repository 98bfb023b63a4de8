"""Audits of strategies where they run: kept, continued by new bars, valid for all instruments."""

import re
from typing import ClassVar

import numpy as np
import pytest

from trading_pipeline.domain.audit_records import AuditMemory
from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import LookaheadError
from trading_pipeline.strategies import Market, Strategy, StrategyCatalogue, StrategyParams
from trading_pipeline.strategies import catalogue as registry
from trading_pipeline.strategies.strategy_audit import strategy_outcome
from trading_pipeline_tests.conftest import random_bars

CALLS = []


class RiseParams(StrategyParams):
    """How far ahead the rule reads."""

    ahead: int = 0


class Rises(Strategy[RiseParams]):
    """Long after a rise; with `ahead` it reads the next bars."""

    name: ClassVar[str] = "rises"

    def signals(self, market, params):
        CALLS.append(len(market))
        change = np.append([0.0], np.diff(market.close))
        if params.ahead:
            change = np.append(change[params.ahead :], np.zeros(params.ahead))
        return Signals.long_only(change > 0, change < 0)


class NeedsAll(Rises):
    """It cannot be computed on fewer bars."""

    name: ClassVar[str] = "needs_all"

    def signals(self, market, params):
        if len(market) < 250:
            raise ValueError("too few bars")
        return super().signals(market, params)


class Fixed(Rises):
    """It cannot be computed on any other bars."""

    name: ClassVar[str] = "fixed"

    def signals(self, market, params):
        if market.close[-1] != MARKET.close[-1]:
            raise ValueError("other bars")
        return super().signals(market, params)


BARS = random_bars(300, seed=4)
MARKET = Market(BARS)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    for each in (Rises(), NeedsAll(), Fixed()):
        monkeypatch.setitem(registry._STRATEGIES, each.name, each)
    CALLS.clear()


def outcome(market=MARKET, *, name="rises", instrument="A_1d", log=None, allow=None, **params):
    strategies = StrategyCatalogue()
    return strategy_outcome(
        strategies,
        name,
        strategies.validate_params(name, params),
        market,
        instrument=instrument,
        log=log,
        allow_lookahead=allow,
    )


def test_a_shipped_strategy_is_audited_and_says_how_much_was_tried():
    found = outcome(name="sma_crossover", fast=3, slow=8)
    assert (found.audit, found.warnings) == ("passed", ())
    assert re.fullmatch(r"no difference at \d+ cuts and [\d,]+ slices", found.note)


def test_equal_code_parameters_and_bars_are_audited_once():
    log = AuditMemory()
    first = outcome(log=log)
    made = len(CALLS)
    assert made > 20
    assert outcome(Market(BARS.copy()), log=log) == first
    assert len(CALLS) == made
    outcome(log=log, ahead=0, instrument="B_1d")
    assert len(CALLS) > made


def test_only_new_bars_are_audited_where_bars_were_added():
    log = AuditMemory()
    outcome(MARKET.head(280), log=log)
    before = len(CALLS)
    outcome(log=log)
    new = CALLS[before:]
    assert len(new) < before
    assert min(new) >= 280  # no cut among the bars that were audited before
    assert log.records[-1].bars == 300
    assert log.records[-1].cuts > log.records[0].cuts


def test_a_changed_old_bar_audits_all_again():
    log = AuditMemory()
    outcome(MARKET.head(280), log=log)
    changed = BARS.copy()
    changed.iloc[10, :4] *= 1.01
    outcome(Market(changed), log=log)
    assert min(CALLS[len(CALLS) // 2 :]) < 280


@pytest.mark.parametrize("added", [1, 2, 20])
def test_a_leak_that_begins_with_the_new_bars_is_found(added, monkeypatch):
    start = BARS.index[299 - added]

    def late(_, market, params):
        rises = np.append(np.diff(market.close) > 0, False)
        late = np.asarray(market.bars.index >= start)
        return Signals.long_only(rises & late, ~rises & late)

    monkeypatch.setattr(Rises, "signals", late)
    log = AuditMemory()
    assert outcome(MARKET.head(300 - added), log=log).audit == "passed"
    with pytest.raises(LookaheadError):
        outcome(log=log)


def test_a_leak_names_field_bar_both_values_the_fix_and_the_way_out():
    with pytest.raises(LookaheadError) as caught:
        outcome(ahead=1)
    text = str(caught.value)
    assert text.startswith("the strategy 'rises' reads the future: column 'entry_long' at 201")
    for words in ("with the later bars and", "no shift by a negative", "'allow_lookahead'", "A_1d"):
        assert words in text
    assert caught.value.column == "entry_long"


def test_a_finding_on_one_instrument_refuses_all_others_without_an_audit():
    log = AuditMemory()
    with pytest.raises(LookaheadError):
        outcome(log=log, ahead=1)
    made = len(CALLS)
    with pytest.raises(LookaheadError, match=r"Found on A_1d .* same code on B_1d"):
        outcome(log=log, instrument="B_1d", ahead=1)
    assert len(CALLS) == made
    assert outcome(log=log, instrument="B_1d").audit == "passed"  # other parameters


def test_other_code_is_audited_anew(monkeypatch):
    log = AuditMemory()
    with pytest.raises(LookaheadError):
        outcome(log=log, ahead=1)
    monkeypatch.setattr(StrategyCatalogue, "code_hash", lambda *_: "fixed")
    monkeypatch.setattr(
        Rises, "signals", lambda _, market, params: Signals.long_only(*[market.close > 0] * 2)
    )
    assert outcome(log=log, ahead=1).audit == "passed"


def test_a_reason_keeps_the_result_and_marks_it():
    found = outcome(ahead=1, allow="the vendor stamps bars late")
    assert found.audit == "look_ahead_allowed"
    (warning,) = found.warnings
    assert warning.startswith("Look-ahead allowed: the vendor stamps bars late. ")
    assert "column 'entry_long'" in warning


def test_a_reason_marks_a_result_without_a_finding_too():
    found = outcome(allow="to be sure")
    assert found.audit == "look_ahead_allowed"
    assert "no difference at" in found.warnings[0]


def test_cuts_that_leave_too_few_bars_are_left_out():
    assert outcome(name="needs_all").audit == "passed"
    with pytest.raises(LookaheadError):
        outcome(name="needs_all", ahead=1)


def test_a_strategy_that_runs_on_no_other_bars_is_not_audited():
    found = outcome(name="fixed")
    assert found.audit == "not_audited"
    assert found.warnings[0].startswith("Not audited: ")


SMA = {"name": "sma_crossover", "fast": 3, "slow": 8}


@pytest.mark.parametrize(("kept", "is_audited"), [(275, False), (273, False), (272, True)])
def test_a_shipped_strategy_is_audited_again_after_a_tenth_more_bars(kept, is_audited):
    log = AuditMemory()
    first = outcome(MARKET.head(kept), log=log, **SMA)
    found = outcome(log=log, **SMA)
    assert (len(log.records) > 1) is is_audited
    assert found.audit == "passed"
    covered = "" if is_audited else f", on the first {kept} of 300 bars"
    assert found.note == f"{log.records[-1].note}{covered}"
    assert "on the first" not in first.note


def test_a_shipped_strategy_is_audited_at_once_where_its_old_bars_or_parameters_are_others():
    log = AuditMemory()
    outcome(MARKET.head(299), log=log, **SMA)
    changed = BARS.copy()
    changed.iloc[10, :4] *= 1.01
    outcome(Market(changed), log=log, **SMA)
    assert [record.bars for record in log.records] == [299, 300]
    outcome(log=log, **{**SMA, "fast": 4})
    assert len(log.records) == 3


def test_a_reason_to_allow_look_ahead_says_which_bars_the_audit_covered():
    log = AuditMemory()
    outcome(MARKET.head(299), log=log, **SMA)
    found = outcome(log=log, allow="to be sure", **SMA)
    assert found.warnings[0].endswith("on the first 299 of 300 bars.")


def test_only_code_of_the_package_counts_as_shipped():
    strategies = StrategyCatalogue()

    def of_package(name, **params):
        return strategies.is_of_package(name, strategies.validate_params(name, params))

    assert of_package("sma_crossover")
    assert not of_package("rises")  # a class that was put into the catalogue
    meta = {"model": "trust", "strategy": "sma_crossover"}
    assert of_package("meta_labelled", **meta)
    assert not of_package("meta_labelled", **{**meta, "strategy": "rises"})


def test_the_longest_kept_outcome_of_equal_bars_is_continued():
    log = AuditMemory()
    for bars in (250, 290, 270):
        outcome(MARKET.head(bars), log=log)
    before = len(CALLS)
    outcome(log=log)
    assert min(CALLS[before:]) >= 290
