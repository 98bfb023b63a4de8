"""Bars that are made from a finer series, and of faults from source to record."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.market_data.sources.protocol import BarRequest
from trading_pipeline.market_data.sources.synthetic.paths import SyntheticSettings
from trading_pipeline.market_data.sources.synthetic.source import SyntheticSource
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline_tests.stage_calls import (
    pending_bars,
    refresh_bars,
    refresh_universe,
    require_sound,
)

UNIVERSE = """start: 2012-01-01
end: null
cadence: quarter
{extra}instruments:
  - {{symbol: X, timeframe: 1d, source: synthetic, calendar: XNYS{more}}}
"""
SUMMER = datetime(2012, 7, 20, tzinfo=UTC)


def world_of(world, *, more="", extra="", faults=(), now=SUMMER, jumps=0.0):
    """A workspace of one synthetic instrument whose clock stands at a moment."""
    world.write("universe.yaml", UNIVERSE.format(more=more, extra=extra))
    settings = SyntheticSettings(faults=faults, jump_probability=jumps)
    opened = world.workspace
    workspace = Workspace(
        opened.settings,
        opened.catalog,
        opened.warehouse,
        open_source=lambda _: SyntheticSource(settings, clock=lambda: now),
        clock=lambda: now,
    )
    refresh_universe(workspace)
    return workspace


def refresh(workspace, **kwargs):
    return refresh_bars(workspace, "X_1d", workspace.windows(), **kwargs)


def daily(workspace, start, end):
    instrument = workspace.catalog.instrument("X_1d")
    request = BarRequest(instrument=instrument, start=start, end=end)
    return workspace.source_of(instrument).fetch_bars(request).frame


@pytest.mark.parametrize("finer", ["1h", "30m"])
def test_days_made_from_a_finer_series_are_stored_and_the_log_says_so(fresh_world, finer):
    workspace = world_of(fresh_world, more=f", resample_from: {finer}")
    outcomes = refresh(workspace)
    assert [(o.status, o.metadata["state"]) for o in outcomes] == [
        ("ok", "FINAL"),
        ("ok", "FINAL"),
        ("ok", "OPEN"),
    ]
    assert {o.metadata["resampled_from"] for o in outcomes} == {finer}
    assert {o.metadata["quality_score"] for o in outcomes} == {1.0}
    stored = workspace.bars.read_span("X_1d", None, None)
    wanted = daily(workspace, datetime(2012, 1, 1, tzinfo=UTC), SUMMER)
    pd.testing.assert_frame_equal(stored, wanted, check_freq=False)
    assert fresh_world.rows("SELECT DISTINCT resampled_from FROM fetch_log") == [(finer,)]


def test_a_resampled_window_goes_on_from_its_last_bars_and_equal_bars_are_not_written(fresh_world):
    refresh(world_of(fresh_world, more=", resample_from: 1h"))
    later = world_of(
        fresh_world, more=", resample_from: 1h", now=datetime(2012, 7, 21, 1, tzinfo=UTC)
    )
    grown = refresh(later)[-1]
    assert (grown.changed, grown.metadata["last_bar"][:10]) == (True, "2012-07-20")
    assert grown.metadata["asked_from"][:10] == "2012-07-13"
    assert not refresh(later)[-1].changed
    assert fresh_world.value("SELECT count(*) FROM bar_revisions") == 0


def test_another_finer_series_makes_final_windows_pending(fresh_world):
    refresh(world_of(fresh_world))
    assert not pending_bars(world_of(fresh_world), "X_1d", world_of(fresh_world).windows())
    changed = world_of(fresh_world, more=", resample_from: 1h")
    assert len(pending_bars(changed, "X_1d", changed.windows())) == 3


def test_a_day_whose_last_hours_are_missing_is_told_as_partial(fresh_world):
    fault = ("late@2012-07-19T18:00",)
    workspace = world_of(fresh_world, more=", resample_from: 1h", faults=fault)
    outcome = refresh(workspace)[-1]
    found = {f.check_name: f for f in outcome.findings}
    assert set(found) == {"partial_last"}
    assert (f"{found['partial_last'].ts:%m-%d}", found["partial_last"].value) == ("07-19", 2.0)


@pytest.mark.parametrize("fault", ["duplicate", "ohlc", "not_a_number", "unsorted", "off_grid"])
def test_broken_fine_bars_make_no_day(fresh_world, fault):
    faults = (f"{fault}@2012-07-12T15:00",)
    workspace = world_of(fresh_world, more=", resample_from: 1h", faults=faults)
    outcome = refresh(workspace)[-1]
    assert outcome.status == "rejected"
    errors = [f for f in outcome.findings if f.severity == "ERROR"]
    assert (
        any(f.detail.startswith("Among the 1h bars: ") for f in errors) or fault == "not_a_number"
    )
    assert fresh_world.value("SELECT max(ts) FROM bars") < datetime(2012, 7, 1, tzinfo=UTC)


def test_a_restated_bar_of_the_source_is_found_by_the_daily_refresh(fresh_world):
    faults = ("restated@2012-07-20",)
    refresh(world_of(fresh_world, faults=faults, now=datetime(2012, 7, 19, 23, tzinfo=UTC)))
    now = datetime(2012, 7, 20, 13, tzinfo=UTC)
    outcome = refresh(world_of(fresh_world, faults=faults, now=now))[-1]
    assert [f.check_name for f in outcome.findings] == ["restatement"]
    assert fresh_world.rows("SELECT field, new - old FROM bar_revisions") == [("volume", 1.0)]


class TestSettingsOfChecks:
    GAP = ("gap@2012-02-06",)

    def first(self, world, **kwargs):
        return refresh(world_of(world, faults=self.GAP, **kwargs))[0]

    def test_a_quarter_with_two_missing_days_is_rejected_by_default(self, fresh_world):
        assert self.first(fresh_world).status == "rejected"

    @pytest.mark.parametrize(
        "where",
        [
            {"extra": "checks: {gap_error_fraction: 0.2}\n"},
            {"more": ", checks: {gap_error_fraction: 0.2}"},
            {
                "extra": "checks: {gap_error_fraction: 0}\n",
                "more": ", checks: {gap_error_fraction: 0.2}",
            },
        ],
        ids=["universe", "instrument", "instrument over universe"],
    )
    def test_the_universe_file_may_allow_it(self, fresh_world, where):
        outcome = self.first(fresh_world, **where)
        assert outcome.status == "ok"
        assert outcome.metadata["quality_score"] == pytest.approx(60 / 62)

    def test_a_wrong_name_or_number_is_told_with_the_file(self, fresh_world):
        for text, error in (
            ("{gap_eror_fraction: 1}", UnknownNameError),
            ("{shown_findings: 0}", ConfigurationError),
        ):
            fresh_world.write("universe.yaml", UNIVERSE.format(more=f", checks: {text}", extra=""))
            with pytest.raises(ConfigurationError, match=r"universe\.yaml") as told:
                require_sound(fresh_world.workspace)
            assert isinstance(told.value, error)

    def test_a_repair_is_made_only_when_asked_for_and_leaves_a_row(self, fresh_world):
        faults = ("duplicate@2012-02-06",)
        assert refresh(world_of(fresh_world, faults=faults))[0].status == "rejected"
        allowed = world_of(
            fresh_world, faults=faults, extra="checks: {repairs: [drop_equal_duplicates]}\n"
        )
        outcome = refresh(allowed)[0]
        assert (outcome.status, outcome.metadata["quality_score"]) == ("ok", 1.0)
        rows = fresh_world.rows(
            "SELECT check_name, severity, ts FROM quality_findings WHERE check_name = 'repair'"
        )
        assert rows == [("repair", "WARN", datetime(2012, 2, 6, tzinfo=UTC))]


def test_currencies_cannot_be_made_from_four_hours(fresh_world):
    text = UNIVERSE.format(more=", resample_from: 4h", extra="").replace("XNYS", '"24/5"')
    fresh_world.write("universe.yaml", text)
    with pytest.raises(ConfigurationError, match="17:00 New York"):
        require_sound(fresh_world.workspace)


def test_the_quality_of_every_window_can_be_queried(fresh_world):
    workspace = world_of(
        fresh_world,
        extra="checks: {gap_error_fraction: 0.2}\n",
        faults=("gap@2012-02-06", "spike@2012-05-14", "ohlc@2012-07-10"),
    )
    refresh(workspace)
    found = fresh_world.rows(
        'SELECT "window", status, score, rows, expected, errors, warnings FROM window_quality'
    )
    assert [row[1] for row in found] == ["ok", "ok", "rejected"]
    assert [row[2] for row in found] == pytest.approx([60 / 62, 0.98, 0.5])
    assert [row[3:] for row in found] == [(60, 62, 0, 1), (63, 63, 0, 1), (0, 13, 1, 0)]
