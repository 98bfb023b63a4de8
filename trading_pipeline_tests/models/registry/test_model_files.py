from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops_io

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import ConfigurationError, ModelIntegrityError
from trading_pipeline.models.predictors.boosted_trees import BoostedTrees
from trading_pipeline.models.predictors.estimators import estimator_names, is_installed
from trading_pipeline.models.registry import model_files
from trading_pipeline.models.registry.model_files import (
    METADATA_FILE,
    MODEL_FILE,
    load_model,
    read_metadata,
    save_model,
)
from trading_pipeline.models.training.forecasting import forecast

INSTALLED = [name for name in estimator_names("classifier") if is_installed(name)]


def p_up(model, features):
    return forecast(model, features)["p_up"].to_numpy()


def rewrite(path, **changes):
    """Change the metadata and make its own hash fit again, as a forger would."""
    values = json.loads((path / METADATA_FILE).read_text()) | changes
    values.pop("metadata_hash")
    values["metadata_hash"] = canonical_hash(values)
    (path / METADATA_FILE).write_text(json.dumps(values))


def replace_estimator(path, content):
    (path / MODEL_FILE).write_bytes(content)
    rewrite(path, sha256=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("calibration", ["sigmoid", None])
def test_a_model_that_is_read_back_is_the_model_that_was_saved(
    tmp_path, make_fit, make_spec, make_data, name, calibration
):
    model = make_fit(make_spec(estimator=name, calibration=calibration))
    path = save_model(tmp_path / "direction", model)
    assert path == tmp_path / "direction" / model.model_id
    again = load_model(path)
    features, _ = make_data(900, seed=99)
    np.testing.assert_array_equal(p_up(again, features), p_up(model, features))
    for part in model.__dataclass_fields__:
        if part not in ("state", "predictor"):
            assert getattr(again, part) == getattr(model, part), part
    assert again.model_id == model.model_id


def test_the_directory_holds_two_files_and_nothing_is_left_beside_it(tmp_path, make_fit):
    path = save_model(tmp_path, make_fit())
    assert sorted(file.name for file in path.iterdir()) == [METADATA_FILE, MODEL_FILE]
    assert list(tmp_path.iterdir()) == [path]


def test_the_metadata_says_what_made_the_model(tmp_path, make_fit):
    model = make_fit()
    metadata = read_metadata(save_model(tmp_path, model))
    assert metadata["spec"]["estimator"]["type"] == "logistic"
    assert metadata["fold"]["last_label_end"] == "2000-12-31T21:00:00+00:00"
    assert metadata["made_from"]["feature_set_hash"] == "f" * 64
    assert metadata["made_from"]["seed"] == 7
    assert metadata["scores"]["tail"]["brier"] == model.scores["tail"]["brier"]
    assert set(metadata["library_versions"]) == {"numpy", "pandas", "scikit-learn", "skops"}
    assert (
        metadata["sha256"]
        == hashlib.sha256((tmp_path / model.model_id / MODEL_FILE).read_bytes()).hexdigest()
    )


@pytest.mark.slow
def test_equal_models_have_equal_bytes_in_two_processes(tmp_path):
    folder = Path(__file__).parents[1]
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); from pathlib import Path; "
        "import conftest; from trading_pipeline.models.registry.model_files import save_model; "
        "junk = [object() for _ in range(int(sys.argv[2]))]; "
        f"made = [conftest.make_fit(conftest.make_spec(estimator=name)) for name in {INSTALLED}]; "
        "[save_model(Path(sys.argv[1]), model) for model in made]"
    )
    for number in ("1", "4321"):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / number), number],
            check=True,
            env={"PYTHONHASHSEED": number, "OMP_NUM_THREADS": "1"},
        )
    files = [sorted((tmp_path / number).rglob("*.*")) for number in ("1", "4321")]
    assert [f.name for f in files[0]] == [f.name for f in files[1]]
    assert len(files[0]) == 2 * len(INSTALLED)
    for first, second in zip(*files, strict=True):
        assert first.parent.name == second.parent.name
        assert first.read_bytes() == second.read_bytes()


