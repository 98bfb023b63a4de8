"""The files of a model: `model.skops` and `metadata.json` in `<directory>/<model_id>/`.

What a fit learned is stored with skops, never pickled, and read back with a fixed list of trusted
types. Equal models have equal bytes. The hashes in the metadata find accidents; who changes files
on purpose can make them fit, so readers give the sha256 that the warehouse knows.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trading_pipeline.domain.hashing import canonical_hash, file_hash
from trading_pipeline.errors import (
    ConfigurationError,
    ModelIntegrityError,
    TradingPipelineError,
)
from trading_pipeline.models.predictors.catalogue import SHIPPED_PREDICTORS, Predictors
from trading_pipeline.models.predictors.predictor import State
from trading_pipeline.models.registry.fitted_model import FittedModel, model_id
from trading_pipeline.models.registry.tree_checks import tree_fault
from trading_pipeline.models.training.walk_forward_folds import Fold
from trading_pipeline.settings.model_spec import NOT_OF_A_FIT, ModelSpec
from trading_pipeline.settings.written_files import temporary_beside

__all__ = [
    "METADATA_FILE",
    "MODEL_FILE",
    "TRUSTED_TYPES",
    "load_model",
    "read_metadata",
    "save_model",
]

MODEL_FILE = "model.skops"
METADATA_FILE = "metadata.json"
FORMAT = 3
"""Formats 1 and 2 hold a direction model: the estimator alone is in `model.skops`, its calibration
in the metadata. Format 1 has no `base_rate`, `rows_scored` and `effective_rows`, and scores without
errors."""
TRUSTED_TYPES = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "trading_pipeline.models.predictors.boosted_trees.BoostedTrees",
)
"""Types beyond skops' own list that a model file may hold: trees, which are arrays of numbers or
the text of them.

