"""What users and the environment set: folders and keys, universe, scenarios, studies, models.

Read `spec_model` (strict values with plain errors) and `yaml_files` first, then `universe`,
`scenario` with `scenario_groups`, `study`, `model_spec`, `label_spec`; `scenario_files` makes
scenarios of a file; `catalog_files` and `universe_file` read the folders, `catalog` puts all files
together (`wrong_files`: those that cannot be used), and `environment` holds variables and
`.env`. `backtest_settings` and `rebalancing` are what the engine takes. `universe_writer` and
`scenario_registration` are the only ones that write.
Names of strategies, features and sources are checked where those are known, in layers above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.settings.backtest_settings import BacktestSettings
    from trading_pipeline.settings.catalog import Catalog, load_catalog
    from trading_pipeline.settings.dataset_answers import DatasetAnswers
    from trading_pipeline.settings.environment import PipelineSettings, load_settings
    from trading_pipeline.settings.label_spec import LabelSpec
    from trading_pipeline.settings.model_spec import ModelSpec
    from trading_pipeline.settings.rebalancing import Rebalancing
    from trading_pipeline.settings.scenario import ScenarioSpec
    from trading_pipeline.settings.study import StudySpec
    from trading_pipeline.settings.universe import InstrumentSpec, UniverseSpec

__all__ = [
    "BacktestSettings",
    "Catalog",
    "DatasetAnswers",
    "InstrumentSpec",
    "LabelSpec",
    "ModelSpec",
    "PipelineSettings",
    "Rebalancing",
    "ScenarioSpec",
    "StudySpec",
    "UniverseSpec",
    "load_catalog",
    "load_settings",
]

_HOMES = {
    "BacktestSettings": "trading_pipeline.settings.backtest_settings",
    "Catalog": "trading_pipeline.settings.catalog",
    "load_catalog": "trading_pipeline.settings.catalog",
    "DatasetAnswers": "trading_pipeline.settings.dataset_answers",
    "PipelineSettings": "trading_pipeline.settings.environment",
    "load_settings": "trading_pipeline.settings.environment",
    "LabelSpec": "trading_pipeline.settings.label_spec",
    "ModelSpec": "trading_pipeline.settings.model_spec",
    "Rebalancing": "trading_pipeline.settings.rebalancing",
    "ScenarioSpec": "trading_pipeline.settings.scenario",
    "StudySpec": "trading_pipeline.settings.study",
    "InstrumentSpec": "trading_pipeline.settings.universe",
    "UniverseSpec": "trading_pipeline.settings.universe",
}
__getattr__ = lazy_exports(__name__, _HOMES)
