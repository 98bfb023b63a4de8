"""Load Python files that a user keeps beside the package: strategies, sources, feature sets.

The caller says which folder, what to take from a file, and which names are taken already; this
module knows no layer above. A file that cannot be used stops only what asks for it by name.

The files run in this process with the user's rights. Files of one folder may import each other
(`from . import _shared`); one whose name begins with an underscore only serves the others.
"""

from __future__ import annotations

import importlib
import inspect
import re
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from trading_pipeline.errors import (
    ConfigurationError,
    OwnCodeError,
    TradingPipelineError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.own_code.finder import package_of

__all__ = [
    "BrokenFile",
    "OwnCode",
    "Registry",
    "collect",
    "error_place",
    "explained",
    "is_failure",
    "load_own_code",
    "only_class",
]

Found = TypeVar("Found")
_LEAVE_OUT = "The file ends the program; leave that out of it."
_NAME = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True)
class BrokenFile:
    """A file that cannot be used, and the one paragraph that says why and what to do."""

    path: Path
    error: OwnCodeError
    text: str = ""

    def claims(self, name: str) -> bool:
        """True where the file would have given `name`: it is called so, or assigns it."""
        assigned = rf"\bname\b[^=\n]*=\s*[\"']{re.escape(name)}[\"']"
        return self.path.stem == name or re.search(assigned, self.text) is not None


@dataclass(frozen=True)
class OwnCode(Generic[Found]):
    """What the files of a folder gave: `found` and `files` by name, and the files without use."""

    found: Mapping[str, Found] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    broken: tuple[BrokenFile, ...] = ()


class Registry(Generic[Found]):
    """Everything of one kind by name: what the package ships, and what a user's files add.

    A registry belongs to the workspace that opened it, so that two folders can be worked with in
    one process.
    """

    def __init__(
        self,
        kind: str,
        shipped: Mapping[str, Found],
        own: OwnCode[Found] | None = None,
        unknown: type[ConfigurationError] = UnknownNameError,
    ) -> None:
        self.kind, self.shipped, self.unknown = kind, shipped, unknown
        self.own: OwnCode[Found] = OwnCode() if own is None else own

    def names(self) -> tuple[str, ...]:
        """Names of all that can be used, sorted."""
        return tuple(sorted({*self.shipped, *self.own.found}))

    def own_names(self) -> tuple[str, ...]:
        """Names that a user's files give, or would give if they could be used."""
        broken = (each.path.stem for each in self.own.broken if _NAME.fullmatch(each.path.stem))
        return tuple(sorted({*self.own.found, *broken} - {*self.shipped}))

    def get(self, name: str) -> Found:
        """What has that name.

        Raises `OwnCodeError` where only a broken file would have it, else the registry's error for
        an unknown name, which offers the closest ones.
        """
        for known in (self.shipped, self.own.found):
            if name in known:
                return known[name]
        for each in self.own.broken:
            if each.claims(name):
                raise each.error
        unread = ", ".join(str(each.path) for each in self.own.broken)
        raise self.unknown(
            f"There is no {self.kind} {name!r}. {did_you_mean(name, self.names())}"
            + (f" Files that cannot be used: {unread}." if unread else ""),
            name=name,
            kind=self.kind,
        )


def load_own_code(
    folder: Path | None,
    kind: str,
    take: Callable[[ModuleType], tuple[str, Found]],
    taken: Collection[str] = (),
) -> OwnCode[Found]:
    """Run the Python files of a folder and take from each what it is for.

    Nothing is raised for a wrong file: it is listed in `broken`. Files whose texts are those of an
    earlier call are not run again.

    Parameters
    ----------
    folder
        Where to look; None, or a folder that does not exist, gives nothing.
    kind
        What the files hold, as a noun such as "strategy"; used in messages.
    take
        Gives name and object of an executed module. A `ConfigurationError` it raises, with `line`
        where it knows one, says what is wrong with the file.
    taken
        Names that the package ships; a file cannot have one of them.
    """
    texts: dict[Path, str] = {}
    unread: list[BrokenFile] = []
    for path in _python_files(folder):
        with _setting_aside(path, "", unread):
            texts[path] = _text(path)
    package = package_of(texts)

    def made(path: Path) -> tuple[str, Found]:
        _check_name(path.stem, f"A {kind} file's name")
        return take(importlib.import_module(f"{package}.{path.stem}"))

    served = {path: text for path, text in texts.items() if not path.name.startswith("_")}
    return collect(kind, served, made, taken, OwnCode(broken=tuple(unread)))


def collect(
    kind: str,
    texts: Mapping[Path, str],
    made: Callable[[Path], tuple[str, Found]],
    taken: Collection[str],
    before: OwnCode[Found],
) -> OwnCode[Found]:
    """What `made` gives for each file, added to `before`; names are given once."""
    broken, found, files = list(before.broken), dict(before.found), dict(before.files)
    loaded: list[tuple[Path, str, Found]] = []
    for path, text in texts.items():
        with _setting_aside(path, text, broken):
            name, each = made(path)
            _check_name(name, f"The name of the {kind}")
            loaded.append((path, name, each))
    # a file that is called like its object keeps the name, whatever other files are added
    for path, name, each in sorted(loaded, key=lambda one: one[1] != one[0].stem):
        with _setting_aside(path, texts[path], broken):
            if name in taken or name in files:
                raise ConfigurationError(
                    f"The {kind} {name!r} is there already: it is "
                    f"{'a shipped one' if name in taken else f'made by {files[name]}'}. Give this "
                    "one another name."
                )
            found[name], files[name] = each, path
    return OwnCode(found, files, tuple(sorted(broken, key=lambda one: one.path)))


