"""Changes the user's universe file: adds, archives and restores instruments.

The file is edited as text, so that comments and layout stay; where its layout does not allow that
(a list inside braces, JSON), it is rewritten with the same values, and the answer says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import JsonValue

from trading_pipeline.domain.instrument import instrument_id
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.file_limits import read_text
from trading_pipeline.settings.universe import InstrumentSpec, UniverseFile
from trading_pipeline.settings.universe_file import read_universe
from trading_pipeline.settings.written_files import replace_file
from trading_pipeline.settings.yaml_files import SPEC_SUFFIXES, parse_settings, read_yaml
from trading_pipeline.settings.yaml_list_edits import with_item, without_item

__all__ = ["UniverseChange", "add_instrument", "archive_instrument"]

_HEADER = "# Your own universe: laid over the one that comes with the package.\n"
Document = dict[str, JsonValue]


@dataclass(frozen=True)
class UniverseChange:
    """What a change did: `changed` is False where the file was that way already.

    `layout_kept`: False where the file had to be rewritten, without its comments.
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
    name = spec.id
    with _locked(config_dir):
        universe, _ = read_universe(config_dir)
        known = {each.id: each for each in universe.instruments}
        archived = universe.archived_by_id
        path, data = _own_file(config_dir)
        if name in known and known[name] != spec and not replace:
            raise ConfigurationError(
                f"{name} is in the universe already, with other values "
                f"({_differences(known[name], spec)}). Edit its line in {path}, or archive it "
                f"first with 'trading-pipeline universe remove {name}'.",
                instrument=name,
                path=str(path),
            )
        if known.get(name) == spec:
            return UniverseChange(path, name, changed=False)
        universe.overlaid(UniverseFile(instruments=(spec,))).grid_of(name)  # refuses a wrong span
        edits: list[_Edit] = []
        if name in archived:
            edits.append(_Edit("archived", name, add=None))
        if archived.get(name) != spec:
            edits.append(_Edit("instruments", name, add=_plain(spec)))
        return _apply(path, data, name, edits)


def archive_instrument(config_dir: Path, instrument: str) -> UniverseChange:
    """Take an instrument, the user's or a shipped one, out of the universe; its line stays.

    Stored bars stay too, and `add_instrument` brings it back. One that is archived already changes
    nothing. Raises `UnknownNameError` for an unknown id, and `ConfigurationError` for the last
    instrument of the universe.
    """
    with _locked(config_dir):
        read_universe(config_dir)  # refuses a file with a wrong line
        catalog = load_catalog(config_dir, leave_out=True)
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
    add: JsonValue

    def on_data(self, data: Document) -> Document:
        items = self.items(data)
        position = self.position(items)
        at = len(items) if position is None else position
        items[at : at + 1] = [] if self.add is None else [self.add]
        changed = dict(data) | {self.key: items}
        return {key: value for key, value in changed.items() if key != self.key or items}

    def on_text(self, text: str, data: Document) -> str | None:
        position = self.position(self.items(data))
        if position is not None:
            found = without_item(text, self.key, position)
            text = "" if found is None else found
            if found is None or self.add is None:
                return found
        return with_item(text, self.key, self.add)

    def items(self, data: Document) -> list[JsonValue]:
        found = data.get(self.key)
        return list(found) if isinstance(found, list) else []

    def position(self, items: list[JsonValue]) -> int | None:
        names = [item if isinstance(item, str) else _id_of(item) for item in items]
        return names.index(self.name) if self.name in names else None


def _apply(path: Path, data: Document, name: str, edits: Sequence[_Edit]) -> UniverseChange:
    is_json = path.suffix == ".json"
    text = read_text(path) if path.exists() else _HEADER
    edited = None if is_json else text
    for edit in edits:
        edited = None if edited is None else edit.on_text(edited, data)
        data = edit.on_data(data)
    wanted = UniverseFile.parse(data, where=str(path))
    kept = edited is not None and _says(edited, wanted, path)
    _write(path, edited if edited and kept else _whole(data, is_json=is_json))
    return UniverseChange(path, name, changed=True, layout_kept=kept or is_json)


def _says(text: str, wanted: UniverseFile, path: Path) -> bool:
    """True where the text reads as what is wanted; an edit never guesses."""
    try:
        found = UniverseFile.parse(parse_settings(text, path) or {}, where=str(path))
    except ConfigurationError:
        return False
    return found == UniverseFile.parse(wanted.model_dump(exclude_unset=True), where=str(path)) and (
        found.model_fields_set - {"instruments", "archived"}
        == wanted.model_fields_set - {"instruments", "archived"}
    )


def _whole(data: Document, *, is_json: bool) -> str:
    if is_json:
        return json.dumps(data, indent=2, default=str) + "\n"
    return _HEADER + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _plain(spec: InstrumentSpec) -> Document:
    """The values that differ from the defaults, and those that every line should show.

    `end: null` is said: without it the universe's end holds.
    """
    always = ("symbol", "timeframe", "source", "calendar", "asset_class", "currency")
    values = spec.model_dump(mode="json")
    fields = InstrumentSpec.model_fields.items()
    defaults = {name: field.get_default(call_default_factory=True) for name, field in fields}
    said = {*always, "end"} if spec.goes_on else {*always}
    return {k: v for k, v in values.items() if k in said or v != defaults[k]}


def _id_of(item: JsonValue) -> str | None:
    if isinstance(item, dict) and "symbol" in item:
        with contextlib.suppress(ConfigurationError):
            return instrument_id(str(item["symbol"]), str(item.get("timeframe", "1d")))
    return None


def _differences(old: InstrumentSpec, new: InstrumentSpec) -> str:
    pairs = ((key, getattr(old, key), getattr(new, key)) for key in InstrumentSpec.model_fields)
    return ", ".join(f"{key}: {was!s}, not {now!s}" for key, was, now in pairs if was != now)


def _own_file(config_dir: Path) -> tuple[Path, Document]:
    paths = [config_dir / f"universe{suffix}" for suffix in SPEC_SUFFIXES]
    found = next((path for path in paths if path.is_file()), None)
    return (paths[0], {}) if found is None else (found, read_yaml(found))


@contextmanager
def _locked(config_dir: Path) -> Iterator[None]:
    """Let one process at a time read, change and write the file."""
    try:
        config_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(config_dir / ".universe.lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {config_dir} cannot be written: {error.strerror}. Allow this user to "
            "write there, or point TRADING_PIPELINE_CONFIG_DIR at another folder.",
            path=str(config_dir),
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{path} could not be written: {error.strerror}. The file is unchanged. Check that the "
            "disk has room and that this user may write there.",
            path=str(path),
        ) from error
