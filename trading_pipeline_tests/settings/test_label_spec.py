"""Tests of label specifications: parameters by type, names, unchanged hashes."""

from itertools import product

import pytest

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.models.training.train import check_model_spec
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline.settings.model_spec import ModelSpec


def parse(**values):
    return LabelSpec.parse(values, where="labels/my.yaml")


def test_a_type_has_its_own_parameters_with_defaults_and_no_others():
    barrier = parse(type="triple_barrier", horizon_bars=10)
    assert (barrier.volatility_bars, barrier.profit_volatilities) == (20, 1.0)
    assert barrier.untouched == "zero"
    assert barrier.side_column is None
    meta = parse(type="meta_label", side_column="rsi_14")
    assert (meta.side_features, meta.side_column) == ("core", "rsi_14")
    assert parse(type="direction").volatility_bars is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"volatility_bars": 20}, "'volatility_bars' means nothing to a label of type 'direction'"),
        ({"type": "triple_barrier", "side_column": "rsi_14"}, "it belongs to meta_label"),
        ({"type": "ohlc_path", "dead_zone_bps": 5}, "it belongs to direction and three_way"),
        ({"type": "three_way"}, "give the costs of a round trip"),
        ({"type": "ohlc_path", "horizon_bars": 301}, "at most 300"),
        ({"type": "triple_barrier", "profit_volatilities": 0}, "'profit_volatilities'"),
        ({"type": "triple_barrier", "untouched": "none"}, "'zero' or 'sign'"),
        ({"type": "scaled_return", "volatility": 5}, "Did you mean 'volatility_bars'"),
        ({"type": "barrier"}, "'triple_barrier'"),
    ],
)
def test_what_does_not_fit_is_named(values, words):
    with pytest.raises(ConfigurationError, match=r"labels/my\.yaml") as error:
        parse(**values)
    assert words in str(error.value)


def test_hashes_of_the_first_two_types_are_those_of_their_three_values():
    # models and labels that were made before a type was added stay valid
    for kind in ("direction", "forward_return"):
        spec = LabelSpec(type=kind, horizon_bars=7, dead_zone_bps=2.5)
        values = {"type": kind, "horizon_bars": 7, "dead_zone_bps": 2.5}
        assert spec.model_dump(mode="json") == values
        assert spec.hash == canonical_hash(values)
    assert ModelSpec(name="direction").label.hash.startswith("064465187bd7")


def test_a_default_that_is_written_out_is_the_same_label():
    assert parse(type="triple_barrier") == parse(type="triple_barrier", volatility_bars=20)
    assert parse(type="triple_barrier").hash == parse(type="triple_barrier", untouched="zero").hash
    assert parse(type="scaled_return").hash != parse(type="scaled_return", volatility_bars=21).hash


def test_labels_with_other_parameters_have_other_names():
    barriers = [
        parse(
            type="triple_barrier",
            horizon_bars=bars,
            volatility_bars=span,
            profit_volatilities=profit,
            loss_volatilities=loss,
            untouched=untouched,
        )
        for bars, span, profit, loss, untouched in product(
            (5, 10), (10, 20), (1, 1.5), (1, 1.5), ("zero", "sign")
        )
    ]
    others = [
        *(parse(type="three_way", dead_zone_bps=zone) for zone in (1, 10, 0.5)),
        *(parse(type="scaled_return", volatility_bars=bars) for bars in (10, 20)),
        *(parse(type="meta_label", side_column=column) for column in ("rsi_14", "cci_20")),
        *(parse(type="ohlc_path", horizon_bars=bars) for bars in (1, 5)),
    ]
    names = [spec.name for spec in [*barriers, *others]]
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isalnum() for name in names)
    assert parse(type="three_way", dead_zone_bps=20).name == "three_way_h5_z20"
    assert parse(type="meta_label").name == "meta_label"


def test_a_direction_model_is_refused_the_labels_it_cannot_learn():
    for kind in ("forward_return", "scaled_return", "meta_label", "ohlc_path", "volatility"):
        model = ModelSpec(name="m", label=LabelSpec(type=kind))
        with pytest.raises(ConfigurationError, match=f"label '{kind}'; it takes direction"):
            check_model_spec(model)
    check_model_spec(ModelSpec(name="m", label=LabelSpec(type="triple_barrier")))


def test_label_files_stand_in_the_catalog_by_their_names(tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "barriers.yaml").write_text("type: triple_barrier\nhorizon_bars: 10\n")
    (folder / "costs.json").write_text('{"type": "three_way", "dead_zone_bps": 20}')
    catalog = load_catalog(tmp_path)
    assert set(catalog.labels) == {"triple_barrier_h10_v20_u1_l1", "three_way_h5_z20"}
    assert catalog.sources["labels/three_way_h5_z20"] == folder / "costs.json"
    assert load_catalog(None).labels == {}
    (folder / "twice.yaml").write_text("type: three_way\ndead_zone_bps: 20.0\n")
    with pytest.raises(ConfigurationError, match=r"has the name 'three_way_h5_z20', which .*costs"):
        load_catalog(tmp_path)
