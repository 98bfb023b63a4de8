"""The commands `models list`, `show`, `verify`, `compare` and `prune`."""

import hashlib
import json
import pickle

import pytest

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.stages.models.live import LiveModelStage
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.stage import WHOLE

AAPL = "AAPL_1d"
SPEC = (
    "name: {name}\nestimator: {{type: logistic, params: {{C: {C}}}}}\nfeatures: core\n"
    "training: {{minimum_rows: 40}}\n"
)


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")


def told(call, *arguments):
    ended = call("models", *arguments, "--json")
    return ended.code, json.loads(ended.out)


def ids(world):
    return [row for (row,) in world.rows("SELECT model_id FROM models ORDER BY seq")]


def second_model(world):
    world.write("models/other.yaml", SPEC.format(name="other", C=0.01))
    for kind in (ModelStage, PredictionStage):
        kind(world.workspace, AAPL, "other").materialize(world.workspace.windows())


class Payload:
    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


def test_the_list_says_what_each_model_is_and_who_forecasts(call, world):
    LiveModelStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    code, document = told(call, "list", "-i", AAPL, "-m", "direction")
    assert code == 0
    assert [each["model_id"] for each in document["models"]] == ids(world)
    *walking, live = document["models"]
    assert {each["status"] for each in walking} == {"walk-forward"}
    assert (live["status"], live["window"], live["age_days"]) == ("champion", "live", 0.0)
    assert live["refit_date"] == "2003-12-31"
    assert walking[-1]["score"].startswith("AUC 0.")
    assert f"predictions/direction {AAPL}|2003-01-01" in walking[-1]["used_in"]
    shown = call("models", "list").out
    assert live["model_id"] in shown
    assert "(champion): There was no champion to compare with." in shown


def test_an_unknown_name_is_one_paragraph_with_the_right_one(call, world):
    ended = call("models", "list", "-m", "direktion")
    assert ended.code == 1
    assert "Did you mean 'direction'?" in ended.error


def test_from_a_prediction_back_to_fold_rows_features_and_bars(call, world):
    code, document = told(call, "show", "-i", AAPL, "-m", "direction", "--at", "2003-05-03")
    assert code == 0
    asked = document["predicted"]
    assert asked["ts"].startswith("2003-05-02")  # the third was a Saturday
    frame = world.workspace.artifacts.load(
        world.workspace.artifacts.newest(["predictions/direction"], f"{AAPL}|2003")[
            ("predictions/direction", f"{AAPL}|2003-01-01")
        ]
    )
    row = frame.loc["2003-05-02"]
    assert (document["model_id"], asked["p_up"]) == (row["model_id"], row["p_up"])
    assert document["fold"]["last_label_end"] < "2003"
    assert document["fold"]["rows"] == document["rows"]["rows_fitted"]
    assert len(document["features"]) == 42
    assert document["made_from"]["spec_hash"]
    bars = world.workspace.bars.read_span(AAPL, None, None)
    first, last = document["fold"]["train_start"], document["fold"]["last_label_end"]
    assert document["bars"]["count"] == len(bars.loc[first:last])
    assert len(document["bars"]["hash"]) == 64
    shown = call("models", "show", document["model_id"][:-5]).out
    assert document["made_from"]["features_hash"][:12] in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("direction-AAPL_1d",), "begin with 'direction-AAPL_1d', such as direction-AAPL_1d-2002"),
        (("nothing",), "No model has the name 'nothing', or an id that begins so"),
        ((), "Give the id of a model, or --instrument"),
        (("-i", AAPL, "-m", "direction", "--at", "soon"), "'soon' is no day"),
        (("-i", AAPL, "-m", "direction", "--at", "2000-05-05"), "there was no fit yet"),
        (("-i", "AAPL_1h", "-m", "direction", "--at", "2003-05-05"), "Did you mean 'AAPL_1d'"),
    ],
)
def test_what_cannot_be_shown_is_one_paragraph(call, world, arguments, says):
    ended = call("models", "show", *arguments)
    assert ended.code == 1
    assert says in ended.error


def test_verify_names_each_damaged_model_runs_nothing_and_says_the_way_out(call, world, tmp_path):
    code, document = told(call, "verify")
    assert (code, document) == (0, {"models": len(ids(world)), "faults": {}})
    first, second = (world.runtime / "models/direction" / each for each in ids(world)[-2:])
    content, marker = pickle.dumps(Payload(tmp_path / "marker")), tmp_path / "marker"
    (first / "model.skops").write_bytes(content)
    metadata = json.loads((first / "metadata.json").read_text())
    metadata.pop("metadata_hash")
    metadata["sha256"] = hashlib.sha256(content).hexdigest()
    metadata["metadata_hash"] = canonical_hash(metadata)
    (first / "metadata.json").write_text(json.dumps(metadata))
    (second / "model.skops").unlink()
    code, document = told(call, "verify", "all")
    assert code == 1
    assert "on record" in document["faults"][first.name]
    assert "is missing" in document["faults"][second.name]
    assert not marker.exists()
    assert (first / "model.skops").read_bytes() == content
    ended = call("models", "verify", second.name)
    assert ended.code == 1
    assert "trading-pipeline run" in ended.out


