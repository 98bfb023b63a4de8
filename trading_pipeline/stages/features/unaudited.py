"""What must be said beside results whose features read what no audit knows of."""

from __future__ import annotations

from trading_pipeline.own_code import not_audited
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.workspace import Workspace

__all__ = ["unaudited_features"]


def unaudited_features(
    workspace: Workspace, instrument_id: str, set_name: str, model_name: str
) -> list[str]:
    """The warning of a model whose feature set reads something from outside; none for others."""
    outside = FeatureStage(workspace, instrument_id, set_name).read_outside()
    subject = f"The feature set '{set_name}' of the model '{model_name}'"
    told = not_audited(subject, outside, read_from="context.inputs")
    return [told] if told else []