def test_the_archive_holds_no_address_and_no_date(tmp_path, make_fit, make_spec):
    path = save_model(tmp_path, make_fit(make_spec(estimator="hist_gradient_boosting")))
    with zipfile.ZipFile(path / MODEL_FILE) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        names = archive.namelist()
        schema = archive.read("schema.json").decode()
    assert all(name == "schema.json" or name.startswith("array") for name in names)
    numbers = [
        int(line.split(":")[1].strip(" ,")) for line in schema.splitlines() if '"__id__"' in line
    ]
    assert numbers
    assert max(numbers) <= len(numbers)


def test_saving_again_leaves_a_sound_model_as_it_is(tmp_path, make_fit):
    model = make_fit()
    path = save_model(tmp_path, model)
    before = (path / MODEL_FILE).stat().st_mtime_ns, path.stat().st_ino
    assert save_model(tmp_path, model) == path
    assert ((path / MODEL_FILE).stat().st_mtime_ns, path.stat().st_ino) == before


def test_saving_again_replaces_a_damaged_model(tmp_path, make_fit, make_data):
    model = make_fit()
    path = save_model(tmp_path, model)
    (path / MODEL_FILE).write_bytes(b"broken")
    save_model(tmp_path, model)
    features, _ = make_data()
    np.testing.assert_array_equal(p_up(load_model(path), features), p_up(model, features))


