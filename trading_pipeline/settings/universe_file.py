"""Reads the universe: the shipped file, and the user's over it; wrong lines may be set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trading_pipeline.domain.instrument import instrument_id
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, TradingPipelineError, UnknownNameError
from trading_pipeline.settings.catalog_files import SHIPPED
from trading_pipeline.settings.universe import InstrumentSpec, UniverseFile, UniverseSpec
from trading_pipeline.settings.wrong_files import WrongFile, setting_aside, wrong_file
from trading_pipeline.settings.yaml_files import read_yaml

__all__ = ["read_universe"]


def read_universe(
    config_dir: Path | None, wrong: list[WrongFile] | None = None
) -> tuple[UniverseSpec, Path]:
    """The universe in force, and the file that says it.

    `wrong`: takes the lines of instruments that cannot be read, and leaves these instruments out,
    shipped ones of the same id too; None raises the error of the first one.

    Raises `ConfigurationError` for everything else that is wrong: what its file says of the whole
    universe, nothing can stand in for.
    """
    shipped = SHIPPED / "universe.yaml"
    universe = UniverseSpec.parse(read_yaml(shipped), where=str(shipped))
    if config_dir is None:
        return universe, shipped
    own = [config_dir / f"universe{suffix}" for suffix in (".yaml", ".yml", ".json")]
    found = [path for path in own if path.is_file()]
    if len(found) > 1:
        raise ConfigurationError(
            f"{config_dir} holds more than one universe: {', '.join(p.name for p in found)}. "
            "Keep one.",
            paths=[str(path) for path in found],
        )
    for path in found:
        return _overlaid(universe, path, wrong), path
    return universe, shipped


def _overlaid(universe: UniverseSpec, path: Path, wrong: list[WrongFile] | None) -> UniverseSpec:
    data = read_yaml(path)
    left_out: set[str] = set()
    lists_none = isinstance(data, Mapping) and "instruments" in data and not data["instruments"]
    if wrong is not None and isinstance(data, Mapping):
        data, left_out = _without_wrong_lines(data, path, universe, wrong)
    overlay = UniverseFile.parse(data, where=str(path))
    if lists_none:
        raise ConfigurationError(
            f"{path} lists no instrument, so there would be nothing to work on. List at least "
            "one under 'instruments', or leave the key out to keep the shipped ones.",
            path=str(path),
        )
    try:
        whole = universe.overlaid(overlay).without(left_out)
        for spec in whole.instruments if wrong is not None else ():
            with setting_aside(wrong, f"instruments/{spec.id}", path):
                _require_span(whole, spec.id, path)
                continue
            left_out.add(spec.id)
        whole = whole.without(left_out)
        whole.grid.keys()
    except UnknownNameError as error:
        raise UnknownNameError(f"{path}: {error}", **error.values) from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}", path=str(path)) from error
    return whole


def _require_span(universe: UniverseSpec, instrument: str, path: Path) -> None:
    """Raise `ConfigurationError` for an instrument that ends before it starts."""
    try:
        universe.grid_of(instrument)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}", **error.values) from error


def _without_wrong_lines(
    data: Mapping[str, Any], path: Path, universe: UniverseSpec, wrong: list[WrongFile]
) -> tuple[dict[str, Any], set[str]]:
    """The values of the file without its wrong lines, and the ids of these where they are known."""
    lines = data.get("instruments")
    if not isinstance(lines, list):
        return dict(data), set()
    counts = Counter(_id_of(line) for line in lines)
    kept: list[Any] = []
    left_out: set[str] = set()
    for position, line in enumerate(lines):
        name = _id_of(line)
        try:
            InstrumentSpec.parse(line, where=f"{path}: 'instruments.{position}'")
            if name is not None and counts[name] > 1:
                raise ConfigurationError(
                    f"{path}: 'instruments.{position}': the instrument {name} is listed twice; "
                    "keep one line.",
                    instrument=name,
                )
        except ConfigurationError as error:
            error.values["within"] = ("instruments", position)
            wrong.append(wrong_file(f"instruments/{name or position}", error, path))
            left_out |= {name} if name is not None else set()
        else:
            kept.append(line)
    known = {*map(_id_of, kept), *universe.by_id}
    archived = data.get("archived")
    if isinstance(archived, list) and left_out:
        archived = [each for each in archived if each in known or each not in left_out]
        return {**data, "instruments": kept, "archived": archived}, left_out
    return {**data, "instruments": kept}, left_out


def _id_of(line: object) -> str | None:
    """Id of the instrument of a line; None where it cannot be told."""
    if not isinstance(line, Mapping):
        return None
    try:
        timeframe = Timeframe(line.get("timeframe", Timeframe.D1.value))
        return instrument_id(line.get("symbol", ""), timeframe)
    except (TradingPipelineError, ValueError, TypeError, AttributeError):
        return None
