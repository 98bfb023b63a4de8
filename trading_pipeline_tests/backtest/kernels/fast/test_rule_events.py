"""Conditions eight bars at a time, against the plan's own signals bar by bar."""

import numpy as np
import pytest

from trading_pipeline.backtest.kernels.events import pack_intents
from trading_pipeline.backtest.kernels.fast import rule_events
from trading_pipeline.domain.rule_plan import INTENTS, Condition, RulePlan

RELATIONS = {
    "above": rule_events.ABOVE,
    "at_or_above": rule_events.AT_OR_ABOVE,
    "below": rule_events.BELOW,
    "at_or_below": rule_events.AT_OR_BELOW,
    "crosses_above": rule_events.CROSSES_ABOVE,
    "crosses_below": rule_events.CROSSES_BELOW,
}


def random_plan(rng, bars, lead):
    rows = rng.integers(0, 5, (4, bars + lead)).astype(float)
    rows[rng.random(rows.shape) < 0.1] = np.nan

    def condition():
        right = [
            {"number": [float(rng.integers(0, 5))]},
            {"base": rng.integers(0, 4, 1)},
            {"base": rng.integers(0, 4, 1), "spread": rng.integers(0, 4, 1), "number": [0.5]},
        ][rng.integers(3)]
        return Condition(rng.integers(0, 4, 1), str(rng.choice(list(RELATIONS))), **right)

    def rule():
        return [[condition() for _ in range(rng.integers(1, 3))] for _ in range(rng.integers(0, 3))]

    return RulePlan(rows=rows, count=1, lead=lead, **{name: rule() for name in INTENTS})


def events_of(plan):
    """Events by the compiled functions."""
    terms, places, numbers = [], [], []
    for intent, begins, each in plan.terms():
        terms.append((intent, begins, RELATIONS[each.relation]))
        arrays = (each.left, each.base, each.spread)
        places.append([-1 if values is None else int(values[0]) for values in arrays])
        numbers.append(0.0 if each.number is None else each.number[0])
    masks = np.empty((5, (plan.rows.shape[1] + 7) // 8), dtype=np.uint8)
    rule_events.decide(
        plan.rows,
        np.array(terms, dtype=np.int64).reshape(-1, 3),
        np.array(places, dtype=np.int64).reshape(-1, 3),
        np.array(numbers),
        masks,
    )
    bars, codes = np.empty(plan.bars, dtype=np.int64), np.empty(plan.bars, dtype=np.uint8)
    count = rule_events.rule_events(masks, plan.lead, bars, codes)
    return dict(zip(bars[:count].tolist(), codes[:count].tolist(), strict=True))


@pytest.mark.parametrize("lead", [0, 1])
def test_events_are_those_of_the_signals_but_for_exits_that_close_nothing(lead):
    rng = np.random.default_rng(lead)
    for bars in [1, 2, 7, 8, 9, 16, 17, 65] * 12:
        plan = random_plan(rng, bars, lead)
        signals = plan.signals(0)
        bar, code, _ = pack_intents(*(getattr(signals, name) for name in INTENTS))
        wanted, found = dict(zip(bar.tolist(), code.tolist(), strict=True)), events_of(plan)
        assert found.items() <= wanted.items()
        entered = {"long": False, "short": False}
        for at in sorted(wanted):
            if at not in found:
                assert not wanted[at] & ~0b1010  # an exit alone
                assert not (wanted[at] & 2 and entered["long"])
                assert not (wanted[at] & 8 and entered["short"])
            entered["long"] = not wanted[at] & 2 and (entered["long"] or bool(wanted[at] & 1))
            entered["short"] = not wanted[at] & 8 and (entered["short"] or bool(wanted[at] & 4))
