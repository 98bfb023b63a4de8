"""Cross features from the shared panel: equal to an instrument alone, stale with its peers."""

from dataclasses import replace

import numpy as np
import pytest

from trading_pipeline.features import cross_formulas
from trading_pipeline.market_data.calendars import last_session_dates
from trading_pipeline.market_data.sources.synthetic.paths import SyntheticSettings
from trading_pipeline.market_data.sources.synthetic.source import SyntheticSource
from trading_pipeline.stages.features.cross_features import CrossFeatureStage
from trading_pipeline.stages.features.instrument_series import stored_series
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline_tests.features import cross_oracle
from trading_pipeline_tests.pipeline_world import World
from trading_pipeline_tests.stage_calls import (
    materialize_windows,
    refresh_actions,
    refresh_bars,
    refresh_universe,
)

CALENDARS = ("XNYS", "24/7", "XLON", "XTKS")


def universe_of(seed: int, *, count: int = 4) -> str:
    """A random universe: calendars, spans, memberships."""
    rng = np.random.default_rng(seed)
    lines = ["start: 2019-01-01", "end: 2022-01-01", "instruments:"]
    for number in range(count):
        calendar = CALENDARS[int(rng.integers(len(CALENDARS)))]
        asset = "crypto" if calendar == "24/7" else "equity"
        given = [f"symbol: S{number}", "source: synthetic", f"calendar: '{calendar}'"]
        given += [f"asset_class: {asset}", "currency: USD"]
        if rng.random() < 0.3:
            given.append(f"start: 2020-0{rng.integers(1, 9)}-05")
        if rng.random() < 0.4:
            given.append(f"members: [{{from: 2019-03-0{rng.integers(1, 9)}, to: 2021-05-01}}]")
        lines.append("  - {" + ", ".join(given) + "}")
    return "\n".join(lines) + "\n"


def made(world: World, text: str, *, missing: float = 0.0) -> Workspace:
    """A workspace with the bars of a universe; each instrument misses other bars."""
    world.write("universe.yaml", text)
    source = SyntheticSource(SyntheticSettings(missing_fraction=missing))
    workspace = replace(world.workspace, open_source=lambda _: source)
    refresh_universe(workspace)
    for name in workspace.catalog.instruments:
        refresh_actions(workspace, name)
        refresh_bars(workspace, name, workspace.windows_of(name))
    return workspace


def expected(workspace, name, window):
    """The frame of a window as the oracle computes it from this instrument and its peers."""
    stage = CrossFeatureStage(workspace, name)
    series, rows = stage.series, stage.rows_of([window])
    names = [each for each in workspace.catalog.instruments if each != name]
    read = stage.read(window)
    closes, members = {}, {}
    own = workspace.catalog.instrument(name)
    index = series.adjusted.index[rows]
    dates = last_session_dates(index, own.timeframe, own.calendar)
    for other in names:
        peer = stored_series(workspace, other)
        good = (peer.attempts.get(each.key) for each in read)
        if len(peer.raw) and all(a is not None and a.status != "rejected" for a in good):
            closes[other] = cross_oracle.KnownCloses.of(peer.adjusted["close"], peer.known_at)
    for each in (name, *closes):
        spans = workspace.catalog.universe.members.get(each)
        if spans is not None:
            members[each] = spans.at(dates)
    mine = cross_oracle.KnownCloses.of(series.adjusted["close"].iloc[rows], series.known_at[rows])
    found = cross_oracle.compute_cross_features(
        mine, closes, members=members, is_member=members.get(name)
    )
    shown = series.span(window.start, window.end)
    return {column: values[shown.start - rows.start :] for column, values in found.items()}


@pytest.mark.parametrize(("seed", "missing"), [(1, 0.0), (2, 0.008)])
def test_every_frame_equals_that_of_the_instrument_alone_bit_for_bit(fresh_world, seed, missing):
    workspace = made(fresh_world, universe_of(seed), missing=missing)
    compared = 0
    for name in workspace.catalog.instruments:
        stage = CrossFeatureStage(workspace, name)
        passed = {key for key, each in stage.series.attempts.items() if each.status != "rejected"}
        windows = [w for w in stage.own_windows if all(r.key in passed for r in stage.read(w))]
        assert not stage.audit(windows)
        materialize_windows(stage, windows)
        newest = workspace.artifacts.newest(["cross_features"])
        for window in windows:
            frame = workspace.artifacts.load(newest[("cross_features", f"{name}|{window.key}")])
            if not len(frame):
                continue
            wanted = expected(workspace, name, window)
            assert [*frame.columns][1:] == [*wanted]
            for column, values in wanted.items():
                assert frame[column].to_numpy().tobytes() == values.tobytes(), (name, column)
                compared += 1
    assert compared > 50
    assert len(workspace.panels) == 1


def plain(count: int, more: str = "") -> str:
    rows = [f"  - {{symbol: S{n}, source: synthetic, calendar: XNYS}}" for n in range(count)]
    return "\n".join(["start: 2019-01-01", "end: 2022-01-01", "instruments:", *rows, more, ""])


def test_only_what_reads_a_peer_s_changed_bars_becomes_pending(fresh_world):
    workspace = made(fresh_world, plain(3))
    stages = [CrossFeatureStage(workspace, name) for name in workspace.catalog.instruments]
    for stage in stages:
        materialize_windows(stage, stage.own_windows)
    panel = stages[0].panel
    assert all(stage.panel is panel for stage in stages)
    other = SyntheticSource(SyntheticSettings(seed=8))
    changed = replace(workspace, open_source=lambda _: other)
    last = changed.windows_of("S2_1d")[-1]
    refresh_bars(changed, "S2_1d", [last], refetch=True)
    for name in workspace.catalog.instruments:
        stage = CrossFeatureStage(workspace, name)
        assert stage.panel is not panel
        if last not in stage.own_windows:
            continue  # a bundled series has ended
        assert stage.pending(stage.own_windows) == [last]


def test_a_close_that_is_aligned_before_it_is_known_is_found(fresh_world, monkeypatch):
    workspace = made(fresh_world, plain(2))
    stage = CrossFeatureStage(workspace, "S0_1d")
    right = cross_formulas.aligned_closes

    def a_bar_early(moments, peer, longest_age_days):
        return right(moments + 86_400_000_000, peer, longest_age_days)

    monkeypatch.setattr(cross_formulas, "aligned_closes", a_bar_early)
    (finding,) = stage.audit(stage.own_windows)
    assert (finding.audit, finding.column) == ("prefix_truncation", "log close of S0_1d")
