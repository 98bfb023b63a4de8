"""Model files that somebody made on purpose: nothing in them runs, and nothing they say is used."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import Tree
from skops import io as skops_io

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import ModelIntegrityError
from trading_pipeline.models.registry.model_files import (
    METADATA_FILE,
    MODEL_FILE,
    load_model,
    save_model,
)
from trading_pipeline.models.registry.tree_checks import tree_fault

RNG = np.random.default_rng(5)
VALUES = RNG.normal(size=(300, 3))
OUTCOMES = (VALUES[:, 0] + 0.5 * RNG.normal(size=300) > 0).astype(int)


class Payload:
    """A pickle of it opens a file when it is read."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


def forged(path, content):
    """Put `content` in the place of the model, and make every hash of the metadata fit it."""
    (path / MODEL_FILE).write_bytes(content)
    values = json.loads((path / METADATA_FILE).read_text())
    values.pop("metadata_hash")
    values["sha256"] = hashlib.sha256(content).hexdigest()
    values["metadata_hash"] = canonical_hash(values)
    (path / METADATA_FILE).write_text(json.dumps(values))
    return path


def edited(content, change):
    """skops bytes with a changed schema."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["schema.json"] = change(parts["schema.json"].decode()).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return buffer.getvalue()


def calls(module, name, arguments):
    """A skops file that calls a function when it is built, as a forger would write it."""

    def text(value):
        return {
            "__class__": "str",
            "__module__": "builtins",
            "__loader__": "JsonNode",
            "content": json.dumps(value),
        }

    def several(kind, loader, content):
        return {
            "__class__": kind,
            "__module__": "builtins",
            "__loader__": loader,
            "content": content,
        }

    none = several("dict", "DictNode", {}) | {"key_types": several("list", "ListNode", [])}
    called = {"__class__": name, "__module__": module, "__loader__": "FunctionNode"}
    schema = {
        "__class__": "partial",
        "__module__": "functools",
        "__loader__": "PartialNode",
        "protocol": 2,
        "content": {
            "func": called,
            "args": several("tuple", "TupleNode", [text(each) for each in arguments]),
            "kwds": none,
            "namespace": none,
        },
    }
    return skops_of(schema)


def skops_of(schema):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


def test_a_pickle_under_the_name_of_a_model_is_not_run(tmp_path, make_fit):
    marker = tmp_path / "marker"
    content = pickle.dumps(Payload(marker))
    pickle.loads(content).close()
    assert marker.exists()  # the weapon works
    marker.unlink()
    path = forged(save_model(tmp_path / "m", make_fit()), content)
    with pytest.raises(ModelIntegrityError, match="holds what is not trusted"):
        load_model(path)
    assert not marker.exists()
    assert (path / MODEL_FILE).read_bytes() == content


def test_a_pickle_inside_a_skops_file_is_not_run(tmp_path, make_fit):
    marker = tmp_path / "marker"
    array = io.BytesIO()
    np.save(array, np.array([Payload(marker)], dtype=object), allow_pickle=True)
    content = skops_io.dumps({"estimator": np.zeros(3)})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        schema = archive.read("schema.json")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", schema)
        for name in names:
            if name.endswith(".npy"):
                archive.writestr(name, array.getvalue())
    path = forged(save_model(tmp_path / "m", make_fit()), buffer.getvalue())
    with pytest.raises(ModelIntegrityError, match=r"allow_pickle"):
        load_model(path)
    assert not marker.exists()


@pytest.mark.parametrize("module", ["os", "posix"])
def test_a_skops_file_that_names_a_command_is_not_run(tmp_path, make_fit, module):
    marker = tmp_path / "marker"
    path = save_model(tmp_path / "m", make_fit())
    forged(path, calls(module, "system", [f"touch {marker}"]))
    with pytest.raises(ModelIntegrityError, match=rf"{module}\.system"):
        load_model(path)
    renamed = edited(
        skops_io.dumps({"estimator": FunctionTransformer(func=np.exp)}),
        lambda schema: schema.replace('"exp"', '"system"').replace('"numpy"', f'"{module}"'),
    )
    forged(path, renamed)
    with pytest.raises(ModelIntegrityError, match=rf"{module}\.system"):
        load_model(path)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["methodcaller", "attrgetter"])
def test_a_function_that_reaches_others_is_not_built(tmp_path, make_fit, name):
    import operator

    content = skops_io.dumps({"estimator": getattr(operator, name)("system")})
    path = forged(save_model(tmp_path, make_fit()), content)
    with pytest.raises(ModelIntegrityError, match=rf"operator\.{name}"):
        load_model(path)


@pytest.mark.parametrize("schema", [{}, [], {"protocol": 2}, {"protocol": True}, "text"])
def test_a_schema_that_says_nothing_is_refused(tmp_path, make_fit, schema):
    path = forged(save_model(tmp_path, make_fit()), skops_of(schema))
    with pytest.raises(ModelIntegrityError, match="holds what is not trusted"):
        load_model(path)


def test_a_schema_that_goes_deeper_than_the_stack_is_refused(tmp_path, make_fit):
    deep = "[" * 100_000 + "]" * 100_000
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", deep)
    path = forged(save_model(tmp_path, make_fit()), buffer.getvalue())
    with pytest.raises(ModelIntegrityError, match="holds what is not trusted"):
        load_model(path)


def test_a_file_that_unpacks_to_more_than_it_is_is_refused(tmp_path, make_fit):
    content = skops_io.dumps({"estimator": np.zeros(100_000)}, compression=zipfile.ZIP_DEFLATED)
    path = forged(save_model(tmp_path, make_fit()), content)
    with pytest.raises(ModelIntegrityError, match="larger than the file"):
        load_model(path)


def test_a_forged_model_is_not_the_one_on_record(tmp_path, make_fit, make_spec):
    model = make_fit()
    path = save_model(tmp_path, model)
    recorded = json.loads((path / METADATA_FILE).read_text())["sha256"]
    assert load_model(path, sha256=recorded).model_id == model.model_id
    other = make_fit(make_spec(params={"C": 0.001}))
    forged(path, skops_io.dumps(dict(other.state)))
    load_model(path)  # whole, and trusted by its types
    with pytest.raises(ModelIntegrityError, match=rf"sha256 {recorded[:12]} on record"):
        load_model(path, sha256=recorded)


@pytest.mark.parametrize("change", ["state", "scores"])
def test_saving_replaces_a_forged_model_though_its_hashes_fit(
    tmp_path, make_fit, make_spec, change
):
    model = make_fit()
    path = save_model(tmp_path, model)
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    if change == "state":
        forged(path, skops_io.dumps(dict(make_fit(make_spec(params={"C": 0.001})).state)))
    else:
        values = json.loads((path / METADATA_FILE).read_text())
        values["scores"]["tail"]["auc"] = 0.99
        del values["metadata_hash"]
        values["metadata_hash"] = canonical_hash(values)
        (path / METADATA_FILE).write_text(json.dumps(values))
    assert load_model(path).model_id == model.model_id
    save_model(tmp_path, model)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before


@pytest.mark.parametrize(
    "changes",
    [
        {"library_versions": {}},
        {"library_versions": None},
        {"fold": {}},
        {"columns": None},
        {"spec": None},
        {"scores": 1, "fold": {"train_start": "yesterday"}},
    ],
)
def test_forged_metadata_that_describe_no_model_are_refused(tmp_path, make_fit, changes):
    path = save_model(tmp_path, make_fit())
    values = json.loads((path / METADATA_FILE).read_text()) | changes
    del values["metadata_hash"]
    values["metadata_hash"] = canonical_hash(values)
    (path / METADATA_FILE).write_text(json.dumps(values))
    with pytest.raises((ModelIntegrityError, ValueError)) as caught:
        load_model(path)
    assert type(caught.value).__module__ == "trading_pipeline.errors"


def tree_with(**changes):
    """A decision tree whose nodes say something else, as skops would build it."""
    model = DecisionTreeClassifier(max_depth=3, random_state=1).fit(VALUES, OUTCOMES)
    state = model.tree_.__getstate__()
    for field, value in changes.pop("nodes", {}).items():
        state["nodes"][field][0] = value
    tree = Tree(changes.pop("n_features", 3), np.array([2]), 1)
    if changes.pop("is_empty", False):
        state = None
    if state is not None:
        tree.__setstate__(state | changes)
    model.tree_ = tree
    return {"estimator": model}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"nodes": {"left_child": 0}}, "leads to node 0"),
        ({"nodes": {"right_child": 0}}, "leads to node 0"),
        ({"nodes": {"left_child": 10**9}}, "leads to node 1000000000"),
        ({"nodes": {"right_child": -7}}, "leads to node -7"),
        ({"nodes": {"feature": 3}}, "reads column 3 of 3"),
        ({"nodes": {"feature": -2}}, "reads column -2 of 3"),
        ({"node_count": 2}, "says 2"),
        ({"node_count": -1}, "says -1"),
        ({"n_features": 10**6}, "1000000 columns"),
        ({"is_empty": True}, "has 0 nodes"),
    ],
)
def test_a_tree_that_leads_out_of_itself_is_refused(changes, says):
    assert tree_fault(tree_with()) == ""
    assert says in tree_fault(tree_with(**changes))


def boosting_with(**changes):
    model = HistGradientBoostingClassifier(max_iter=3, random_state=1).fit(VALUES, OUTCOMES)
    for field, value in changes.items():
        model._predictors[1][0].nodes[field][0] = value
    return {"estimator": model}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"left": 0}, "leads to node 0"),
        ({"right": 0}, "leads to node 0"),
        ({"right": 2**31}, "leads to node 2147483648"),
        ({"feature_idx": 3}, "reads column 3 of 3"),
        ({"feature_idx": -1}, "reads column -1 of 3"),
        ({"is_categorical": 1}, "by categories"),
    ],
)
def test_a_boosted_tree_that_leads_out_of_itself_is_refused(changes, says):
    assert tree_fault(boosting_with()) == ""
    assert says in tree_fault(boosting_with(**changes))


def test_trees_that_nothing_checks_the_columns_of_are_refused():
    model = boosting_with()["estimator"]
    del model.n_features_in_
    assert "None columns" in tree_fault({"deep": [{"er": (model,)}]})
    tree = tree_with()["estimator"].tree_
    assert "belongs to no estimator" in tree_fault({"tree": tree})
    assert "belongs to no estimator" in tree_fault({"a": np.array([tree, None], dtype=object)})
    nodes = np.zeros(1)
    assert "belongs to no estimator" in tree_fault({"t": TreePredictor(nodes, nodes, nodes)})
    stages = GradientBoostingRegressor(n_estimators=2).fit(VALUES, OUTCOMES)
    assert tree_fault({"estimator": stages}) == ""
    stages.n_features_in_ = 2
    assert "2 columns has others" in tree_fault({"estimator": stages})


def test_a_file_with_a_circle_is_refused_before_it_predicts(tmp_path, make_fit, make_spec):
    model = make_fit(make_spec(estimator="hist_gradient_boosting"))
    path = save_model(tmp_path, model)
    load_model(path)
    state = skops_io.loads((path / MODEL_FILE).read_bytes(), trusted=[TreePredictor])
    state["estimator"]._predictors[0][0].nodes["left"][0] = 0
    forged(path, skops_io.dumps(state))
    with pytest.raises(ModelIntegrityError, match="tree that cannot be walked: node 0"):
        load_model(path)
