"""A scenario file: one scenario or several variants, in today's keys or those of the older form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.settings.portfolio_scenario import parse_scenario
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.scenario_files.default_costs import DefaultCosts, default_costs_line
from trading_pipeline.settings.scenario_files.older_form import is_older
from trading_pipeline.settings.scenario_files.older_mapping import read_older
from trading_pipeline.settings.scenario_files.variants import KEY, expanded
from trading_pipeline.settings.wrong_files import WrongFile, name_in, setting_aside
from trading_pipeline.settings.yaml_files import list_spec_files, read_yaml

__all__ = [
    "ScenarioFile",
    "parse_scenario_file",
    "read_scenario_file",
    "read_scenario_folders",
    "scenario_notes",
]


@dataclass(frozen=True, kw_only=True)
class ScenarioFile:
    """What a scenario file holds.

    `name`: as the file gives it; the scenarios of variants have it as their beginning. `variants`:
    name of the variant by name of its scenario; empty for a file of one scenario. `values`: the
    file's keys, those of the older form as today's. `mapped`: a line for each key of the older
    form. `model_files`: one line of YAML by name of a model, whose spec takes the place of a fitted
    file.
    """

    name: str
    scenarios: tuple[ScenarioSpec, ...]
    values: Mapping[str, Any]
    path: Path | None = None
    variants: Mapping[str, str] | None = None
    mapped: tuple[str, ...] = ()
    model_files: Mapping[str, str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names that no other file may have: the file's own and those of its scenarios."""
        return tuple(dict.fromkeys([self.name, *(each.name for each in self.scenarios)]))

    def place_of(self, scenario: str) -> str:
        """The file, and the key of the variant where the scenario is one."""
        variant = (self.variants or {}).get(scenario)
        return f"{self.path}: '{KEY}.{variant}'" if variant else str(self.path)

    @property
    def note(self) -> str:
        """That the file has the older form, and what became of its keys; empty for other files."""
        if not self.mapped:
            return ""
        return "\n  ".join(
            [f"{self.path} has the older form. Its keys were read so:", *self.mapped]
        )


def read_scenario_file(path: Path, costs: DefaultCosts | None = None) -> ScenarioFile:
    """The scenarios of a file. `costs`: what fills cost where it does not say; None asks the
    environment.

    Raises `ConfigurationError` that names the file, the variant and the key.
    """
    return parse_scenario_file(read_yaml(path), where=str(path), costs=costs, path=path)


def parse_scenario_file(
    data: object, *, where: str, costs: DefaultCosts | None = None, path: Path | None = None
) -> ScenarioFile:
    """As `read_scenario_file`, from the values of a file."""
    costs = load_settings().default_costs if costs is None else costs
    if is_older(data) and isinstance(data, Mapping):
        older = read_older(data, where=where)
        scenario = _parsed(older.values, where, costs)
        return ScenarioFile(
            name=scenario.name,
            scenarios=(scenario,),
            values=older.values,
            path=path,
            mapped=older.mapped,
            model_files=older.model_files,
        )
    if not isinstance(data, Mapping) or KEY not in data:
        scenario = _parsed(data, where, costs)
        values = data if isinstance(data, Mapping) else {}
        return ScenarioFile(name=scenario.name, scenarios=(scenario,), values=values, path=path)
    found = {
        variant: _parsed(values, f"{where}: '{KEY}.{variant}'", costs)
        for variant, values in expanded(data, where=where).items()
    }
    return ScenarioFile(
        name=str(data["name"]),
        scenarios=tuple(found.values()),
        values=data,
        path=path,
        variants={scenario.name: variant for variant, scenario in found.items()},
    )


def read_scenario_folders(
    folders: Sequence[Path],
    costs: DefaultCosts | None = None,
    wrong: list[WrongFile] | None = None,
) -> list[ScenarioFile]:
    """The scenario files of all folders; one of a later folder replaces one of the same name.

    Only files of one scenario are replaced, and only by such. Raises `ConfigurationError` where two
    files of a folder have a name in common, or a variant has one of an earlier folder; both files
    are named. `wrong`: takes the files that cannot be read, of which one replaces an earlier one
    too; None raises their errors.
    """
    costs = load_settings().default_costs if costs is None else costs
    earlier: dict[str, ScenarioFile] = {}
    for folder in folders:
        here: dict[str, ScenarioFile] = {}
        read: dict[str, ScenarioFile] = {}  # those too whose name two files have
        paths: list[Path] = []
        with setting_aside(wrong, folder.name, folder):
            paths = list_spec_files(folder)
        for path in paths:
            unusable = path.stem
            with setting_aside(wrong, f"scenarios/{path.stem}", path):
                data = read_yaml(path)
                unusable = name_in(data, unusable)
                file = parse_scenario_file(data, where=str(path), costs=costs, path=path)
                for name in file.names:
                    other = read.get(name) or (earlier.get(name) if file.variants else None)
                    if other is not None:
                        if name in read:  # neither of two is meant more than the other
                            here = {n: each for n, each in here.items() if each is not other}
                        raise _same_name(file, other, name)
                here |= dict.fromkeys(file.names, file)
                read |= here
                unusable = ""
            earlier.pop(unusable, None)
        earlier |= here
    return list({id(file): file for file in earlier.values()}.values())


def scenario_notes(files: Iterable[ScenarioFile]) -> list[str]:
    """What must be known of scenario files: what of their costs is the environment's, older forms.

    A line for all scenarios with the same default costs, and one for each file of the older form.
    """
    once = {id(file): file for file in files}.values()
    by_line: dict[str, list[str]] = {}
    for scenario in (scenario for file in once for scenario in file.scenarios):
        by_line.setdefault(default_costs_line(scenario.default_costs), []).append(scenario.name)
    costs = [f"{', '.join(names)}: {line}" for line, names in by_line.items() if line]
    return [*costs, *(file.note for file in once if file.note)]


def _parsed(data: object, where: str, costs: DefaultCosts) -> ScenarioSpec:
    if not isinstance(data, Mapping):
        return parse_scenario(data, where=where)
    filled, added = costs.completed(data.get("costs"))
    values = dict(data) if filled is None or not added else {**data, "costs": filled}
    return parse_scenario(values, where=where).with_default_costs(added)


def _same_name(file: ScenarioFile, other: ScenarioFile, name: str) -> ConfigurationError:
    return ConfigurationError(
        f"{file.place_of(name)} has the name '{name}', which {other.place_of(name)} has too. Give "
        "one of them another name.",
        name=name,
    )
