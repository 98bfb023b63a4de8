"""The catalog: universe, scenarios, studies and models, shipped and the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.windows import WindowGrid
from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.settings.catalog_files import CatalogFiles
from trading_pipeline.settings.cross_features import CrossFeaturesSpec
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.settings.feature_set_file import FeatureSetFile
from trading_pipeline.settings.label_spec import LabelSpec
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.scenario_files.default_costs import DefaultCosts
from trading_pipeline.settings.scenario_files.scenario_file import ScenarioFile
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.settings.universe import UniverseSpec
from trading_pipeline.settings.universe_file import read_universe
from trading_pipeline.settings.wrong_files import WrongFile, setting_aside
from trading_pipeline.settings.yaml_files import read_yaml

__all__ = ["Catalog", "load_catalog", "read_study"]

Value = TypeVar("Value")


@dataclass(frozen=True)
class Catalog:
    """Everything that YAML files configure, by name. `sources` names the file of each spec.

    `config_dir` is the folder of the user's files, where Python files may add strategies, sources
    and feature sets; `feature_sets` are those of YAML files alone. `labels` are those of files of
    their own, beside the labels that the models name. `portfolios` are the scenarios whose
    instruments share an account; `scenarios` are all others. `scenario_files`: the file of each
    scenario or portfolio by its name, and by the file's own name where it has variants. `wrong`:
    files that are wrong, where these were left out in place of an error.
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
    wrong: tuple[WrongFile, ...] = ()

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
        return self._lookup("instrument", name, self.instruments)

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
                there = f"{where}: there" if where else "There"
                raise UnknownNameError(
                    f"{there} is no instrument {name!r}. {did_you_mean(name, known)} The "
                    f"scenario '{scenario.name}' runs when 'trading-pipeline universe add' or "
                    "'datasets add' has added the instrument, or 'instruments' is corrected."
                    f"{self.told_of('instruments', name)}",
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
        scenario = self._lookup("scenario", study.scenario, self.scenarios, where)
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
        """Raise `UnknownNameError` for a peer or reference that the universe does not have.

        Raises `ConfigurationError` where the settings themselves cannot be read, or the line of an
        instrument that everything is compared with: values of another comparison would take the
        place of those that are stored.
        """
        everyone = self.cross.peers == "all"
        for each in self.wrong:
            if each.name == "cross_features" and each.is_left_out:
                raise each.error
            if everyone and each.name.startswith("instruments/") and each.is_left_out:
                raise ConfigurationError(
                    f"Instruments are compared with all others, and one cannot be read: "
                    f"{each.error} Fix that line, archive the instrument, or list 'peers' in "
                    "cross_features.yaml.",
                    **each.error.values,
                )
        for name in (*self.cross.references, *(() if everyone else self.cross.peers)):
            if name not in self.universe.archived_by_id:
                where = self.sources.get("cross_features")
                self._lookup("instrument", name, self.instruments, where)
            self.instrument(name)

    def scenario(self, name: str) -> ScenarioSpec:
        """The scenario of that name; `UnknownNameError` offers the closest.

        Where files were left out, it says what is wrong with them, as each look-up does: the
        scenario may be in one.
        """
        return self._lookup("scenario", name, self.scenarios)

    def portfolio(self, name: str) -> PortfolioScenario:
        """The portfolio scenario of that name; `UnknownNameError` offers the closest."""
        return self._lookup("portfolio", name, self.portfolios)

    def study(self, name: str) -> StudySpec:
        """The study of that name; `UnknownNameError` offers the closest."""
        return self._lookup("study", name, self.studies)

    def model(self, name: str) -> ModelSpec:
        """The model spec of that name; `UnknownNameError` offers the closest."""
        return self._lookup("model", name, self.models)

    def has_left_out(self, *kinds: str) -> bool:
        """True where a file of one of these kinds was left out, of any without `kinds`."""
        left_out = {each.name.partition("/")[0] for each in self.wrong if each.is_left_out}
        return bool(left_out.intersection(kinds) if kinds else left_out)

    def told_of(self, kind: str, name: str) -> str:
        """What is wrong with the files that may hold it, as sentences after an error; mostly empty.

        `kind`: folder of the files, such as `scenarios`, or `instruments`.
        """
        wrong = [each for each in self.wrong if each.name.partition("/")[0] == kind]
        mine = [each for each in wrong if each.name == f"{kind}/{name}"] or wrong
        told = " ".join(dict.fromkeys(str(each.error) for each in mine if each.is_left_out))
        return f" Files that cannot be read: {told}" if told else ""

    def _lookup(
        self, kind: str, name: str, known: Mapping[str, Value], where: Path | str | None = None
    ) -> Value:
        if name not in known:
            there = f"{where}: there" if where else "There"
            raise UnknownNameError(
                f"{there} is no {kind} {name!r}. {did_you_mean(name, known)}"
                f"{self.told_of(_FOLDERS[kind], name)}",
                name=name,
                kind=kind,
            )
        return known[name]


_FOLDERS = {
    "instrument": "instruments",
    "scenario": "scenarios",
    "portfolio": "scenarios",
    "study": "studies",
    "model": "models",
}


def load_catalog(
    config_dir: Path | None,
    costs: DefaultCosts | None = None,
    *,
    leave_out: bool = False,
    own_universe: bool = True,
) -> Catalog:
    """Shipped files, with the user's files of `config_dir` (None: none) added or laid over them.

    `costs`: what fills cost where a scenario file does not say it; None asks the environment.
    `leave_out`: wrong files, and wrong lines of the universe, are kept in `Catalog.wrong` in place
    of an error, and whether studies fit their scenarios is not asked (`Catalog.require_fitting`).
    `own_universe`: False takes the shipped universe alone.

    Raises `ConfigurationError` for an unknown key, a wrong type, a name used twice in one folder,
    an empty universe, or a study of an unknown scenario; with `leave_out` for a universe that
    cannot be read, since nothing can stand in for it. Instruments that a scenario or
    `cross_features.yaml` names may still be to come; what uses them asks
    (`Catalog.require_instruments_of`, `Catalog.require_compared_instruments`).
    """
    wrong: list[WrongFile] | None = [] if leave_out else None
    universe, file = read_universe(config_dir if own_universe else None, wrong)
    files = CatalogFiles(config_dir, wrong, {"universe": file})
    scenario_files = files.scenarios(costs)
    every = {each.name: each for file in scenario_files.values() for each in file.scenarios}
    portfolios = {name: each for name, each in every.items() if isinstance(each, PortfolioScenario)}
    scenarios = {name: each for name, each in every.items() if name not in portfolios}
    studies = files.named("studies", StudySpec.parse)
    models = _with_steps(files.named("models", ModelSpec.parse))
    feature_sets = files.named("features", FeatureSetFile.parse)
    cross = CrossFeaturesSpec()
    with setting_aside(wrong, "cross_features", None):
        cross = files.cross_features()
    labels = files.named("labels", LabelSpec.parse)
    catalog = Catalog(
        universe,
        scenarios,
        studies,
        models,
        files.sources,
        feature_sets=feature_sets,
        config_dir=config_dir,
        cross=cross,
        labels=labels,
        portfolios=portfolios,
        scenario_files=scenario_files,
        wrong=tuple(wrong or ()),
    )
    if not leave_out:
        for study in studies.values():
            catalog.require_fitting(study)
    return catalog


def read_study(path: Path) -> StudySpec:
    """The study of one file."""
    return StudySpec.parse(read_yaml(path), where=str(path))


def _with_steps(models: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
    """A path that does not say how far it goes goes as far as the environment says."""
    steps = load_settings().default_steps_ahead
    return {n: spec if steps is None else spec.with_steps(steps) for n, spec in models.items()}
