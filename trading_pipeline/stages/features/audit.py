"""Audit a feature set, a label, the chart patterns, cross features or a strategy on stored bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from trading_pipeline.domain.audit_records import found_no_difference
from trading_pipeline.errors import (
    InsufficientDataError,
    StrategyError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.features.audits.causality import CausalityFinding
from trading_pipeline.features.audits.comparison import AuditTally
from trading_pipeline.features.audits.patterns import audit_patterns
from trading_pipeline.stages.features.cross_features import ASSET as CROSS_FEATURES
from trading_pipeline.stages.features.cross_features import CrossFeatureStage
from trading_pipeline.stages.features.external_inputs import ExternalInputs
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.instrument_series import InstrumentSeries, stored_series
from trading_pipeline.stages.features.labels import LabelStage, label_specs
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.strategies import (
    Market,
    PortfolioStrategy,
    StrategyCatalogue,
    audit_strategy,
)

__all__ = ["CHART_PATTERNS", "AuditOfStored", "audit_stored", "is_of_portfolios"]

CHART_PATTERNS = "chart_patterns"
SubjectKind = Literal["feature set", "label", "chart patterns", "cross features", "strategy"]


@dataclass(frozen=True, kw_only=True)
class AuditOfStored:
    """What was audited on which bars, and what was found.

    `instrument`: its id; those of all instruments for a strategy of portfolios, whose `bars` are
    rows of their common clock. `tried`: how much was tried where nothing was found, in words; an
    audit samples.
    `outside`: what a user's code read besides its inputs, of which an audit knows nothing.
    """

    name: str
    kind: SubjectKind
    instrument: str
    bars: int
    first_ts: pd.Timestamp
    last_ts: pd.Timestamp
    findings: list[CausalityFinding]
    tried: str
    outside: tuple[str, ...] = ()


def audit_stored(workspace: Workspace, instrument_id: str, name: str) -> AuditOfStored:
    """Audit `name` on every stored bar of an instrument, forward-adjusted.

    `name`: a feature set, a label (of a model or a label file), `chart_patterns`, `cross_features`,
    or a strategy, which is audited with its default parameters; a name that is several of these is
    the first of them. Raises `UnknownNameError` for another name or instrument, and
    `InsufficientDataError` where no bars are stored or too few for any value, and `StrategyError`
    for a strategy of portfolios.
    """
    labels = label_specs(workspace.catalog)
    series = stored_series(workspace, instrument_id)
    sets, strategies = workspace.registries.feature_sets, workspace.registries.strategies
    known = {*sets.names(), *labels, CHART_PATTERNS, CROSS_FEATURES, *strategies.names()}
    if name not in known:
        for registry in (sets, strategies):
            if name in registry.own_names():
                registry.get(name)  # raises what is wrong with its file
        raise UnknownNameError(
            f"There is no feature set, label or strategy {name!r} to audit. "
            f"{did_you_mean(name, known)}",
            name=name,
            kind="feature set, label or strategy",
        )
    bars = series.adjusted
    if len(bars) < 2:
        raise InsufficientDataError(
            f"{len(bars)} bars of {instrument_id} are stored, too few for an audit. Fetch them "
            f"first: trading-pipeline run {instrument_id}.",
            instrument=instrument_id,
            rows=len(bars),
        )
    kind: SubjectKind
    tally = AuditTally()
    outside: tuple[str, ...] = ()
    if name in sets.names():
        kind = "feature set"
        stage = FeatureStage(workspace, instrument_id, name)
        findings = stage.audit_bars(bars, tally=tally)
        outside = stage.read_outside()
    elif name == CROSS_FEATURES:
        kind = "cross features"
        findings = CrossFeatureStage(workspace, instrument_id).audit(
            workspace.windows_of(instrument_id), tally=tally
        )
    elif name == CHART_PATTERNS:
        kind, findings = "chart patterns", audit_patterns(bars, tally=tally)
    elif name in labels:
        kind, label = "label", LabelStage(workspace, instrument_id, name)
        findings = label.audit_bars(bars, series.known_at, tally=tally)
        outside = label.read_outside()
    else:
        kind = "strategy"
        if isinstance(strategies.get(name), PortfolioStrategy):
            raise StrategyError(
                f"The strategy '{name}' weighs several instruments, so it cannot be audited on "
                f"{instrument_id} alone. Name all instruments of a portfolio: trading-pipeline "
                f"audit {name} -i {instrument_id} -i ANOTHER.",
                name=name,
                instrument=instrument_id,
            )
        params = strategies.validate_params(name, {})
        market = _market(workspace, series, strategies, name)
        fresh = strategies.fresh_signals(name, params)
        findings = audit_strategy(
            lambda seen: strategies.signals(name, seen, params), market, fresh=fresh, tally=tally
        )
        outside = fresh.notes
    return AuditOfStored(
        name=name,
        kind=kind,
        instrument=instrument_id,
        bars=len(bars),
        first_ts=bars.index[0],
        last_ts=bars.index[-1],
        findings=findings,
        tried=found_no_difference(tally.cuts, tally.slices),
        outside=outside,
    )


def is_of_portfolios(workspace: Workspace, name: str) -> bool:
    """True where `audit_stored` would find a strategy of portfolios under this name."""
    sets, strategies = workspace.registries.feature_sets, workspace.registries.strategies
    others = {*sets.names(), *label_specs(workspace.catalog), CHART_PATTERNS, CROSS_FEATURES}
    return (
        name not in others
        and name in strategies.names()
        and isinstance(strategies.get(name), PortfolioStrategy)
    )


def _market(
    workspace: Workspace, series: InstrumentSeries, strategies: StrategyCatalogue, name: str
) -> Market:
    """Every stored bar of the instrument, the models' walk-forward predictions, and the inputs."""
    models = strategies.required_predictions(name, {})
    params = strategies.validate_params(name, {})
    external = ExternalInputs(workspace, strategies.external_inputs(name, params))
    assets = {name: f"predictions/{name}" for name in models}
    upstream = UpstreamFrames(workspace, series.instrument.id, list(assets.values()))
    windows = workspace.windows_of(series.instrument.id)
    return Market(
        series.raw,
        series.factors["total"].to_numpy(),
        series.known_at,
        {name: upstream.joined(asset, windows) for name, asset in assets.items()},
        split_factor=series.factors["split"].to_numpy(),
        inputs=external.as_known(series),
        timeframe=series.instrument.timeframe,
        calendar=series.instrument.calendar,
    )
