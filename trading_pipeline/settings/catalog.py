"""The catalog: universe, scenarios, studies and models, shipped and the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import WindowGrid
from trading_pipeline.errors import (
    ConfigurationError,
    TradingPipelineError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.settings.cross_features import CrossFeaturesSpec
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.settings.feature_set_file import FeatureSetFile
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.scenario_files.default_costs import DefaultCosts
from trading_pipeline.settings.scenario_files.scenario_file import (
    ScenarioFile,
    read_scenario_folders,
)
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.settings.universe import UniverseFile, UniverseSpec
from trading_pipeline.settings.yaml_files import list_spec_files, read_yaml

__all__ = ["Catalog", "load_catalog", "read_study"]

SHIPPED = Path(__file__).parent / "defaults"
NamedSpec = TypeVar("NamedSpec", StudySpec, ModelSpec, FeatureSetFile, LabelSpec)
Parsed = TypeVar("Parsed", StudySpec, ModelSpec, FeatureSetFile, LabelSpec, covariant=True)
Value = TypeVar("Value")


class _Parse(Protocol[Parsed]):
    """Makes a spec of a file's values."""

    def __call__(self, data: object, *, where: str) -> Parsed: ...


@dataclass(frozen=True)
class Catalog:
    """Everything that YAML files configure, by name. `sources` names the file of each spec.

    `config_dir` is the folder of the user's files, where Python files may add strategies, sources
    and feature sets; `feature_sets` are those of YAML files alone. `labels` are those of files of
    their own, beside the labels that the models name. `portfolios` are the scenarios whose
    instruments share an account; `scenarios` are all others. `scenario_files`: the file of each
    scenario or portfolio by its name, and by the file's own name where it has variants. `left_out`:
    what is wrong and was left out, where that was asked for.
    """

    universe: UniverseSpec
    scenarios: Mapping[str, ScenarioSpec]
    studies: Mapping[str, StudySpec]
    models: Mapping[str, ModelSpec]
    sources: Mapping[str, Path] = field(default_factory=dict)
    feature_sets: Mapping[str, FeatureSetFile] = field(default_factory=dict)
    config_dir: Path | None = None
    cross: CrossFeaturesSpec = field(default_factory=CrossFeaturesSpec)
    labels: Mapping[str, LabelSpec] = field(default_factory=dict)
    portfolios: Mapping[str, PortfolioScenario] = field(default_factory=dict)
    scenario_files: Mapping[str, ScenarioFile] = field(default_factory=dict)
    left_out: tuple[TradingPipelineError, ...] = ()

    @property
    def grid(self) -> WindowGrid:
        """The windows that cut every series."""
        return self.universe.grid

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Instruments by id."""
        return self.universe.by_id

    def own_folder(self, kind: str) -> Path | None:
        """Folder of the user's Python files of a kind such as `strategies`; None without files."""
        return None if self.config_dir is None else self.config_dir / kind

    def instrument(self, name: str) -> Instrument:
        """The instrument of that id; `UnknownNameError` offers the closest."""
        if name in self.universe.archived_by_id and name not in self.instruments:
            spec = self.universe.archived_by_id[name]
            raise UnknownNameError(
                f"The instrument {name!r} is archived. Bring it back with 'trading-pipeline "
                f"universe add {spec.symbol} --timeframe {spec.timeframe.value}'.",
                name=name,
                kind="instrument",
            )
        return _lookup("instrument", name, self.instruments)

    def require_instruments_of(self, scenario: ScenarioSpec) -> None:
        """Raise `UnknownNameError` for an id that neither the universe nor its archive has.

        Such a scenario may wait for its instrument: it is refused where it would run, and stops
        nothing else.
        """
        mine = self.any_scenario(scenario.name) == scenario
        where = self.place_of(scenario.name) if mine else None
        for name in scenario.instruments or ():
            if name not in self.instruments and name not in self.universe.archived_by_id:
                known = [*self.instruments, *self.universe.archived_by_id]
                raise UnknownNameError(
                    f"{_there(where)} is no instrument {name!r}. {did_you_mean(name, known)} The "
                    f"scenario '{scenario.name}' runs when 'trading-pipeline universe add' or "
                    "'datasets add' has added the instrument, or 'instruments' is corrected.",
                    name=name,
                    kind="instrument",
                )

    @property
    def all_scenarios(self) -> dict[str, ScenarioSpec]:
        """Scenarios and portfolios by name, file by file, variants in the order of their file."""
        every: dict[str, ScenarioSpec] = {**self.scenarios, **self.portfolios}
        names = [each.name for file in self.scenario_files.values() for each in file.scenarios]
        return {name: every[name] for name in (*names, *every) if name in every}

    def any_scenario(self, name: str) -> ScenarioSpec | None:
        """The scenario or portfolio of that name; None where there is none."""
        return self.portfolios.get(name, self.scenarios.get(name))

    def place_of(self, scenario: str) -> str | None:
        """File of a scenario or portfolio, and the key of its variant; None without a file."""
        file = self.scenario_files.get(scenario)
        return None if file is None else file.place_of(scenario)

    def require_fitting(self, study: StudySpec) -> None:
        """Raise `ConfigurationError` for a study of an unknown or another strategy's scenario, of a
        portfolio, or of an instrument that the scenario does not trade; the file is named."""
        where = self.sources.get(f"studies/{study.name}", study.name)
        if study.scenario in self.portfolios:
            raise ConfigurationError(
                f"{where}: the scenario '{study.scenario}' is a portfolio, and a study searches "
                "the parameters of one strategy on single instruments. To compare portfolios, list "
                "the sets of parameters under 'variants' of the scenario's file (each is a trial); "
                "or name a scenario without 'portfolio'.",
                study=study.name,
            )
        if study.scenario not in self.scenarios and not self.left_out:
            _lookup("scenario", study.scenario, self.scenarios, where)
        scenario = self.scenario(study.scenario)
        if scenario.strategy.type != study.strategy:
            raise ConfigurationError(
                f"{where}: the study searches '{study.strategy}', but its scenario "
                f"'{scenario.name}' trades '{scenario.strategy.type}'. Name a scenario of the same "
                "strategy.",
                study=study.name,
            )
        for name in study.instruments or ():
            if not scenario.covers(name):
                raise ConfigurationError(
                    f"{where}: the study lists {name}, which its scenario '{scenario.name}' does "
                    "not trade. Add it under 'instruments' of the scenario, or take it out here.",
                    study=study.name,
                    instrument=name,
                )

    def require_compared_instruments(self) -> None:
        """Raise `UnknownNameError` for a peer or reference that the universe does not have."""
        peers = self.cross.peers if self.cross.peers != "all" else ()
        for name in (*self.cross.references, *peers):
            if name not in self.universe.archived_by_id:
                _lookup("instrument", name, self.instruments, self.sources.get("cross_features"))
            self.instrument(name)

    def scenario(self, name: str) -> ScenarioSpec:
        """The scenario of that name; `UnknownNameError` offers the closest.

        Where files were left out, it says what is wrong with them: the scenario may be in one.
        """
        try:
            return _lookup("scenario", name, self.scenarios)
        except UnknownNameError as error:
            if not self.left_out:
                raise
            wrong = " ".join(map(str, self.left_out))
            raise UnknownNameError(
                f"{error} Files that cannot be read: {wrong}", **error.values
            ) from error

    def portfolio(self, name: str) -> PortfolioScenario:
        """The portfolio scenario of that name; `UnknownNameError` offers the closest."""
        return _lookup("portfolio", name, self.portfolios)

    def study(self, name: str) -> StudySpec:
        """The study of that name; `UnknownNameError` offers the closest."""
        return _lookup("study", name, self.studies)

    def model(self, name: str) -> ModelSpec:
        """The model spec of that name; `UnknownNameError` offers the closest."""
        return _lookup("model", name, self.models)


