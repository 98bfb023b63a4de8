"""The asset check of live models: age, drift and a lost score, with a warning."""

import dagster as dg

from trading_pipeline.defs.resources import WorkspaceResource
from trading_pipeline.stages.models.live_health import live_health, live_models

__all__ = ["live_check"]


def live_check(model: str) -> dg.AssetChecksDefinition:
    """`needs_new_fit` of `live/<model>`: warns of each instrument that asks for a new fit.

    It reads what is stored, so it can be run by itself at any time.
    """

    @dg.asset_check(
        asset=dg.AssetKey(["live", model]),
        name="needs_new_fit",
        description="No live model is older than its limit, its features have not drifted beyond "
        "what it learned from, and its score has not fallen by more than two errors. It warns and "
        "does not block.",
    )
    def needs_new_fit(
        context: dg.AssetCheckExecutionContext, workspace: WorkspaceResource
    ) -> dg.AssetCheckResult:
        opened = workspace.open(context)
        ages, told, unmeasured = {}, [], []
        for instrument, name in live_models(opened):
            health = live_health(opened, instrument, name) if name == model else None
            if health is not None:
                ages[f"age_days_{instrument}"] = health.age_days
                reasons = health.reasons_to_refit().values()
                told += [f"{instrument}: {reason}" for reason in reasons]
                if health.unmeasured:
                    why = f"{instrument}: drift and decay were not measured. {health.unmeasured}"
                    unmeasured.append(why)
        return dg.AssetCheckResult(
            passed=not told,
            severity=dg.AssetCheckSeverity.WARN,
            description="\n".join([*told, *unmeasured]) or None,
            metadata={"live_models": len(ages), **ages},
        )

    return needs_new_fit
