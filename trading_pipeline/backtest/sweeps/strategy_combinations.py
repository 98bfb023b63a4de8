"""From a strategy and many parameter sets to plans for the fast loops, or to signals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from trading_pipeline.backtest.arrays import IntArray
from trading_pipeline.backtest.scenario_runner import scenario_signals
from trading_pipeline.backtest.signal_checks import check_levels, check_rows
from trading_pipeline.backtest.sweeps.plan_trading import Plan, SharedInputs
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.rule_plan import RulePlan
from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import StrategyError
from trading_pipeline.market_data.adjustments import adjustment_events, forward_factors
from trading_pipeline.strategies import (
    SHIPPED,
    Market,
    Strategy,
    StrategyCatalogue,
    StrategyParams,
)
from trading_pipeline.strategies.base import ROWS_A_COMBINATION
from trading_pipeline.strategies.parameter_sets import ParameterSets

__all__ = ["StrategyCombinations", "market_of", "strategy_source", "validated_sets"]

_BYTES = 8
_NUMBERS = frozenset({int, float})


def strategy_source(
    shared: SharedInputs,
    strategy: object,
    parameters: object,
    market: Market | None,
    strategies: StrategyCatalogue | None,
) -> StrategyCombinations:
    """The combinations of a strategy, given by name, class or instance."""
    catalogue = SHIPPED if strategies is None else strategies
    name = strategy
    if not isinstance(name, str):
        catalogue, name = catalogue.with_strategy(strategy)
    sets = validated_sets(catalogue, name, parameters)
    return StrategyCombinations(shared, catalogue, name, sets, market)


class StrategyCombinations:
    """The parameter sets of one strategy on one market.

    `sets`: validated. `rows`: those of the market that are traded.
    """

    def __init__(
        self,
        shared: SharedInputs,
        strategies: StrategyCatalogue,
        name: str,
        sets: ParameterSets[Any],
        market: Market | None,
    ) -> None:
        self.shared, self.strategies, self.name, self.sets = shared, strategies, name, sets
        seen, self.rows = market, slice(0, len(shared.bars))
        if seen is None:
            seen = market_of(shared)
        else:
            self.rows = _traded_rows(shared.bars, seen)
        self.market = seen.traded_from(self.rows.start)
        self.columns = sets.columns

    def __len__(self) -> int:
        """Number of parameter sets."""
        return len(self.sets)

    def parameters(self, number: int) -> dict[str, Any]:
        """One set, defaults filled in."""
        return {field: values[number] for field, values in self.columns.items()}

    def batches(
        self, numbers: IntArray, memory_bytes: float
    ) -> Iterator[tuple[IntArray, Plan | None]]:
        """The given sets in parts, each with its plan, or None where signals must be asked for.

        Sets of a part agree in all parameters that are no number, and the rows of its plan take at
        most `memory_bytes`, those that all sets share apart. The first part is as large as fits
        where no two sets share a row; the next ones are as large as the last one lets expect.
        """
        row = _BYTES * len(self.market)
        for alike in self._alike(numbers):
            at, most = 0, memory_bytes / (ROWS_A_COMBINATION * row)
            while at < len(alike):
                part = alike[at : at + max(1, int(most))]
                plan = self._plan(part)
                taken = 0.0 if plan is None else plan.rows.nbytes - ROWS_A_COMBINATION * row
                if len(part) > 1 and taken > memory_bytes:
                    most = len(part) / 2.0  # these share less than the ones before
                    continue
                yield part, plan
                at += len(part)
                if plan is not None:
                    most = memory_bytes / (plan.rows.nbytes / len(part) + 1.0)

    def signals(self, number: int) -> Signals:
        """Signals of one set on the traded bars, checked as a single run checks them."""
        found = scenario_signals(
            self.name, self.sets[number], self.market, self.rows, self.strategies
        )
        check_rows(self.shared.bars, found)
        check_levels(self.shared.bars, found)
        return found

    def identity(self) -> dict[str, str]:
        """Hashes of the strategy's code, the parameter sets and the market."""
        code = self.strategies.code_hash(self.name, self.sets[0])
        market = self.market.data_hash(len(self.market))
        parameters = canonical_hash([each.model_dump(mode="json") for each in self.sets])
        return {"strategy code": code, "parameters": parameters, "market": market}

    def _alike(self, numbers: IntArray) -> Iterable[IntArray]:
        """The numbers in groups that agree in all parameters that are no number."""
        if not len(numbers):
            return []
        # most are one value for all, a default or a name, which is quickly seen
        several = [each for each in self.columns.values() if each.count(each[0]) < len(each)]
        texts = [values for values in several if not _NUMBERS.issuperset(map(type, values))]
        if not texts:
            return [numbers]
        objects = {id(each): each for values in texts for each in values}  # few, such as names
        written = {key: repr(each) for key, each in objects.items()}
        groups: dict[tuple[str, ...], list[int]] = {}
        keys = [[written[id(each)] for each in values] for values in texts]
        for number in numbers.tolist():
            groups.setdefault(tuple(key[number] for key in keys), []).append(number)
        return [np.array(group, dtype=np.int64) for group in groups.values()]

    def _plan(self, part: IntArray) -> Plan | None:
        try:
            whole = len(part) == len(self.sets)
            sets = self.sets if whole else self.sets.take(part.tolist())
            plan = self.strategies.sweep_plan(self.name, self.market, sets)
        except Exception:  # signals, asked for set by set, say which set it is and why
            return None
        if plan is None:
            return None
        fits = isinstance(plan, (CrossingPlan, RulePlan)) and len(plan) == len(part)
        if not fits or plan.bars != len(self.market):
            raise StrategyError(
                f"sweep_plan of '{self.name}' must give a plan of {len(part)} combinations on "
                f"{len(self.market)} bars, or None.",
                name=self.name,
            )
        return plan if self.rows == slice(0, len(self.market)) else plan.cut(self.rows)