def only_class(
    module: ModuleType, kind: str, fits: Callable[[type[Any]], bool], fix: str
) -> type[Any]:
    """The one public class of a module that `fits`; abstract ones do not count.

    It is named after the file, unless it has a `name` of its own.
    Raises `ConfigurationError` where there is none or more than one, with the line and `fix`.
    """
    own = [
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]
    fitting = [each for each in own if fits(each)]
    usable = [each for each in fitting if not inspect.isabstract(each)]
    if len(usable) == 1:
        found: type[Any] = usable[0]
        if "name" not in vars(found):
            found.name = module.__name__.rpartition(".")[2]
        return found
    if usable:
        names = " and ".join(each.__name__ for each in usable)
        raise ConfigurationError(
            f"The file has {len(usable)} classes of the kind {kind}: {names}. Keep one in this "
            "file and move the others into files of their own.",
            line=_line_of(usable[1]),
        )
    if fitting:
        missing = ", ".join(sorted(getattr(fitting[0], "__abstractmethods__", ())))
        raise ConfigurationError(
            f"The class {fitting[0].__name__} has no {missing}. {fix}", line=_line_of(fitting[0])
        )
    if own:
        names = ", ".join(each.__name__ for each in own)
        raise ConfigurationError(
            f"No class of the file is a {kind} (found: {names}). {fix}", line=_line_of(own[-1])
        )
    raise ConfigurationError(f"The file has no class that is a {kind}. {fix}")


def is_failure(error: BaseException) -> bool:
    """True for what a user's code raised, `sys.exit` too; False for a wish to stop from outside:
    Ctrl-C, Dagster's own interruption, the end of a generator."""
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
        return False
    return not type(error).__module__.startswith("dagster.") or isinstance(error, Exception)


@contextmanager
def explained(
    path: Path | None,
    kind: type[TradingPipelineError],
    doing: str,
    *passing: type[Exception],
) -> Iterator[None]:
    """Turn whatever a user's code raises in the block into an error that names file and line.

    The error is of the class `kind`, or keeps its own class where it is a narrower one. `path` is
    None for code of the package, whose errors pass as they are; so do those of the classes
    `passing`.
    """
    try:
        yield
    except BaseException as error:
        if path is None or isinstance(error, passing) or not is_failure(error):
            raise
        file, line = _place(error, path)
        if isinstance(error, TradingPipelineError):
            narrower = type(error) if isinstance(error, kind) else kind
            said, values = str(error), error.values
        else:
            narrower, values = kind, {}
            said = f"{type(error).__name__}: {error}. "
            said += _LEAVE_OUT if isinstance(error, SystemExit) else "Fix that line."
        raise narrower(
            f"{_where(file, line)}: {doing} failed: {said}",
            **values | {"path": str(file), "line": line},
        ) from error


@contextmanager
def _setting_aside(path: Path, text: str, broken: list[BrokenFile]) -> Iterator[None]:
    """Keep what goes wrong in the block as the error of the file."""
    try:
        yield
    except BaseException as error:
        if not is_failure(error):
            raise
        file, line = _place(error, path)
        values = error.values if isinstance(error, TradingPipelineError) else {}
        if not isinstance(error, OwnCodeError):  # whose line is one of another file
            line = values.get("line", line)
        told = OwnCodeError(
            f"{_where(file, line)}: {_said(error)}",
            **values | {"path": str(file), "line": line},
        )
        told.__cause__ = error
        broken.append(BrokenFile(path, told, text))


def _said(error: BaseException) -> str:
    """What went wrong and what to do, for an error of any kind."""
    if isinstance(error, TradingPipelineError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}. Fix that line."
    shown = f"{type(error).__name__}: {error}."
    if isinstance(error, ModuleNotFoundError):
        return f"{shown} Install the package that has it, or fix the name."
    if isinstance(error, SystemExit):
        return f"{shown} {_LEAVE_OUT}"
    return f"The file does not run: {shown} Fix it, or move the file away."


def error_place(error: BaseException, path: Path) -> str:
    """Where an error came from, in words: the last line of the folder of `path` it went through."""
    return _where(*_place(error, path))


def _place(error: BaseException, path: Path) -> tuple[Path, int | None]:
    """File and line of the user's folder that an error came from, as exactly as it is known."""
    if isinstance(error, SyntaxError) and error.filename:
        return Path(error.filename), error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent == path.parent]
    return (Path(own[-1].filename), own[-1].lineno) if own else (path, None)


def _where(path: Path, line: int | None) -> str:
    return str(path) if line is None else f"{path}, line {line}"


def _line_of(value: type) -> int | None:
    try:
        return inspect.getsourcelines(value)[1]
    except (OSError, TypeError):
        return None


def _python_files(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.glob("*.py") if path.is_file())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The file cannot be read as text: {error}. Save it as UTF-8, or move it away."
        ) from error


def _check_name(name: object, what: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{what} is {name!r}, which cannot be used. Take at most 64 small letters, digits and "
            "underscores."
        )
