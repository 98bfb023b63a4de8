"""Makes a scenario file from anywhere one of the user's scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.catalog import load_catalog, read_scenario
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.written_files import replace_file

__all__ = ["register_scenario", "registered_scenario"]

_MARK = "# Registered from "


def register_scenario(path: Path, config_dir: Path) -> ScenarioSpec:
    """Copy a scenario file into the user's folder, so that it has a partition and a page in the UI.

    A file that is there already, or that equals the scenario of its name, is left alone; a copy
    that was made from the same file is refreshed. Raises `ConfigurationError` where the name
    belongs to another scenario.
    """
    spec = read_scenario(path)
    catalog = load_catalog(config_dir)
    known = catalog.portfolios.get(spec.name, catalog.scenarios.get(spec.name))
    if known == spec:
        return spec
    target = _copy_path(spec, path, config_dir)
    source = catalog.sources.get(f"scenarios/{spec.name}")
    if source is not None and source.resolve() == path.resolve():
        return spec
    mark = f"{_MARK}{path.resolve()}\n"
    if known is not None and not _was_copied_from(source, mark):
        raise ConfigurationError(
            f"{path} has the name '{spec.name}', which another scenario has ({source}). Give it "
            "another 'name', or edit that file instead.",
            name=spec.name,
            path=str(path),
        )
    text = ("" if target.suffix == ".json" else mark) + path.read_text(encoding="utf-8")
    replace_file(target, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return spec


@contextmanager
def registered_scenario(path: Path, config_dir: Path) -> Iterator[ScenarioSpec]:
    """Register for a first run: an error in the block restores the folder.

    Otherwise a scenario that cannot run would block every later run of all scenarios.
    """
    target = _copy_path(read_scenario(path), path, config_dir)
    if target.resolve() == path.resolve():
        yield register_scenario(path, config_dir)
        return
    before = target.read_bytes() if target.exists() else None
    spec = register_scenario(path, config_dir)
    try:
        yield spec
    except BaseException:
        if before is None:
            target.unlink(missing_ok=True)
        elif target.read_bytes() != before:
            target.write_bytes(before)
        raise


def _copy_path(spec: ScenarioSpec, path: Path, config_dir: Path) -> Path:
    suffix = ".json" if path.suffix == ".json" else ".yaml"
    return config_dir / "scenarios" / f"{spec.name}{suffix}"


def _was_copied_from(source: Path | None, mark: str) -> bool:
    if source is None or not source.is_file():
        return False
    return source.read_text(encoding="utf-8").startswith(mark)
