"""The stage of cross features: what it reads, leaves out and recomputes."""

import shutil

import pytest

from trading_pipeline.errors import ConfigurationError, InsufficientDataError
from trading_pipeline.stages.features.cross_features import (
    CrossFeatureStage,
    cross_lookback_windows,
)
from trading_pipeline_tests.pipeline_world import failed_checks, new_world, pointed_at, run_job
from trading_pipeline_tests.stage_calls import (
    cross_features_are_pending,
    materialize_windows,
    refresh_actions,
    refresh_bars,
    refresh_universe,
)

FIRST, LAST = "2000-01-01", "2003-01-01"


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    """A runtime folder with bars of AAPL, IBM and FB, the last of which is not listed yet."""
    runtime = tmp_path_factory.mktemp("fetched") / "runtime"
    with pointed_at(runtime):
        made = new_world(runtime)
        refresh_universe(made.workspace)
        for name in ("AAPL_1d", "IBM_1d", "FB_1d"):
            fetch(made, name)
    return runtime


@pytest.fixture
def with_bars(fetched, fresh_world):
    """A copy of that folder for one test."""
    shutil.copytree(fetched, fresh_world.runtime, dirs_exist_ok=True)
    return fresh_world


def fetch(world, instrument):
    workspace = world.workspace
    refresh_actions(workspace, instrument)
    refresh_bars(workspace, instrument, workspace.windows())


def stage_of(world, instrument="AAPL_1d"):
    return CrossFeatureStage(world.workspace, instrument)


def build(world, instrument="AAPL_1d"):
    stage = stage_of(world, instrument)
    return materialize_windows(stage, stage.workspace.windows())


def test_a_range_of_windows_runs_as_one_dagster_run_with_its_check(with_bars, instance):
    result = run_job(
        with_bars, instance, "cross_features_job", f"AAPL_1d|{FIRST}", f"AAPL_1d|{LAST}"
    )
    assert result.success, failed_checks(result)
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("prefix_truncation", True)
    rows = with_bars.rows(
        "SELECT \"partition\", rows FROM artifacts WHERE asset = 'cross_features' ORDER BY 1"
    )
    assert [count for _, count in rows] == [212, 248, 252, 252]


def test_a_window_equals_the_same_rows_of_a_whole_computation(with_bars):
    build(with_bars)
    stage = stage_of(with_bars)
    windows = stage.workspace.windows()
    found = stage.workspace.artifacts.newest(["cross_features"])
    whole = stage._compute(stage.series.adjusted, windows[-1])
    for window in windows:
        part = stage.workspace.artifacts.load(found[("cross_features", f"AAPL_1d|{window.key}")])
        own = whole.loc[part.index]
        assert (part.drop(columns="known_at") - own).abs().max().max() < 1e-9
        assert part.drop(columns="known_at").isna().equals(own.isna())


def test_a_second_pass_computes_nothing(with_bars):
    assert all(outcome.changed for outcome in build(with_bars))
    assert not any(outcome.changed for outcome in build(with_bars))
    workspace = with_bars.workspace
    assert not cross_features_are_pending(workspace, "AAPL_1d", workspace.windows())


def test_a_peer_that_comes_later_makes_the_windows_stale(with_bars):
    build(with_bars)
    fetch(with_bars, "MSFT_1d")
    outcomes = build(with_bars)
    assert all(outcome.changed for outcome in outcomes)
    assert outcomes[-1].metadata["most_peers"] == 2.0


def test_a_window_before_the_listing_has_no_rows(with_bars):
    assert {(o.status, o.rows) for o in build(with_bars, "FB_1d")} == {("not_listed", 0)}


def test_settings_decide_peers_windows_and_references(with_bars):
    with_bars.write("cross_features.yaml", "peers: [IBM_1d]\nreferences: [IBM_1d]\nwindows: [10]\n")
    stage = stage_of(with_bars)
    outcome = build(with_bars)[-1]
    artifact = stage.workspace.artifacts.newest(["cross_features"])[
        ("cross_features", "AAPL_1d|2003-01-01")
    ]
    frame = stage.workspace.artifacts.load(artifact)
    assert "beta_10_IBM_1d" in frame.columns
    assert outcome.metadata["missing_share"] == 0.0
    assert cross_lookback_windows(stage.workspace.catalog) == 1


def test_a_reference_without_bars_is_an_error_that_says_what_to_run(with_bars):
    with_bars.write("cross_features.yaml", "references: [MSFT_1d]\n")
    with pytest.raises(InsufficientDataError, match="trading-pipeline run MSFT_1d"):
        build(with_bars)


@pytest.mark.parametrize("key", ["references", "peers"])
def test_an_unknown_instrument_is_refused_when_it_is_to_be_compared_with(with_bars, key):
    with_bars.write("cross_features.yaml", f"{key}: [MSFX_1d]\n")
    with pytest.raises(ConfigurationError, match=r"cross_features\.yaml.*Did you mean 'MSFT_1d'"):
        build(with_bars)


MEMBERS = (
    "start: 2000-01-01\nend: 2004-01-01\ninstruments:\n"
    "  - {{symbol: {symbol}, source: bundled, members: [{spans}]}}\n"
)


def stored(world, window=LAST):
    newest = world.workspace.artifacts.newest(["cross_features"])
    return world.workspace.artifacts.load(newest[("cross_features", f"AAPL_1d|{window}")])


def test_a_peer_counts_only_on_the_days_of_its_membership(with_bars):
    build(with_bars)
    before = stored(with_bars)
    spans = "{from: 2000-01-01, to: 2003-03-31}, {from: 2003-07-01}"
    with_bars.write("universe.yaml", MEMBERS.format(symbol="IBM", spans=spans))
    assert all(outcome.changed for outcome in build(with_bars))
    after = stored(with_bars)
    days = after.index.strftime("%Y-%m-%d")
    outside = (days > "2003-03-31") & (days < "2003-07-01")
    assert (after.loc[outside, "peers"] == 0.0).all()
    assert after.loc[outside, "return_rank_20"].isna().all()
    inside = days <= "2003-03-31"
    assert after.loc[inside].equals(before.loc[inside])
    assert stage_of(with_bars).audit(with_bars.workspace.windows()) == []


def test_an_instrument_that_does_not_belong_has_no_values_of_its_own(with_bars):
    spans = "{from: 2003-07-01}"
    with_bars.write("universe.yaml", MEMBERS.format(symbol="AAPL", spans=spans))
    outcomes = build(with_bars)
    assert outcomes[0].metadata["most_peers"] == 0.0
    values = stored(with_bars).drop(columns="known_at")
    early = values.index < "2003-07-01"
    assert values.loc[early].isna().all(axis=None)
    assert values.loc[~early].notna().all(axis=None)


def test_only_given_dates_of_membership_reach_the_input_hash(with_bars):
    build(with_bars)
    whole = "start: 2000-01-01\nend: 2004-01-01\ninstruments:\n"
    with_bars.write("universe.yaml", whole + "  - {symbol: MSFT, source: bundled}\n")
    assert not cross_features_are_pending(
        with_bars.workspace, "AAPL_1d", with_bars.workspace.windows()
    )
    with_bars.write("universe.yaml", MEMBERS.format(symbol="IBM", spans="{from: 1990-01-01}"))
    assert cross_features_are_pending(with_bars.workspace, "AAPL_1d", with_bars.workspace.windows())
