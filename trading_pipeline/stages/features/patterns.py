"""The stage of chart patterns: adjusted bars in, the rows known in a window out.

A row never changes once its window is written: a pattern that breaks out in a later window has a
row in that window too, with the event `breakout`. Prices are forward-adjusted.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.audit_records import AuditSubject
from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.windows import Window
from trading_pipeline.features.audits.causality import CausalityFinding
from trading_pipeline.features.audits.patterns import audit_patterns
from trading_pipeline.features.patterns.search import PATTERN_COLUMNS, find_patterns
from trading_pipeline.features.sets.patterns import WARMUP_BARS
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.features.features import windows_of_bars
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.features.known_findings import is_proven, keep_pass
from trading_pipeline.stages.features.series_stage import SeriesStage
from trading_pipeline.stages.outcome import Shown
from trading_pipeline.stages.stage import Built
from trading_pipeline.stages.workspace import Workspace

__all__ = ["ChartPatternStage", "newest_rows", "pattern_lookback_windows"]


def pattern_lookback_windows(catalog: Catalog, instrument: str | None = None) -> int:
    """Windows before its own that a window of patterns reads, of the one instrument or of any."""
    return windows_of_bars(WARMUP_BARS, catalog, instrument)


def newest_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a pattern of the joined windows: the one with its breakout, if there is one."""
    ordered = rows.sort_index(kind="stable")
    return ordered.loc[~ordered.duplicated(["kind", "known_ts"], keep="last")]


class ChartPatternStage(SeriesStage):
    """Patterns of one instrument."""

    asset = "chart_patterns"

    def __init__(self, workspace: Workspace, instrument_id: str) -> None:
        super().__init__(workspace, instrument_id)
        self.code_hash = code_hash(ChartPatternStage.build, InstrumentSeries)
        self.lookback = pattern_lookback_windows(workspace.catalog, self.instrument_id)

    def build(self, window: Window) -> Built:
        """Patterns that were known, or broke out, in the window, as they stood at its end."""
        rows = self.rows_of([window])
        bars = self.series.adjusted.iloc[rows]
        found = find_patterns(bars)
        start = pd.Timestamp(window.start)
        formed = found.loc[found["known_ts"] >= start].assign(event="formed")
        # a breakout in the window of its pattern is part of the pattern's own row
        broken = found.loc[(found["known_ts"] < start) & (found["breakout_ts"] >= start)]
        broken = broken.assign(event="breakout")
        formed.index = pd.DatetimeIndex(formed["known_ts"], dtype=TS_DTYPE, name="ts")
        broken.index = pd.DatetimeIndex(broken["breakout_ts"], dtype=TS_DTYPE, name="ts")
        frame = pd.concat([part for part in (formed, broken) if len(part)] or [formed])
        frame = frame.sort_index(kind="stable")
        known_at = pd.Series(self.series.known_at[rows], index=bars.index)
        frame.insert(0, "known_at", known_at.reindex(frame.index).to_numpy())
        frame = frame[["known_at", "event", *PATTERN_COLUMNS]].astype({"known_at": TS_DTYPE})
        return self.built(frame, window)

    def describe(self, product: pd.DataFrame) -> dict[str, Shown]:
        """Number and quality of the window's patterns, and how many broke out as expected."""
        formed = product.loc[product["event"] == "formed"]
        broken = product.loc[product["breakout_direction"] != 0]
        directed = broken.loc[broken["direction"] != 0]
        as_expected = (directed["direction"] == directed["breakout_direction"]).mean()
        return {
            "patterns": len(formed),
            "breakouts": len(broken),
            "mean_quality": float(formed["quality"].mean()),
            "breakouts_as_expected": float(as_expected),
        }

    def audit(self, keys: Sequence[Window]) -> list[CausalityFinding]:
        """What was known at random bars of the windows, with and without the bars after.

        Audited again once the series is a tenth longer.
        """
        bars, of_all = self.bars_of(keys), {"bars": len(self.series.raw)}
        subject = AuditSubject(
            kind="chart_patterns",
            name=self.asset,
            code_hash=self.code_hash,
            audit_hash=code_hash(audit_patterns),
        )
        if len(bars) <= 1 or is_proven(self.workspace, subject, self.instrument_id, **of_all):
            return []
        findings = audit_patterns(bars)
        if not findings:
            keep_pass(self.workspace, subject, self.instrument_id, **of_all)
        return findings