def load_catalog(
    config_dir: Path | None,
    costs: DefaultCosts | None = None,
    *,
    leave_out: bool = False,
) -> Catalog:
    """Shipped files, with the user's files of `config_dir` (None: none) added or laid over them.

    `costs`: what fills cost where a scenario file does not say it; None asks the environment.
    `leave_out`: wrong scenario files are kept in `Catalog.left_out` in place of an error, and
    whether studies fit their scenarios is not asked (`Catalog.require_fitting`).

    Raises `ConfigurationError` for an unknown key, a wrong type, a name used twice in one folder,
    an empty universe, or a study of an unknown scenario. Instruments that a scenario or
    `cross_features.yaml` names may still be to come; what uses them asks
    (`Catalog.require_instruments_of`, `Catalog.require_compared_instruments`).
    """
    universe, sources = _load_universe(config_dir)
    left_out: list[TradingPipelineError] | None = [] if leave_out else None
    files = _load_scenario_files(config_dir, costs, sources, left_out)
    every = {each.name: each for file in files.values() for each in file.scenarios}
    portfolios = {name: each for name, each in every.items() if isinstance(each, PortfolioScenario)}
    scenarios = {name: each for name, each in every.items() if name not in portfolios}
    studies = _load_named("studies", StudySpec.parse, config_dir, sources)
    models = _load_models(config_dir, sources)
    feature_sets = _load_named("features", FeatureSetFile.parse, config_dir, sources)
    cross = _load_cross_features(config_dir, sources)
    labels = _load_named("labels", LabelSpec.parse, config_dir, sources)
    catalog = Catalog(
        universe,
        scenarios,
        studies,
        models,
        sources,
        feature_sets=feature_sets,
        config_dir=config_dir,
        cross=cross,
        labels=labels,
        portfolios=portfolios,
        scenario_files=files,
        left_out=tuple(left_out or ()),
    )
    if not leave_out:
        for study in studies.values():
            catalog.require_fitting(study)
    return catalog