def test_a_changed_estimator_is_refused(tmp_path, make_fit):
    path = save_model(tmp_path, make_fit())
    content = bytearray((path / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (path / MODEL_FILE).write_bytes(content)
    with pytest.raises(
        ModelIntegrityError, match=r"the sha256 of model\.skops is not the recorded"
    ):
        load_model(path)


@pytest.mark.parametrize("name", [MODEL_FILE, METADATA_FILE])
def test_a_missing_file_is_refused(tmp_path, make_fit, name):
    path = save_model(tmp_path, make_fit())
    (path / name).unlink()
    with pytest.raises(ModelIntegrityError, match=f"the file {name} is missing"):
        load_model(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{not json", '{"metadata_hash": 1}'])
def test_metadata_that_cannot_be_read_is_refused(tmp_path, make_fit, text):
    path = save_model(tmp_path, make_fit())
    (path / METADATA_FILE).write_text(text)
    with pytest.raises(ModelIntegrityError, match=r"metadata\.json cannot be read"):
        load_model(path)


def test_an_edited_fold_is_refused(tmp_path, make_fit):
    path = save_model(tmp_path, make_fit())
    file = path / METADATA_FILE
    file.write_text(file.read_text().replace("2000-12-31T21", "1999-12-31T21"))
    with pytest.raises(ModelIntegrityError, match="was changed after it was written"):
        load_model(path)


def test_a_model_of_another_id_or_in_another_directory_is_refused(tmp_path, make_fit):
    path = save_model(tmp_path, make_fit())
    moved = path.rename(tmp_path / "direction-AAPL_1d-20010101-000000000000")
    with pytest.raises(ModelIntegrityError, match="is not that of what made it"):
        load_model(moved)
    path = save_model(tmp_path, make_fit())
    rewrite(path, made_from=read_metadata(path)["made_from"] | {"seed": 8})
    with pytest.raises(ModelIntegrityError, match="is not that of what made it"):
        load_model(path)


def test_a_model_of_the_first_format_predicts_as_it_did_and_knows_no_errors(
    tmp_path, make_fit, make_data
):
    model = make_fit()
    path = save_model(tmp_path, model)
    replace_estimator(path, skops_io.dumps(model.state["estimator"]))
    values = json.loads((path / METADATA_FILE).read_text())
    details = values.pop("details")
    values |= {name: details[name] for name in ("rows_calibrated", "rows_purged_between")}
    values["reliability"] = details["reliability"]
    values["calibration"] = {name: model.state[name] for name in ("slope", "intercept")}
    for name in ("rows_scored", "effective_rows"):
        del values[name]
    del values["spec"]["predictor"]
    for scores in values["scores"].values():
        for name in [*(key for key in scores if key.endswith("_error") and "cal" not in key)]:
            del scores[name]
        del scores["effective_rows"], scores["base_rate_brier"]
    del values["metadata_hash"]
    values["format"] = 1
    values["metadata_hash"] = canonical_hash(values)
    (path / METADATA_FILE).write_text(json.dumps(values))
    old = load_model(path)
    features, _ = make_data()
    np.testing.assert_array_equal(p_up(old, features), p_up(model, features))
    assert old.effective_rows is None
    assert "auc_error" not in old.scores["tail"]
    assert old.scores["tail"]["auc"] == model.scores["tail"]["auc"]


@pytest.mark.parametrize("number", [0, 4, None, "two"])
def test_a_model_of_a_format_that_is_not_known_is_refused(tmp_path, make_fit, number):
    path = save_model(tmp_path, make_fit())
    rewrite(path, format=number)
    with pytest.raises(ModelIntegrityError, match=r"its format is .*next pass trains it again"):
        load_model(path)


def test_a_model_of_another_scikit_learn_is_refused(tmp_path, make_fit):
    path = save_model(tmp_path, make_fit())
    versions = read_metadata(path)["library_versions"] | {"scikit-learn": "1.2.3"}
    rewrite(path, library_versions=versions)
    with pytest.raises(ModelIntegrityError, match=r"saved with scikit-learn 1\.2\.3, this is"):
        load_model(path)


def test_a_type_that_is_not_trusted_is_never_built(tmp_path, make_fit):
    from skops.io import dumps

    path = save_model(tmp_path, make_fit())
    replace_estimator(path, dumps(FunctionTransformer(func=subprocess.getoutput)))
    with pytest.raises(ModelIntegrityError, match="holds what is not trusted"):
        load_model(path)
    replace_estimator(path, b"no zip archive at all")
    with pytest.raises(ModelIntegrityError, match="holds what is not trusted"):
        load_model(path)


def test_an_estimator_that_could_not_be_read_back_is_not_written(tmp_path, make_fit):
    import dataclasses

    state = {"estimator": FunctionTransformer(func=subprocess.getoutput)}
    model = dataclasses.replace(make_fit(), state=state)
    with pytest.raises(ConfigurationError, match=r"the type subprocess\.getoutput"):
        save_model(tmp_path, model)
    assert list(tmp_path.iterdir()) == []


def test_the_first_of_two_processes_wins_and_both_have_the_model(tmp_path, make_fit, monkeypatch):
    model = make_fit()
    write = model_files._sync_directory
    winner = []

    def other_process_is_faster(path):
        write(path)
        if not winner:
            winner.append(None)
            winner[0] = save_model(tmp_path, model).stat().st_ino

    monkeypatch.setattr(model_files, "_sync_directory", other_process_is_faster)
    path = save_model(tmp_path, model)
    assert path.stat().st_ino == winner[0]
    assert list(tmp_path.iterdir()) == [path]
    assert load_model(path).model_id == model.model_id


def test_a_failed_write_leaves_nothing_behind(tmp_path, make_fit, monkeypatch):
    model = make_fit()

    def full_disk(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_files, "_write_synced", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_model(tmp_path, model)
    assert list(tmp_path.iterdir()) == []


def test_the_trusted_list_holds_what_the_estimators_need_and_no_more():
    from skops.io import dumps, get_untrusted_types

    values = np.random.default_rng(1).normal(size=(200, 3))
    needed = set()
    forest = RandomForestClassifier(n_estimators=2)
    for estimator in (LogisticRegression(), HistGradientBoostingClassifier(max_iter=3), forest):
        content = dumps(estimator.fit(values, (values[:, 0] > 0).astype(int)))
        needed |= set(get_untrusted_types(data=content))
    needed |= set(get_untrusted_types(data=dumps(BoostedTrees({}, trees=1, seed=1))))
    assert needed == set(model_files.TRUSTED_TYPES)
