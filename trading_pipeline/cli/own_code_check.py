"""How `doctor` looks at the user's Python files: what each gives, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trading_pipeline.cli.provider_check import Finding
from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.settings.environment import PipelineSettings
from trading_pipeline.settings.external_input import ExternalInputSpec

__all__ = ["examine_own_code"]


def examine_own_code(settings: PipelineSettings) -> list[Finding]:
    """A finding for each file of strategies, sources, predictors and feature sets, and each input.

    A file that cannot be used is needed only where something of the catalog asks for it.
    """
    from trading_pipeline.stages.market_data.check_catalog import check_catalog
    from trading_pipeline.stages.market_data.usable_catalog import catalog_of_files
    from trading_pipeline.stages.registries import Registries

    catalog = catalog_of_files(settings)  # the check of the catalog says what else is wrong
    registries = Registries(catalog)
    stopped = check_catalog(catalog, registries)
    findings = []
    kinds: dict[str, Any] = {
        "strategy": registries.strategies,
        "source": registries.sources,
        "predictor": registries.predictors,
        "features": registries.feature_sets,
    }
    for kind, registry in kinds.items():
        for name, path in sorted(registry.own.files.items()):
            findings.append(Finding(f"own {kind} {name}", "ok", str(path)))
            findings += _inputs(name, getattr(registry.get(name), "inputs", ()), settings.config)
        for each in registry.own.broken:
            using = [what for what, error in stopped.items() if error is each.error]
            used = f" It stops {', '.join(using)}." if using else " Nothing uses it."
            check = f"own {kind} {each.path.stem}"
            findings.append(Finding(check, "wrong", f"{each.error}{used}", needed=bool(using)))
    return findings


def _inputs(name: str, declared: Sequence[ExternalInputSpec], folder: Path) -> list[Finding]:
    from trading_pipeline.market_data.external_inputs import read_external_input

    findings = []
    for spec in declared:
        check = f"input {spec.name} of {name}"
        try:
            findings.append(Finding(check, "ok", read_external_input(spec, folder).shown))
        except TradingPipelineError as error:
            findings.append(Finding(check, "wrong", str(error)))
    return findings