`tree_fault` checks the numbers, which skops does not."""
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)


def save_model(directory: Path, fitted: FittedModel) -> Path:
    """Write the model and return its directory, `directory/<model_id>`.

    The files are written to a temporary directory, synced and renamed, so a reader finds the whole
    model or none. What is there under this id is kept where it equals this model byte by byte; a
    damaged or forged one is replaced.
    """
    target = directory / fitted.model_id
    content = _state_bytes(fitted.state)
    metadata = _metadata(fitted, hashlib.sha256(content).hexdigest())
    text = json.dumps(metadata, indent=2, sort_keys=True, allow_nan=False) + "\n"
    files = {MODEL_FILE: content, METADATA_FILE: text.encode()}
    if target.exists():
        if _holds(target, files):
            return target
        shutil.rmtree(target)
    with temporary_beside(target) as aside:
        aside.mkdir()
        for name, each in files.items():
            _write_synced(aside / name, each)
        _sync_directory(aside)
        try:
            aside.rename(target)
        except OSError:
            if not target.exists():
                raise
            read_metadata(target)  # another process was first; its model must be intact
    _sync_directory(directory)
    return target


def read_metadata(path: Path) -> dict[str, Any]:
    """The metadata of the model in directory `path`, after checking that nothing was changed.

    Raises `ModelIntegrityError` for a missing or unreadable file, an estimator whose sha256 is not
    the recorded one, changed metadata, and a model id that does not match the recorded inputs or
    the name of the directory.
    """
    for name in (METADATA_FILE, MODEL_FILE):
        if not (path / name).is_file():
            raise _damaged(path, f"the file {name} is missing")
    try:
        metadata = json.loads((path / METADATA_FILE).read_text(encoding="utf-8"))
        found = {key: value for key, value in metadata.items() if key != "metadata_hash"}
        expected = (metadata["metadata_hash"], metadata["sha256"], metadata["model_id"])
        identity = model_id(metadata["made_from"])
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise _damaged(path, f"{METADATA_FILE} cannot be read ({error!r})") from error
    if canonical_hash(found) != expected[0]:
        raise _damaged(path, f"{METADATA_FILE} was changed after it was written")
    if file_hash(path / MODEL_FILE) != expected[1]:
        raise _damaged(path, f"the sha256 of {MODEL_FILE} is not the recorded {expected[1][:12]}")
    if identity != expected[2] or path.name != expected[2]:
        raise _damaged(path, f"the id {expected[2]!r} is not that of what made it")
    return dict(metadata)


def load_model(
    path: Path, predictors: Predictors = SHIPPED_PREDICTORS, *, sha256: str | None = None
) -> FittedModel:
    """The model in directory `path`; it predicts exactly as it did when it was saved.

    `predictors`: where its predictor is looked up. `sha256`: of `model.skops` as the warehouse
    recorded it; None where there is no record. Models of earlier formats are read as well: what
    they do not hold is None or 0. Raises `ModelIntegrityError` as `read_metadata` does, for another
    sha256, for a type that is not trusted, for trees that cannot be walked, for a format that this
    version does not know, and for a model of another scikit-learn release, whose predictions may
    differ.
    """
    metadata = read_metadata(path)
    if sha256 is not None and metadata["sha256"] != sha256:
        raise _damaged(path, f"{MODEL_FILE} is not the one with sha256 {sha256[:12]} on record")
    number = metadata.get("format")
    if not isinstance(number, int) or not 1 <= number <= FORMAT:
        raise _damaged(path, f"its format is {number!r}, this version reads up to {FORMAT}")
    from sklearn import __version__ as installed

    try:
        saved_with = str(metadata["library_versions"]["scikit-learn"])
    except (KeyError, TypeError) as error:
        raise _damaged(path, "its metadata do not say which scikit-learn saved it") from error
    if saved_with.split(".")[:2] != installed.split(".")[:2]:
        raise _damaged(path, f"it was saved with scikit-learn {saved_with}, this is {installed}")
    state = _trusted_state(path)
    if number < 3:
        state = _direction_state(state, metadata)
    elif not isinstance(state, dict):
        raise _damaged(path, f"{MODEL_FILE} holds a {type(state).__name__}, no state by name")
    fault = tree_fault(state)
    if fault:
        raise _damaged(path, f"{MODEL_FILE} holds a tree that cannot be walked: {fault}")
    try:
        return _fitted(metadata, state, path, predictors)
    except TradingPipelineError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, f"{METADATA_FILE} does not describe a model ({error!r})") from error


def _fitted(
    metadata: Mapping[str, Any], state: State, path: Path, predictors: Predictors
) -> FittedModel:
    spec = ModelSpec.parse(metadata["spec"], where=str(path / METADATA_FILE))
    return FittedModel(
        made_from=metadata["made_from"],
        predictor=predictors.get(spec.predictor.type),
        spec=spec,
        instrument=metadata["instrument"],
        state=state,
        columns=tuple(metadata["columns"]),
        fold=Fold.from_dict(metadata["fold"]),
        rows_fitted=metadata["rows_fitted"],
        rows_scored=metadata.get("rows_scored", 0),
        rows_without_features=metadata["rows_without_features"],
        effective_rows=metadata.get("effective_rows"),
        scores=metadata["scores"],
        details=_direction_details(metadata) if metadata["format"] < 3 else metadata["details"],
        library_versions=metadata["library_versions"],
    )


def _trusted_state(path: Path) -> Any:
    """What `model.skops` holds; nothing of it is built before all of its types are known."""
    from skops import io as skops_io

    content = (path / MODEL_FILE).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(info.file_size for info in archive.infolist()) > len(content):
                raise ValueError("its parts are larger than the file, and models are not packed")
        return skops_io.loads(content, trusted=list(TRUSTED_TYPES))
    except Exception as error:  # a crafted file can make any part of skops and numpy fail
        raise _damaged(path, f"{MODEL_FILE} holds what is not trusted ({error})") from error


def _direction_state(estimator: object, metadata: Mapping[str, Any]) -> State:
    """The state of a model of an earlier format."""
    calibration = metadata["calibration"] or {"slope": None, "intercept": None}
    return {"estimator": estimator, **calibration}


def _direction_details(metadata: Mapping[str, Any]) -> dict[str, Any]:
    names = ("base_rate", "rows_calibrated", "rows_purged_between", "reliability")
    return {name: metadata.get(name) for name in names}


def _holds(path: Path, files: Mapping[str, bytes]) -> bool:
    """True where the directory has these files with this content."""
    return all((path / n).is_file() and (path / n).read_bytes() == c for n, c in files.items())


def _metadata(fitted: FittedModel, sha256: str) -> dict[str, object]:
    values: dict[str, object] = {
        "format": FORMAT,
        "model_id": fitted.model_id,
        "sha256": sha256,
        "made_from": dict(fitted.made_from),
        "instrument": fitted.instrument,
        "spec": fitted.spec.model_dump(mode="json", exclude=set(NOT_OF_A_FIT)),
        "columns": list(fitted.columns),
        "fold": fitted.fold.as_dict(),
        "rows_fitted": fitted.rows_fitted,
        "rows_scored": fitted.rows_scored,
        "rows_without_features": fitted.rows_without_features,
        "effective_rows": fitted.effective_rows,
        "scores": {part: dict(each) for part, each in fitted.scores.items()},
        "details": dict(fitted.details),
        "library_versions": dict(fitted.library_versions),
    }
    # the JSON round trip hashes the values as they will be read back
    return values | {"metadata_hash": canonical_hash(json.loads(json.dumps(values)))}


def _state_bytes(state: State) -> bytes:
    """skops bytes without the memory addresses and dates that skops and zip add."""
    from skops import io as skops_io

    raw = skops_io.dumps(dict(state))
    untrusted = set(skops_io.get_untrusted_types(data=raw)) - set(TRUSTED_TYPES)
    if untrusted:
        raise ConfigurationError(
            f"What was learned holds the type {min(untrusted)}, which is not on the list of types "
            "that a model file may hold, so it could not be read back. Keep scikit-learn "
            "estimators, numpy arrays, numbers and text.",
            untrusted=sorted(untrusted),
        )
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(contents.pop("schema.json"))
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}
    _renumber(schema, numbers, names)
    contents = {names[name]: content for name, content in contents.items()}
    contents["schema.json"] = json.dumps(schema, indent=2).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        for name in sorted(contents):
            archive.writestr(zipfile.ZipInfo(name, date_time=_FIXED_DATE), contents[name])
    return buffer.getvalue()


def _renumber(node: Any, numbers: dict[int, int], names: dict[str, str]) -> None:
    """Replace object addresses by their order of first appearance, in place."""
    if isinstance(node, list):
        for child in node:
            _renumber(child, numbers, names)
    elif isinstance(node, dict):
        if isinstance(node.get("__id__"), int):
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
        if isinstance(node.get("file"), str):
            suffix = Path(node["file"]).suffix
            node["file"] = names.setdefault(node["file"], f"array{len(names) + 1}{suffix}")
        for key, child in node.items():
            if key not in ("__id__", "file"):
                _renumber(child, numbers, names)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged(path: Path, what: str) -> ModelIntegrityError:
    return ModelIntegrityError(
        f"The model in {path} cannot be used: {what}. The next pass trains it again and replaces "
        "it: trading-pipeline run (forecast for a live model).",
        path=path,
    )
