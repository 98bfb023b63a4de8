from trading_pipeline.features.sets.core import CORE
from trading_pipeline.features.sets.families import feature_families
from trading_pipeline.features.sets.registry import feature_set


def test_every_column_of_core_is_in_one_of_its_families():
    families = feature_families(CORE.columns)
    assert set(families.values()) == {
        *("returns", "bar", "averages", "trend", "momentum", "volatility", "volume", "calendar")
    }
    assert families["rsi_14"] == "momentum"


def test_windows_of_one_formula_are_a_family():
    families = feature_families(feature_set("alpha158").columns)
    assert families["STD5"] == families["STD60"] == "STD"
    assert len(set(families.values())) < 50
