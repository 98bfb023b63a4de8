"""What makes a trial another one beside strategy, parameters and instrument.

That is what a person writes and could try again differently: the scenario's settings, its dates and
the specs of the models behind it. New bars, other code and refits are no other trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.models.predictors.estimators import estimator
from trading_pipeline.settings.model_spec import EstimatorSpec, ModelSpec
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.workspace import Workspace

__all__ = ["TrialIdentities", "model_specs_hash"]


class TrialIdentities:
    """The columns `settings_hash`, `dates` and `model_hash` of the trials of one scenario."""

    def __init__(self, workspace: Workspace, scenario: ScenarioSpec) -> None:
        self._workspace = workspace
        self._written = {
            "settings_hash": scenario.settings_hash,
            "dates": scenario.dates.written,
        }
        self._model_hashes: dict[tuple[str, ...], str] = {}

    @property
    def without_models(self) -> dict[str, str]:
        """The columns of a trial that trades no predictions."""
        return {**self._written, "model_hash": ""}

    def of(self, strategy: str, params: Mapping[str, object]) -> dict[str, str]:
        """The columns of a trial with these parameters."""
        models = self._workspace.registries.strategies.required_predictions(strategy, params)
        if models not in self._model_hashes:
            self._model_hashes[models] = model_specs_hash(self._workspace, models)
        return {**self._written, "model_hash": self._model_hashes[models]}


def model_specs_hash(workspace: Workspace, names: tuple[str, ...]) -> str:
    """Hash of what the files of these models say; empty without models.

    Their names do not count, nor do keys at their defaults. A feature set from a YAML file counts
    with its columns, one from a Python file with what it declares of each feature, a shipped set
    with its name. Raises `UnknownNameError` for an unknown model.
    """
    specs = [_written(workspace, workspace.catalog.model(name)) for name in names]
    return canonical_hash(specs) if specs else ""


def _written(workspace: Workspace, spec: ModelSpec) -> dict[str, Any]:
    left_out = {"name", "features", "estimator", "promotion", "max_age_days"}
    written = spec.model_dump(mode="json", exclude_defaults=True, exclude=left_out)
    written["estimator"] = [spec.estimator.type, _chosen_parameters(spec.estimator)]
    written["features"] = _features(workspace, spec.features)
    if spec.label.side_features is not None:
        written["side_features"] = _features(workspace, spec.label.side_features)
    if spec.cross_features:
        written["cross_features"] = workspace.catalog.cross.model_dump(
            mode="json", exclude_defaults=True
        )
    plain: dict[str, Any] = _whole_numbers(written)
    return plain


def _chosen_parameters(spec: EstimatorSpec) -> dict[str, object]:
    """Parameters that are not at their default; unknown ones are refused where models are made."""
    known = estimator(spec.type).parameters
    defaults = {name: parameter.default for name, parameter in known.items()}
    return {
        name: value
        for name, value in spec.params.items()
        if name not in defaults or value != defaults[name]
    }


def _features(workspace: Workspace, name: str) -> object:
    sets, files = workspace.registries.feature_sets, workspace.catalog.feature_sets
    if name in files:
        return [
            {**column, "set": _features(workspace, str(column["set"]))}
            if "set" in column
            else column
            for column in files[name].columns
        ]
    if name in sets.own_names():
        declared = sets.get(name).specs
        return [name, *([s.name, s.version, list(s.inputs), dict(s.parameters)] for s in declared)]
    return name


def _whole_numbers(value: Any) -> Any:
    """The value with 1.0 as 1: the same number, however it was written."""
    if isinstance(value, Mapping):
        return {key: _whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
