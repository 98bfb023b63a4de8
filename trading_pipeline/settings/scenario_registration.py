"""Makes a scenario file from anywhere one of the user's scenario files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.catalog import Catalog, load_catalog
from trading_pipeline.settings.scenario_files.scenario_file import ScenarioFile, read_scenario_file
from trading_pipeline.settings.written_files import replace_file

__all__ = ["register_scenarios", "registered_scenarios"]

_MARK = "# Registered from "


def register_scenarios(path: Path, config_dir: Path) -> ScenarioFile:
    """Copy a scenario file into the user's folder, so that what it holds has partitions and pages.

    A file that is there already, or whose scenarios are all known as they are, is left alone; a
    copy that was made from the same file is refreshed. JSON is copied as YAML with the same keys,
    the older form with those of today. Raises `ConfigurationError` where a name belongs to another
    file.
    """
    file, catalog = read_scenario_file(path), load_catalog(config_dir, leave_out=True)
    mark = f"{_MARK}{path.resolve()}\n"
    others = _others(file, catalog)
    if _is_known(file, catalog) or any(
        other.path is not None and other.path.resolve() == path.resolve()
        for other in others.values()
    ):
        return file
    for name, other in others.items():
        if not _was_copied_from(other.path, mark):
            raise ConfigurationError(
                f"{path} has the name '{name}', which another scenario has "
                f"({other.place_of(name)}). Give it another 'name', or edit that file instead.",
                name=name,
                path=str(path),
            )
    target = _copy_path(file, config_dir)
    if target.exists() and file.name not in others and not _was_copied_from(target, mark):
        raise ConfigurationError(
            f"{path} would be copied to {target}, where another file stands"
            f"{catalog.told_of('scenarios', file.name) or '.'} Fix that file, move it away, or "
            "give this one another 'name'.",
            name=file.name,
            path=str(path),
        )
    text = mark + _text(file, path)
    replace_file(
        target,
        lambda temporary: temporary.write_text(text, encoding="utf-8"),
    )
    return file


@contextmanager
def registered_scenarios(path: Path, config_dir: Path) -> Iterator[ScenarioFile]:
    """Register for a first run: an error in the block restores the folder.

    Otherwise a scenario that cannot run would block every later run of all scenarios.
    """
    target = _copy_path(read_scenario_file(path), config_dir)
    if target.resolve() == path.resolve():
        yield register_scenarios(path, config_dir)
        return
    before = target.read_bytes() if target.exists() else None
    file = register_scenarios(path, config_dir)
    try:
        yield file
    except BaseException:
        if before is None:
            target.unlink(missing_ok=True)
        elif target.read_bytes() != before:
            target.write_bytes(before)
        raise


def _others(file: ScenarioFile, catalog: Catalog) -> dict[str, ScenarioFile]:
    """Files of the catalog that have one of these names, by name."""
    known = catalog.scenario_files
    return {name: known[name] for name in file.names if name in known}


def _is_known(file: ScenarioFile, catalog: Catalog) -> bool:
    """True where a file of the catalog has the same name and the same scenarios."""
    other = catalog.scenario_files.get(file.name)
    return other is not None and other.scenarios == file.scenarios


def _text(file: ScenarioFile, path: Path) -> str:
    if path.suffix != ".json" and not file.mapped:
        return path.read_text(encoding="utf-8")
    return yaml.safe_dump(dict(file.values), sort_keys=False, allow_unicode=True)


def _copy_path(file: ScenarioFile, config_dir: Path) -> Path:
    return config_dir / "scenarios" / f"{file.name}.yaml"


def _was_copied_from(source: Path | None, mark: str) -> bool:
    if source is None or not source.is_file():
        return False
    return source.read_text(encoding="utf-8").startswith(mark)
