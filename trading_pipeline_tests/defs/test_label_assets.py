"""Label assets: those of files, their checks, and a leak that stops."""

import dagster as dg

from trading_pipeline.defs.checks.audits import OUTSIDE_DATA
from trading_pipeline.stages.features import labels as label_stage
from trading_pipeline_tests.pipeline_world import failed_checks, materialized, run_job

FIRST, LAST = "AAPL_1d|2000-01-01", "AAPL_1d|2003-01-01"
BARRIERS = "labels/triple_barrier_h10_v20_u1_l1"


def test_a_label_file_becomes_an_asset_that_is_materialized(world, instance):
    world.write("labels/barriers.yaml", "type: triple_barrier\nhorizon_bars: 10\n")
    result = run_job(world, instance, "bars_to_predictions", FIRST, LAST, [BARRIERS])
    assert result.success
    assert materialized(result) == {BARRIERS}
    evaluated = {e.check_name for e in result.get_asset_check_evaluations()}
    assert evaluated == {"label_span", "permuted_labels"}
    assert sorted(world.artifact_hashes(BARRIERS)) == [
        f"AAPL_1d|{year}-01-01" for year in range(2000, 2004)
    ]


def test_labels_that_read_beyond_their_end_are_not_written(world, instance, monkeypatch):
    real = label_stage.compute_labels

    def standardized(spec, bars, known_at, **given):
        found = real(spec, bars, known_at, **given)
        values = found.frame["label"]
        object.__setattr__(
            found, "frame", found.frame.assign(label=(values - bars["close"].mean()) / 100)
        )
        return found

    monkeypatch.setattr(label_stage, "compute_labels", standardized)
    world.write("labels/returns.yaml", "type: forward_return\nhorizon_bars: 3\n")
    result = run_job(
        world, instance, "bars_to_predictions", FIRST, LAST, ["labels/forward_return_h3"]
    )
    assert not result.success
    assert failed_checks(result) == {"label_span"}
    check = next(e for e in result.get_asset_check_evaluations() if not e.passed)
    assert "column 'label' at 200" in check.description
    assert "the one that ends it (t1)" in check.description
    assert world.artifact_hashes("labels/forward_return_h3") == {}


def test_every_audit_of_features_labels_and_patterns_blocks(world):
    graph = world.definitions().resolve_asset_graph()
    wanted = {
        ("features", "core"): {
            "prefix_truncation",
            "scrambled_future",
            "warmup",
            "permuted_labels",
            OUTSIDE_DATA,
        },
        ("labels", "direction"): {"label_span", "permuted_labels"},
        ("chart_patterns",): {"prefix_truncation"},
    }
    for path, names in wanted.items():
        node = graph.get(dg.AssetKey(list(path)))
        assert {check.name for check in node.check_keys} == names
        assert all(
            graph.get(check).blocking == (check.name != OUTSIDE_DATA) for check in node.check_keys
        )


def test_what_is_up_to_date_is_not_audited_again(world, instance, monkeypatch):
    audits = []
    real = label_stage.LabelStage.audit
    monkeypatch.setattr(
        label_stage.LabelStage, "audit", lambda *given: audits.append(1) or real(*given)
    )
    world.write("labels/returns.yaml", "type: forward_return\nhorizon_bars: 3\n")
    for expected in (1, 1):
        result = run_job(
            world, instance, "bars_to_predictions", FIRST, LAST, ["labels/forward_return_h3"]
        )
        assert result.success
        assert failed_checks(result) == set()
        assert len(audits) == expected
