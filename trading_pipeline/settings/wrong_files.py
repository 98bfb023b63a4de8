"""Files of settings that are wrong: what each would hold, its error, line and way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from trading_pipeline.errors import ConfigurationError, TradingPipelineError

__all__ = ["WrongFile", "name_in", "setting_aside", "wrong_file"]


@dataclass(frozen=True)
class WrongFile:
    """A file that cannot be used, or cannot be used yet.

    `name`: what it would hold, such as `scenarios/mine` or `instruments/AAPL_1d`. `line`: from 1,
    None where it is unknown. `is_left_out`: False where what the file holds stays in the catalog
    and fails where it is used: a broken Python file, an instrument that is still to come.
    """

    name: str
    error: TradingPipelineError
    path: Path | None = None
    line: int | None = None
    is_left_out: bool = True

    @property
    def place(self) -> str:
        """File and line, as far as they are known."""
        where = str(self.path or self.name)
        return where if self.line is None else f"{where}, line {self.line}"

    @property
    def way_out(self) -> str:
        """What to do; everything else works meanwhile."""
        if self.path is None:
            return "Fix it, then reload the code location."
        if self.name.startswith(("universe", "instruments/")):
            return f"Fix or take out {self.place}; then reload the code location."
        return (
            f"Fix {self.place}, or move {self.path.name} out of {self.path.parent}; then reload "
            "the code location."
        )


def wrong_file(
    name: str, error: TradingPipelineError, path: Path | None = None, *, is_left_out: bool = True
) -> WrongFile:
    """The wrong file of an error, which may know path and line better than the caller."""
    said = error.values.get("path")
    path = Path(str(said)) if said else path
    line = error.values.get("line")
    if not isinstance(line, int):
        line = _line_of_key(path, error) if path is not None else None
    return WrongFile(name, error, path, line, is_left_out)


@contextmanager
def setting_aside(wrong: list[WrongFile] | None, name: str, path: Path | None) -> Iterator[None]:
    """Keep a `ConfigurationError` of the block in `wrong` and go on after it; None raises it."""
    try:
        yield
    except ConfigurationError as error:
        if wrong is None:
            raise
        wrong.append(wrong_file(name, error, path))


def name_in(data: object, otherwise: str) -> str:
    """The name that a file gives, as far as it can be told of a wrong one; else `otherwise`."""
    name = data.get("name") if isinstance(data, Mapping) else None
    return name if isinstance(name, str) else otherwise


def _line_of_key(path: Path, error: TradingPipelineError) -> int | None:
    """Line of the first wrong key that a model of settings refused; None where it is not known."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError) or path.suffix not in (".yaml", ".yml", ".json"):
        return None
    with suppress(OSError, ValueError, yaml.YAMLError, RecursionError):
        node = yaml.compose(path.read_text("utf-8-sig"), Loader=yaml.SafeLoader)
        start = error.values.get("within", ())
        return _line_at(node, [*start, *cause.errors()[0]["loc"]])
    return None


def _line_at(node: yaml.Node | None, location: Sequence[object]) -> int | None:
    """Line of the last part of a location that the node has; parts that it lacks are skipped."""
    line = None
    for part in location:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    node, line = value, key.start_mark.line + 1
                    break
        elif isinstance(node, yaml.SequenceNode) and part in range(len(node.value)):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