def market_of(shared: SharedInputs) -> Market:
    """What a strategy sees of the bars: prices adjusted by the actions, without forecasts."""
    bars = shared.bars
    if not shared.actions:
        return Market(bars)
    frame = bars.frame
    factors = forward_factors(bars.index, adjustment_events(shared.actions, frame))
    return Market(bars, factors["total"].to_numpy(), split_factor=factors["split"].to_numpy())


def validated_sets(
    strategies: StrategyCatalogue, name: str, parameters: object
) -> ParameterSets[Any]:
    """The parameter sets, checked, defaults filled in; those that are checked stay as they are.

    Raises `StrategyError` that names the first wrong set and its parameter.
    """
    if isinstance(parameters, ParameterSets):
        return parameters  # checked before
    is_list = isinstance(parameters, Iterable) and not isinstance(parameters, (Mapping, str, bytes))
    given: list[Any] = list(parameters) if is_list else []  # type: ignore[call-overload]
    chosen = strategies.of_one_market(name)
    kind: type[StrategyParams] = chosen.params_type
    sets = ParameterSets.checked(kind, given) if is_list else None
    if sets is None:
        _check_mappings(name, parameters, given if is_list else None)
        plain = [_plain(each) for each in given]
        sets = ParameterSets.checked(kind, plain)
    if sets is None:
        one_by_one = [_checked(strategies, name, at, each) for at, each in enumerate(plain)]
        return ParameterSets.of(kind, one_by_one)
    if type(chosen).primary is not Strategy.primary:
        for each in sets:
            strategies.primary(name, each)
    return sets


def _check_mappings(name: str, parameters: object, given: list[Any] | None) -> None:
    """Raise where the parameters are no list, or one of them is no mapping."""
    wrong = [
        f"parameters[{at}] is a {type(each).__name__}"
        for at, each in enumerate(given or ())
        if not isinstance(each, (Mapping, StrategyParams))
    ]
    if given is None:
        wrong = [f"The parameters are a {type(parameters).__name__}"]
    if wrong:
        raise StrategyError(
            f"{wrong[0]}; give a list with one dict for each combination, such as "
            '[{"fast": 10}, {"fast": 20}].',
            name=name,
        )


def _plain(given: StrategyParams | Mapping[str, object]) -> dict[str, object]:
    """A set as a dict; numpy's numbers as Python's."""
    values = given.model_dump() if isinstance(given, StrategyParams) else given
    return {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in values.items()
    }


def _checked(strategies: StrategyCatalogue, name: str, number: int, given: Any) -> StrategyParams:
    try:
        return strategies.validate_params(name, given)
    except StrategyError as error:
        raise StrategyError(
            f"parameters[{number}]: {error}", **error.values | {"row": number}
        ) from error


def _traded_rows(bars: ValidatedBars, market: Market) -> slice:
    """Rows of the market that the bars are."""
    stamps = market.raw.index.as_unit("us").asi8  # type: ignore[attr-defined]
    first = int(np.searchsorted(stamps, bars.ts[0]))
    rows = slice(first, first + len(bars))
    if not np.array_equal(stamps[rows], bars.ts):
        raise StrategyError(
            f"The market must hold the {len(bars)} traded bars one after the other; it has "
            f"{len(market)} bars and the first traded one is {bars.index[0]}. Make the market of "
            "the same bars, or of these and some before them.",
            rows=len(market),
            expected=len(bars),
        )
    return rows
