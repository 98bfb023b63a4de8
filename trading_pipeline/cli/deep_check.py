"""How `doctor --deep` tells what the verification of everything that is stored found."""

from __future__ import annotations

from trading_pipeline.cli.provider_check import Finding
from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.settings.environment import PipelineSettings

__all__ = ["examine_content"]


def examine_content(settings: PipelineSettings) -> list[Finding]:
    """A finding for each kind of content that is whole, and one for each damaged thing."""
    from trading_pipeline.stages.verification import verify_everything
    from trading_pipeline.stages.workspace import open_workspace

    if not settings.warehouse_path.exists():
        return [Finding("content", "ok", "nothing is stored yet")]
    findings = []
    try:
        for verified in verify_everything(open_workspace(settings)):
            findings += [
                Finding(each.what, "wrong", f"{each.detail} {each.recovery}", needed=each.is_used)
                for each in verified.damages
            ]
            if not verified.damages:
                told = f"{verified.count:,} verified, all as written"
                findings.append(Finding(f"stored {verified.kind}", "ok", told))
    except TradingPipelineError as error:
        findings.append(Finding("content", "wrong", str(error)))
    return findings
