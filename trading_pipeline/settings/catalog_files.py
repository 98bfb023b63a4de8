"""Reads the folders of settings that a catalog is made of; wrong files may be set aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.cross_features import CrossFeaturesSpec
from trading_pipeline.settings.feature_set_file import FeatureSetFile
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.settings.scenario_files.default_costs import DefaultCosts
from trading_pipeline.settings.scenario_files.scenario_file import (
    ScenarioFile,
    read_scenario_folders,
)
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.settings.wrong_files import WrongFile, name_in, setting_aside
from trading_pipeline.settings.yaml_files import list_spec_files, read_yaml

__all__ = ["SHIPPED", "CatalogFiles"]

SHIPPED = Path(__file__).parent / "defaults"
NamedSpec = TypeVar("NamedSpec", StudySpec, ModelSpec, FeatureSetFile, LabelSpec)
Parsed = TypeVar("Parsed", StudySpec, ModelSpec, FeatureSetFile, LabelSpec, covariant=True)


class _Parse(Protocol[Parsed]):
    """Makes a spec of a file's values."""

    def __call__(self, data: object, *, where: str) -> Parsed: ...


@dataclass
class CatalogFiles:
    """Shipped files, with the user's files of `config_dir` (None: none) added or laid over them.

    `wrong`: takes the files that cannot be read, and a shipped file of the same name does not take
    their place; None raises the error of the first one. `sources`: the file of each spec read so
    far, by names such as `scenarios/mine`.
    """

    config_dir: Path | None
    wrong: list[WrongFile] | None = None
    sources: dict[str, Path] = field(default_factory=dict)

    @property
    def _bases(self) -> tuple[Path, ...]:
        return (SHIPPED,) if self.config_dir is None else (SHIPPED, self.config_dir)

    def named(self, folder: str, parse: _Parse[NamedSpec]) -> dict[str, NamedSpec]:
        """The specs of one kind by name; the user's take the place of shipped ones."""
        found: dict[str, NamedSpec] = {}
        for base in self._bases:
            here: dict[str, NamedSpec] = {}
            places: dict[str, Path] = {}
            for path in self._list(base, folder):
                unusable = path.stem
                with setting_aside(self.wrong, f"{folder}/{path.stem}", path):
                    data = read_yaml(path)
                    unusable = name_in(data, unusable)
                    spec = parse(data, where=str(path))
                    if spec.name in places:
                        here.pop(spec.name, None)  # neither of two is meant more than the other
                        raise _same_name(spec.name, path, places[spec.name])
                    here[spec.name], places[spec.name], unusable = spec, path, ""
                found.pop(unusable, None)
                self.sources.pop(f"{folder}/{unusable}", None)
            found |= here
            self.sources |= {f"{folder}/{name}": places[name] for name in here}
        return found

    def scenarios(self, costs: DefaultCosts | None) -> dict[str, ScenarioFile]:
        """The file of each scenario or portfolio by its name."""
        folders = [base / "scenarios" for base in self._bases]
        files = read_scenario_folders(folders, costs, self.wrong)
        by_name = {name: file for file in files for name in file.names}
        for name, file in by_name.items():
            if file.path is not None:
                self.sources[f"scenarios/{name}"] = file.path
        return by_name

    def cross_features(self) -> CrossFeaturesSpec:
        """The user's file where there is one, else the shipped one."""
        for folder in reversed(self._bases):
            found = [path for path in list_spec_files(folder) if path.stem == "cross_features"]
            if len(found) > 1:
                raise ConfigurationError(
                    f"{folder} holds {' and '.join(path.name for path in found)}. Keep one of "
                    "them.",
                    paths=[str(path) for path in found],
                )
            if found:
                self.sources["cross_features"] = found[0]
                with setting_aside(self.wrong, "cross_features", found[0]):
                    return CrossFeaturesSpec.parse(read_yaml(found[0]), where=str(found[0]))
                break
        return CrossFeaturesSpec()

    def _list(self, base: Path, folder: str) -> list[Path]:
        with setting_aside(self.wrong, folder, base / folder):
            return list_spec_files(base / folder)
        return []


def _same_name(name: str, path: Path, other: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path} has the name '{name}', which {other} has too. Give one of them another name.",
        name=name,
        path=str(path),
    )
