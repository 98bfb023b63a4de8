"""What a stored result was made with, in a file beside its frames: scenario, models, code.

The hashes in the row of a result say whether something differs; this says what it was, so that the
result can be run again after its scenario's file was changed or removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading_pipeline.domain.hashing import file_hash
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.portfolio_scenario import parse_scenario
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.storage.parquet_files import write_text

if TYPE_CHECKING:
    from trading_pipeline.backtest.scenario_runner import ScenarioInputs
    from trading_pipeline.strategies import StrategyCatalogue

__all__ = ["LINEAGE_FILE", "ResultLineage", "read_lineage", "strategy_code", "write_lineage"]

LINEAGE_FILE = "lineage.json"


@dataclass(frozen=True, kw_only=True)
class ResultLineage:
    """What a result was made with.

    `models`: ids of the models whose predictions were traded, in the order of their use, by
    instrument and name of the model. `strategy_code`: hash of the strategy's code alone.
    """

    scenario: ScenarioSpec
    models: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    strategy_code: str = ""
    engine_version: str = ""


def write_lineage(
    folder: Path,
    scenario: ScenarioSpec,
    inputs: Mapping[str, ScenarioInputs],
    strategies: StrategyCatalogue,
) -> str:
    """Write the file of a result that is about to be stored; returns its sha256.

    `inputs`: by instrument. Scenarios that mean the same give equal bytes, however their files are
    written, because they have the same result. A file that differs in the engine's version alone
    stays as it is.
    """
    from trading_pipeline.backtest.engine import ENGINE_VERSION  # a reader does without the engine

    told = {
        "scenario": _written(scenario),
        "models": {
            instrument: {
                name: list(dict.fromkeys(map(str, frame["model_id"])))
                for name, frame in each.predictions.items()
            }
            for instrument, each in inputs.items()
        },
        "strategy_code": strategy_code(scenario, strategies),
        "engine_version": str(ENGINE_VERSION),
    }
    if scenario.default_costs:
        told["default_costs"] = list(scenario.default_costs)
    path = folder / LINEAGE_FILE
    if not _says_the_same(path, told):
        write_text(path, _text(told))
    return file_hash(path)


def _written(scenario: ScenarioSpec) -> dict[str, Any]:
    """The keys that are not at their default, and the strategy wherever one was given."""
    found: dict[str, Any] = scenario.model_dump(mode="json", exclude_defaults=True)
    if "strategy" in scenario.model_fields_set:
        found["strategy"] = scenario.strategy.model_dump(mode="json", exclude_defaults=True)
    return found


def _says_the_same(path: Path, told: Mapping[str, Any]) -> bool:
    try:
        text = path.read_text("utf-8")
        version = json.loads(text)["engine_version"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return text == _text({**told, "engine_version": version})


def _text(told: Mapping[str, Any]) -> str:
    return json.dumps(told, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def strategy_code(scenario: ScenarioSpec, strategies: StrategyCatalogue) -> str:
    """Hash of the code of the scenario's strategy, as it would trade now."""
    traded = scenario.strategy
    return strategies.code_hash(traded.type, strategies.validate_params(traded.type, traded.params))


def read_lineage(folder: Path) -> ResultLineage | None:
    """The file of a result; None for results from before there was one.

    Raises `ConfigurationError` for a file with keys that this version does not know.
    """
    path = folder / LINEAGE_FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    try:
        told = json.loads(text)
        return ResultLineage(
            scenario=parse_scenario(told["scenario"], where=str(path)).with_default_costs(
                tuple(told.get("default_costs", ()))
            ),
            models=told["models"],
            strategy_code=told["strategy_code"],
            engine_version=told["engine_version"],
        )
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(
            f"{path} is not what this version writes beside a result: {error!r}.", path=str(path)
        ) from error
