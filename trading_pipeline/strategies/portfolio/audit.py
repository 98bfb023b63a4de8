"""Prove that target weights read no bar from the future, over all instruments at once.

The audits of features and signals change the bars of one series. Here that series is a basket: the
mean of all instruments, each from 1 at its first bar. Where the basket gets another bar, each
instrument's bar changes as much, and by a random factor of its own, so that ranks change too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.audit_records import (
    AuditLog,
    AuditMemory,
    AuditOutcome,
    AuditRecord,
    AuditSubject,
)
from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.audits.causality import audit_causality
from trading_pipeline.features.audits.comparison import (
    AuditTally,
    CausalityFinding,
    Compute,
    Recomputation,
    computed_table,
    differences,
    recomputed_table,
)
from trading_pipeline.features.audits.recomputation import changed_bars
from trading_pipeline.own_code import confirmed, not_audited
from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline.strategies.base import StrategyParams
from trading_pipeline.strategies.catalogue import StrategyCatalogue
from trading_pipeline.strategies.fresh_strategies import FreshDecisions
from trading_pipeline.strategies.lookahead_check import FAILURES
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.portfolio.panel import Panel
from trading_pipeline.strategies.strategy_audit import (
    covered_record,
    known_finding,
    not_tried,
    outcome_of,
)

__all__ = [
    "WeightsOf",
    "audit_weights",
    "portfolio_outcome",
    "portfolio_parameters",
    "portfolio_subject",
]

FloatArray = npt.NDArray[np.float64]
WeightsOf = Callable[[Panel], FloatArray]

_SEED = 11
_CUTS = 4
_DECISIONS = 16  # rows with weights that are computed again as the last row
_LEAST_ROWS, _LONGEST_SECONDS = 8, 4.0  # slow strategies are computed again less often
_FUTURES = 16
_MOST_CALLS = 24
_APART = 0.1  # deviation of the log of each instrument's own factor


def portfolio_parameters(params: StrategyParams, rebalancing: Rebalancing) -> dict[str, object]:
    """Parameters and, where there is one, the rebalancing: what makes a trial of a portfolio.

    The rebalancing says on which rows weights are decided, so it is a part of what is audited.
    """
    dates = rebalancing.model_dump(mode="json", exclude_none=True)
    return params.model_dump(mode="json") | ({"rebalance": dates} if dates else {})


def portfolio_subject(
    strategies: StrategyCatalogue, name: str, params: StrategyParams, rebalancing: Rebalancing
) -> AuditSubject:
    """A portfolio strategy with its parameters and rebalancing, as what is audited."""
    return AuditSubject(
        kind="strategy",
        name=name,
        code_hash=strategies.code_hash(name, params),
        audit_hash=code_hash(audit_weights),
        parameters=json.dumps(portfolio_parameters(params, rebalancing), sort_keys=True),
    )


def portfolio_outcome(
    strategies: StrategyCatalogue,
    name: str,
    params: StrategyParams,
    panel: Panel,
    rebalancing: Rebalancing,
    *,
    log: AuditLog | None = None,
    allow_lookahead: str | None = None,
) -> AuditOutcome:
    """What a result of the strategy on this panel has to say of its audit.

    As `strategy_outcome` of one market: kept in `log` for equal code, parameters and bars. Raises
    `LookaheadError` where the strategy reads the future, here or on other instruments.
    """
    kept = AuditMemory() if log is None else log
    subject = portfolio_subject(strategies, name, params, rebalancing)
    instruments = ", ".join(panel.instruments)
    try:
        record = _record(strategies, name, params, panel, subject, instruments, kept)
    except InsufficientDataError as error:
        return not_tried(str(error), allow_lookahead)
    return outcome_of(record, instruments, allow_lookahead, bars=len(panel))


def audit_weights(
    weights: WeightsOf,
    panel: Panel,
    *,
    memory: int,
    first: int = 0,
    tally: AuditTally | None = None,
    fresh: FreshDecisions[Panel, FloatArray] | None = None,
) -> list[CausalityFinding]:
    """Rows of weights that change although no bar known by then did; empty where there are none.

    Weights are computed again on the first rows alone, with later bars scrambled, with other bars
    after many rows (`audit_causality`), and on rows that decide something as the last row.
    `memory`: rows that weights usually depend on. `first`, `tally`, `fresh` as in `audit_strategy`.
    """
    basket = _basket(panel)
    counted = AuditTally() if tally is None else tally

    def compute(bars: pd.DataFrame) -> pd.DataFrame:
        seen = _panel_of(panel, basket, bars)
        chosen = weights if seen is panel or fresh is None else fresh
        return pd.DataFrame(chosen(seen), bars.index, list(panel.instruments))

    def find() -> list[CausalityFinding]:
        full = computed_table(compute, basket)
        if not full.notna().to_numpy().any():
            raise InsufficientDataError(
                f"No weights were given on {len(panel)} rows, so there is nothing to audit. Give "
                "more bars.",
                rows=len(panel),
            )
        found = differences(
            "prefix_truncation",
            full,
            _last_rows(compute, basket, full, first, counted),
            rtol=1e-9,
        )
        return found or audit_causality(
            compute,
            basket,
            cuts=_CUTS,
            memory=memory,
            futures=_FUTURES,
            full=full,
            first=first,
            tally=counted,
            passing=FAILURES,
            most_calls=_MOST_CALLS,
        )

    return find() if fresh is None else confirmed(fresh, find)


def _record(
    strategies: StrategyCatalogue,
    name: str,
    params: StrategyParams,
    panel: Panel,
    subject: AuditSubject,
    instruments: str,
    log: AuditLog,
) -> AuditRecord:
    found = known_finding(subject, log)
    if found is not None:
        return found
    fresh = strategies.fresh_weights(name, params)

    def audit(first: int, tally: AuditTally) -> Sequence[CausalityFinding]:
        return audit_weights(
            lambda seen: strategies.weights(name, seen, params),
            panel,
            memory=strategies.warmup_bars(name, params.model_dump()),
            first=first,
            tally=tally,
            fresh=fresh,
        )

    def outside() -> str:
        return not_audited(f"The strategy '{name}'", fresh.notes, read_from="market.inputs")

    return covered_record(
        subject, instruments, panel, log, audit, outside=outside,
        of_package=strategies.is_of_package(name, params),
    )  # fmt: skip


def _last_rows(
    compute: Compute, basket: pd.DataFrame, full: pd.DataFrame, first: int, tally: AuditTally
) -> Iterator[Recomputation]:
    """Rows that decide something, and random ones, each computed as the last row there is."""
    generator = np.random.default_rng(_SEED)
    decided = np.flatnonzero(full.notna().any(axis=1).to_numpy()[:-1])
    decided = generator.permutation(decided[decided >= first])[:_DECISIONS]
    others = generator.integers(min(first, len(full) - 2), len(full) - 1, 4)
    rows = dict.fromkeys((*map(int, decided), *map(int, others)) if len(full) > 1 else ())
    began = time.perf_counter()
    for tried, row in enumerate(rows):
        if tried >= _LEAST_ROWS and time.perf_counter() - began > _LONGEST_SECONDS:
            break
        try:
            part = recomputed_table(compute, basket.iloc[: row + 1], full)
        except FAILURES:
            continue
        tally.cuts += 1
        # also the rows before: a table may be right at its end alone
        yield Recomputation(table=part, start=max(row - 50, 0), stop=row + 1, cut=row + 1)


def _basket(panel: Panel) -> pd.DataFrame:
    """Bars of the mean of all instruments, each in terms of its first close."""
    parts = []
    for market in panel.markets.values():
        if len(market):
            scale = market.raw["close"].iloc[0]
            own = market.raw[[*PRICE_COLUMNS]] / scale
            parts.append(own.reindex(panel.index).ffill().bfill().to_numpy())
    block = np.mean(parts, axis=0)
    volume = 1.0 + np.abs(np.random.default_rng(_SEED).normal(size=len(block)))
    return pd.DataFrame(
        np.column_stack([block, volume]), panel.index, [*PRICE_COLUMNS, "volume"], dtype=np.float64
    )


def _panel_of(panel: Panel, basket: pd.DataFrame, given: pd.DataFrame) -> Panel:
    """The panel as of the last of these bars of the basket, and with other bars where they are."""
    known = panel.head(len(given)) if len(given) < len(panel) else panel
    own = basket.iloc[: len(given)]
    changed = changed_bars(own, given)
    if not changed.any():
        return known
    columns = [*PRICE_COLUMNS]
    factor = np.where(changed[:, None], given[columns].to_numpy() / own[columns].to_numpy(), 1.0)
    volume = np.where(changed, given["volume"].to_numpy() / own["volume"].to_numpy(), 1.0)
    generator = np.random.default_rng(_SEED)
    markets = {}
    for name, market in known.markets.items():
        apart = np.where(changed, np.exp(generator.normal(0.0, _APART, len(given))), 1.0)
        rows = known.index.get_indexer(pd.DatetimeIndex(market.raw.index))
        other = changed[rows]
        markets[name] = (
            _with_bars(market, factor[rows] * apart[rows, None], volume[rows], other)
            if other.any()
            else market
        )
    return known.with_markets(markets)


def _with_bars(
    market: Market, factor: FloatArray, volume: FloatArray, changed: npt.NDArray[np.bool_]
) -> Market:
    # one block: this is made for each of many recomputations
    block = market.raw.to_numpy(dtype=np.float64, copy=True)
    columns = market.raw.columns.get_indexer(pd.Index([*PRICE_COLUMNS, "volume"]))
    prices = block[np.ix_(changed, columns[:4])] * factor[changed]
    prices[:, 1], prices[:, 2] = prices.max(axis=1), prices.min(axis=1)
    block[np.ix_(changed, columns[:4])] = prices
    block[changed, columns[4]] *= volume[changed]
    raw = pd.DataFrame(block, market.raw.index, market.raw.columns)
    return market.with_bars(raw, market.inputs.other_after(changed, _SEED))
