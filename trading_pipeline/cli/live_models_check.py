"""How `doctor` tells which live models ask for a new fit."""

from __future__ import annotations

from trading_pipeline.cli.provider_check import Finding
from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.settings.environment import PipelineSettings

__all__ = ["examine_live_models"]


def examine_live_models(settings: PipelineSettings) -> list[Finding]:
    """A finding for each live model that is old, has drifted or lost its score; one where none."""
    from trading_pipeline.stages.models.live_health import live_health, live_models
    from trading_pipeline.stages.workspace import open_workspace

    if not settings.warehouse_path.exists():
        return []
    wait_seconds = min(2.0, settings.warehouse_wait_seconds)
    try:
        workspace = open_workspace(
            settings.model_copy(update={"warehouse_wait_seconds": wait_seconds})
        )
        found = {
            (instrument, model): live_health(workspace, instrument, model)
            for instrument, model in live_models(workspace)
        }
    except TradingPipelineError:
        return []  # the checks of the catalog and the warehouse say so
    findings = []
    for (instrument, model), health in found.items():
        reasons = health.reasons_to_refit() if health else {}
        if reasons:
            way_out = (
                f"Fit it anew: trading-pipeline forecast {instrument} --model {model}. Where that "
                "does not promote the new fit: promotion: {rule: always} in the model's file."
            )
            told = f"{' '.join(reasons.values())} {way_out}"
            check = f"live model {model} of {instrument}"
            findings.append(Finding(check, "wrong", told, needed=False))
    if found and not findings:
        findings = [Finding("live models", "ok", f"{len(found)}, none asks for a new fit")]
    findings += [
        Finding(
            f"live model {model} of {instrument}",
            "wrong",
            f"Drift and decay were not measured. {health.unmeasured}",
            needed=False,
        )
        for (instrument, model), health in found.items()
        if health is not None and health.unmeasured
    ]
    return findings
