"""This file holds the changes of the user's universe file: an instrument comes, goes, comes back.

The file is edited as text, so that comments and layout stay; where its layout does not allow that
(a list inside braces, JSON), it is written anew with the same values, and the answer says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trading_pipeline.domain.instrument import instrument_id
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.universe import InstrumentSpec, UniverseFile
from trading_pipeline.settings.yaml_files import read_yaml
from trading_pipeline.settings.yaml_list_edits import with_item, without_item

__all__ = ["UniverseChange", "add_instrument", "archive_instrument"]

_HEADER = "# The universe of your own: laid over the one that comes with the package.\n"


@dataclass(frozen=True)
class UniverseChange:
    """What a change did: `changed` is False where the file said so already.

    `layout_kept`: False where the file had to be written anew, without its comments.
    """

    path: Path
    instrument: str
    changed: bool
    layout_kept: bool = True


def add_instrument(
    config_dir: Path, spec: InstrumentSpec, *, replace: bool = False
) -> UniverseChange:
    """Put an instrument into the user's universe file, or bring an archived one back.

    The file is made where there is none. An instrument that is in the universe as given changes
    nothing. Raises `ConfigurationError` where its id is there with other values (unless `replace`),
    and for a file that cannot be read or written; the file is then as it was.
    """
    name = instrument_id(spec.symbol, spec.timeframe)
    with _locked(config_dir):
        universe = load_catalog(config_dir).universe
        known = {instrument_id(i.symbol, i.timeframe): i for i in universe.instruments}
        archived = universe.archived_by_id
        path, data = _own_file(config_dir)
        if name in known and known[name] != spec and not replace:
            raise ConfigurationError(
                f"{name} is in the universe already, with other values "
                f"({_differences(known[name], spec)}). Edit its line in {path}, or archive it first "
                f"with 'trading-pipeline universe remove {name}'.",
                instrument=name,
                path=str(path),
            )
        if known.get(name) == spec:
            return UniverseChange(path, name, changed=False)
        edits: list[_Edit] = []
        if name in archived:
            edits.append(_Edit("archived", name, add=None))
        if archived.get(name) != spec:
            edits.append(_Edit("instruments", name, add=_plain(spec)))
        return _apply(path, data, name, edits)


def archive_instrument(config_dir: Path, instrument: str) -> UniverseChange:
    """Take an instrument, the user's or a shipped one, out of the universe; its line stays.

    What is stored of it stays too, and `add_instrument` brings it back. One that is archived already
    changes nothing. Raises `UnknownNameError` for an id that nothing has, and `ConfigurationError`
    for the last instrument of the universe.
    """
    with _locked(config_dir):
        catalog = load_catalog(config_dir)
        path, data = _own_file(config_dir)
        if instrument in catalog.universe.archived_by_id:
            return UniverseChange(path, instrument, changed=False)
        catalog.instrument(instrument)
        if len(catalog.instruments) == 1:
            raise ConfigurationError(
                f"{instrument} is the last instrument of the universe; without it there would be "
                "nothing to work on. Add another one first.",
                instrument=instrument,
            )
        return _apply(path, data, instrument, [_Edit("archived", instrument, add=instrument)])


@dataclass(frozen=True)
class _Edit:
    """One change of a list of the file: `add` replaces or appends; None takes the item out."""

    key: str
    name: str
    add: Any

    def on_data(self, data: dict[str, Any]) -> dict[str, Any]:
        items = list(data.get(self.key) or [])
        position = self.position(items)
        if self.add is None:
            items = [item for index, item in enumerate(items) if index != position]
        elif position is None:
            items.append(self.add)
        else:
            items[position] = self.add
        changed = dict(data) | {self.key: items}
        return {key: value for key, value in changed.items() if key != self.key or items}

    def on_text(self, text: str, data: dict[str, Any]) -> str | None:
        position = self.position(list(data.get(self.key) or []))
        if position is not None:
            found = without_item(text, self.key, position)
            text = "" if found is None else found
            if found is None or self.add is None:
                return found
        return with_item(text, self.key, self.add)

    def position(self, items: list[Any]) -> int | None:
        names = [item if isinstance(item, str) else _id_of(item) for item in items]
        return names.index(self.name) if self.name in names else None


def _apply(path: Path, data: dict[str, Any], name: str, edits: Sequence[_Edit]) -> UniverseChange:
    text = path.read_text(encoding="utf-8-sig") if path.exists() else _HEADER
    edited: str | None = text if path.suffix != ".json" else None
    for edit in edits:
        edited = None if edited is None else edit.on_text(edited, data)
        data = edit.on_data(data)
    wanted = UniverseFile.parse(data, where=str(path))
    kept = edited is not None and _says(edited, wanted, path)
    if not kept:
        edited = _whole(data, is_json=path.suffix == ".json")
    _write(path, edited or "")
    return UniverseChange(path, name, changed=True, layout_kept=kept or path.suffix == ".json")


def _says(text: str, wanted: UniverseFile, path: Path) -> bool:
    """True where a reader of the text gets what is wanted; an edit never guesses."""
    try:
        found = UniverseFile.parse(yaml.safe_load(text) or {}, where=str(path))
    except (yaml.YAMLError, ConfigurationError):
        return False
    return found == UniverseFile.parse(wanted.model_dump(exclude_unset=True), where=str(path)) and (
        found.model_fields_set - {"instruments", "archived"}
        == wanted.model_fields_set - {"instruments", "archived"}
    )


def _whole(data: dict[str, Any], *, is_json: bool) -> str:
    if is_json:
        return json.dumps(data, indent=2, default=str) + "\n"
    return _HEADER + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _plain(spec: InstrumentSpec) -> dict[str, Any]:
    """The values that differ from the defaults, and those that everybody looks for."""
    always = ("symbol", "timeframe", "source", "calendar", "asset_class", "currency")
    values = spec.model_dump(mode="json")
    fields = InstrumentSpec.model_fields.items()
    defaults = {name: field.get_default(call_default_factory=True) for name, field in fields}
    return {k: v for k, v in values.items() if k in always or v != defaults[k]}


def _id_of(item: Any) -> str | None:
    try:
        return instrument_id(str(item["symbol"]), str(item.get("timeframe", "1d")))
    except (KeyError, TypeError, ConfigurationError):
        return None


def _differences(old: InstrumentSpec, new: InstrumentSpec) -> str:
    pairs = ((key, getattr(old, key), getattr(new, key)) for key in InstrumentSpec.model_fields)
    return ", ".join(f"{key}: {was!s}, not {now!s}" for key, was, now in pairs if was != now)


def _own_file(config_dir: Path) -> tuple[Path, dict[str, Any]]:
    for suffix in (".yaml", ".yml", ".json"):
        path = config_dir / f"universe{suffix}"
        if path.is_file():
            return path, read_yaml(path)
    return config_dir / "universe.yaml", {}


@contextmanager
def _locked(config_dir: Path) -> Iterator[None]:
    """Let one process at a time read, change and write the file."""
    try:
        config_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(config_dir / ".universe.lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {config_dir} cannot be written: {error.strerror}. Allow this user to write "
            "there, or point TRADING_PIPELINE_CONFIG_DIR at another folder.",
            path=str(config_dir),
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} could not be written: {error.strerror}. The file is as it was. See that the disk "
            "has room and that this user may write there.",
            path=str(path),
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