def test_models_are_compared_on_the_bars_that_both_predicted(call, world):
    second_model(world)
    code, document = told(call, "compare", "direction", "other", "-i", AAPL)
    assert code == 0
    assert document["differences"]["estimator.params.C"] == [0.1, 0.01]
    assert set(document["differences"]) == {"name", "estimator.params.C"}
    first, second = document["scores"]["tail_uncalibrated_auc"]
    assert first != second
    compared = document["compared"]
    # two years of predictions and labels of five days; the last five have no outcome yet
    assert 480 < compared["rows"] < 505
    assert compared["effective_rows"] == pytest.approx(compared["rows"] / 5, rel=0.05)
    assert "noise" in document["verdict"] or "is better" in document["verdict"]
    ours, theirs = (
        next(each for each in reversed(ids(world)) if each.startswith(name))
        for name in ("direction", "other")
    )
    _, of_ids = told(call, "compare", ours, theirs)
    assert 240 < of_ids["compared"]["rows"] < 255  # one year
    shown = call("models", "compare", "direction", "other", "-i", AAPL).out
    assert "estimator.params.C" in shown
    assert "±" in shown


def test_what_cannot_be_compared_says_why(call, world):
    first, second = ids(world)[-2:]
    _, document = told(call, "compare", first, second)
    assert document["compared"] is None
    assert "no bar was predicted by both" in document["verdict"]
    ended = call("models", "compare", "direction", "direction")
    assert ended.code == 1
    assert "say on which instrument" in ended.error


def test_models_without_a_fit_are_there_after_their_card(call, world):
    world.write("models/other.yaml", SPEC.format(name="other", C=0.01) + "full_pass: false\n")
    compared = ("models", "compare", "direction", "other", "-i", AAPL)
    asked = ("models", "show", "-i", AAPL, "-m", "other", "--at", "2003-05-05")
    for arguments in (compared, asked):
        assert f"trading-pipeline model-card other {AAPL}" in call(*arguments).error
    assert call("model-card", "other", AAPL).code == 0
    for arguments in (compared, asked):
        assert call(*arguments).code == 0


def test_prune_removes_only_what_nothing_names(call, world):
    LiveModelStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    (old,) = ids(world)[-1:]
    world.write("models/direction.yaml", SPEC.format(name="direction", C=0.2))
    LiveModelStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    before = ids(world)
    assert told(call, "prune", "--dry-run")[1]["models"] == []  # all are younger than 90 days
    _, document = told(call, "prune", "--dry-run", "--keep-days", "0")
    assert document["models"] == [old]
    assert document["bytes"] > 1000
    assert ids(world) == before
    ended = call("models", "prune", "--keep-days", "0", "--json")
    assert ended.code == 1
    assert "--dry-run or --yes" in ended.error
    assert told(call, "prune", "--yes", "--keep-days", "0")[1]["removed"] == 1
    assert ids(world) == [each for each in before if each != old]
    assert not (world.runtime / "models/direction" / old).exists()
    assert told(call, "verify")[0] == 0
    assert told(call, "prune", "--yes", "--keep-days", "0")[1]["models"] == []


def test_models_behind_a_stored_result_stay(call, world):
    world.write("models/direction.yaml", SPEC.format(name="direction", C=0.2))
    behind = ids(world)
    for kind in (ModelStage, PredictionStage):
        kind(world.workspace, AAPL, "direction").materialize(world.workspace.windows())
    _, document = told(call, "list")
    status = {each["model_id"]: each["status"] for each in document["models"]}
    assert {status[each] for each in behind} == {"superseded"}
    assert told(call, "prune", "--dry-run", "--keep-days", "0")[1]["models"] == []
    with world.workspace.warehouse.write() as connection:
        connection.execute("DELETE FROM backtest_results")
    assert told(call, "prune", "--dry-run", "--keep-days", "0")[1]["models"] == behind


def test_a_file_that_cannot_be_read_keeps_every_model_of_its_instrument(call, world):
    LiveModelStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    world.write("models/direction.yaml", SPEC.format(name="direction", C=0.2))
    LiveModelStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    assert len(told(call, "prune", "--dry-run", "--keep-days", "0")[1]["models"]) == 1
    path = world.value(
        "SELECT path FROM artifacts WHERE asset = 'predictions/direction' AND path IS NOT NULL "
        "ORDER BY seq DESC LIMIT 1"
    )
    (world.runtime / path).unlink()
    assert told(call, "prune", "--dry-run", "--keep-days", "0")[1]["models"] == []
