"""Tests of the table of fitted models."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from trading_pipeline.errors import WarehouseError
from trading_pipeline.storage.stores.models import ModelStore


@pytest.fixture
def store(warehouse) -> ModelStore:
    return ModelStore(warehouse)


def model(model_id: str, **changes) -> dict:
    return {
        "model_id": model_id,
        "name": "direction",
        "instrument": "AAPL_1d",
        "window": "2012-01-01",
        "train_from": datetime(2000, 1, 3, tzinfo=UTC),
        "rows": 3000,
        "metrics": {"brier": 0.24, "auc": float("nan")},
        "trained_at": datetime(2020, 1, 1, tzinfo=UTC),
        **changes,
    }


def test_models_come_back_by_id(store):
    assert store.save([model("a"), model("b", window="2013-01-01")]) == 2
    found = store.by_id(["b", "a", "none"])
    assert set(found) == {"a", "b"}
    assert found["b"]["window"] == "2013-01-01"
    assert found["a"]["train_from"] == datetime(2000, 1, 3, tzinfo=UTC)
    assert json.loads(found["a"]["metrics"]) == {"auc": None, "brier": 0.24}


def test_a_model_is_there_once_whoever_saves_it_again(store):
    assert store.save([model("a")]) == 1
    assert store.save([model("a", rows=1), model("b")]) == 1
    assert store.by_id(["a"])["a"]["rows"] == 3000


def test_a_model_twice_in_one_batch_is_there_once(store, warehouse):
    assert store.save([model("a"), model("a")]) == 1
    with warehouse.read() as connection:
        assert connection.execute("SELECT count(*) FROM models").fetchall() == [(1,)]


def test_nothing_to_save_opens_nothing(store, warehouse):
    assert store.save([]) == 0
    assert not warehouse.path.exists()


def test_no_ids_give_no_rows(store):
    store.save([model("a")])
    assert store.by_id([]) == {}


def test_a_batch_is_saved_whole_or_not_at_all(store):
    with pytest.raises(WarehouseError, match="no column depth"):
        store.save([model("a"), model("b", depth=3)])
    assert store.by_id(["a", "b"]) == {}


def test_hostile_ids_are_values(store):
    name = "x']); DROP TABLE models; --"
    store.save([model(name)])
    assert list(store.by_id([name])) == [name]