def read_study(path: Path) -> StudySpec:
    """The study of one file."""
    return StudySpec.parse(read_yaml(path), where=str(path))


def _load_universe(config_dir: Path | None) -> tuple[UniverseSpec, dict[str, Path]]:
    shipped = SHIPPED / "universe.yaml"
    universe = UniverseSpec.parse(read_yaml(shipped), where=str(shipped))
    sources = {"universe": shipped}
    if config_dir is None:
        return universe, sources
    own = [config_dir / f"universe{suffix}" for suffix in (".yaml", ".yml", ".json")]
    found = [path for path in own if path.is_file()]
    if len(found) > 1:
        raise ConfigurationError(
            f"{config_dir} holds more than one universe: {', '.join(p.name for p in found)}. "
            "Keep one.",
            paths=[str(path) for path in found],
        )
    for path in found:
        data = read_yaml(path)
        overlay = UniverseFile.parse(data, where=str(path))
        if "instruments" in data and not overlay.instruments:
            raise ConfigurationError(
                f"{path} lists no instrument, so there would be nothing to work on. List at least "
                "one under 'instruments', or leave the key out to keep the shipped ones.",
                path=str(path),
            )
        sources["universe"] = path
        try:
            universe = universe.overlaid(overlay)
            universe.grid.keys()
        except UnknownNameError as error:
            raise UnknownNameError(f"{path}: {error}", **error.values) from error
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}", path=str(path)) from error
    return universe, sources


def _load_cross_features(config_dir: Path | None, sources: dict[str, Path]) -> CrossFeaturesSpec:
    """The user's file where there is one, else the shipped one."""
    folders = [SHIPPED] if config_dir is None else [config_dir, SHIPPED]
    for folder in folders:
        found = [path for path in list_spec_files(folder) if path.stem == "cross_features"]
        if len(found) > 1:
            raise ConfigurationError(
                f"{folder} holds {' and '.join(path.name for path in found)}. Keep one of them.",
                paths=[str(path) for path in found],
            )
        if found:
            sources["cross_features"] = found[0]
            return CrossFeaturesSpec.parse(read_yaml(found[0]), where=str(found[0]))
    return CrossFeaturesSpec()


def _load_scenario_files(
    config_dir: Path | None,
    costs: DefaultCosts | None,
    sources: dict[str, Path],
    left_out: list[TradingPipelineError] | None,
) -> dict[str, ScenarioFile]:
    bases = (SHIPPED,) if config_dir is None else (SHIPPED, config_dir)
    files = read_scenario_folders([base / "scenarios" for base in bases], costs, left_out)
    by_name = {name: file for file in files for name in file.names}
    for name, file in by_name.items():
        if file.path is not None:
            sources[f"scenarios/{name}"] = file.path
    return by_name


def _load_named(
    folder: str, parse: _Parse[NamedSpec], config_dir: Path | None, sources: dict[str, Path]
) -> dict[str, NamedSpec]:
    found: dict[str, NamedSpec] = {}
    for base in (SHIPPED,) if config_dir is None else (SHIPPED, config_dir):
        here: dict[str, Path] = {}
        for path in list_spec_files(base / folder):
            spec = parse(read_yaml(path), where=str(path))
            if spec.name in here:
                raise ConfigurationError(
                    f"{path} has the name '{spec.name}', which {here[spec.name]} has too. Give one "
                    "of them another name.",
                    name=spec.name,
                )
            here[spec.name] = path
            found[spec.name] = spec
            sources[f"{folder}/{spec.name}"] = path
    return found


def _load_models(config_dir: Path | None, sources: dict[str, Path]) -> dict[str, ModelSpec]:
    """Model specs; a path that does not say how far it goes goes as far as the environment says."""
    models = _load_named("models", ModelSpec.parse, config_dir, sources)
    steps = load_settings().default_steps_ahead
    return models if steps is None else {n: spec.with_steps(steps) for n, spec in models.items()}


def _lookup(
    kind: str, name: str, known: Mapping[str, Value], where: Path | str | None = None
) -> Value:
    if name not in known:
        raise UnknownNameError(
            f"{_there(where)} is no {kind} {name!r}. {did_you_mean(name, known)}",
            name=name,
            kind=kind,
        )
    return known[name]


def _there(where: Path | str | None) -> str:
    return f"{where}: there" if where else "There"
