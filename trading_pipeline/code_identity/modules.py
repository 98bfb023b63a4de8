"""A module's source text, parsed: which statement defines a name, and where its imports lead."""

from __future__ import annotations

import ast
import functools
import linecache
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trading_pipeline.code_identity.plain_code import (
    FUNCTIONS,
    Target,
    Unit,
    for_checkers,
    imported,
    is_text,
    plain_unit,
)

__all__ = ["Module", "module_path", "parsed", "read_text"]

_SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda)


@dataclass
class Module:
    """A parsed module: its statements by the names that they bind or change."""

    name: str
    path: Path
    text: str
    statements: list[ast.stmt] = field(default_factory=list)
    places: dict[str, list[int]] = field(default_factory=dict)
    imports: dict[str, Target] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    exports: dict[str, Target] = field(default_factory=dict)
    """Names that a lazy `__getattr__` gives, and those imported for type checkers only."""
    owners: dict[int, str] = field(default_factory=dict)
    """Class of each statement that is a method."""
    methods: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] | None = None
    """Methods of each class whose statements have no number yet; None before they are asked for."""
    units: dict[int, Unit] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """Package that relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    def unit(self, number: int) -> Unit:
        """The statement, made plain when it is first asked for."""
        if number not in self.units:
            self.units[number] = plain_unit(
                self.statements[number], self.package, self.owners.get(number, "")
            )
        return self.units[number]

    def numbers(self, name: str) -> list[int]:
        """Statements that define a name; `Class.method` is the method alone."""
        owner = name.partition(".")[0]
        if owner != name:
            self._add_methods(owner)
        return self.places.get(name, [])

    def _add_methods(self, owner: str) -> None:
        if self.methods is None:  # parsed again: the tree of the classes may be plain by now
            self.methods = {}
            for node in ast.parse(self.text).body:
                if isinstance(node, ast.ClassDef):
                    found = self.methods.setdefault(node.name, [])
                    found += [each for each in node.body if isinstance(each, FUNCTIONS)]
        for method in self.methods.pop(owner, ()):
            number = len(self.statements)
            self.owners[number] = owner
            self.places.setdefault(f"{owner}.{method.name}", []).append(number)
            self.statements.append(method)

    def all_numbers(self) -> list[int]:
        """Every statement at the top level."""
        return [number for number in range(len(self.statements)) if number not in self.owners]

    def at_line(self, line: int) -> Iterator[int]:
        """The statement that a line belongs to."""
        for number in self.all_numbers():
            each = self.statements[number]
            decorators = getattr(each, "decorator_list", [])
            first = min(node.lineno for node in (each, *decorators))
            if first <= line <= (each.end_lineno or first):
                yield number


def read_text(path: Path) -> str | None:
    """Text of a file, or the one given to `linecache` for a module that was made at run time."""
    kept = linecache.cache.get(str(path))
    if kept is not None and len(kept) == 4 and kept[1] is None:
        return "".join(kept[2])
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def module_path(name: str) -> Path | None:
    """File of a module, which need not be loaded if its top-level package is."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is not None:
        return Path(file) if file.endswith(".py") else None
    top, *parts = name.split(".")
    folders = getattr(sys.modules.get(top), "__path__", None)
    if not folders:
        return None
    base = Path(folders[0]).joinpath(*parts)
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


@functools.cache
def parsed(name: str, path: Path, text: str) -> Module:
    """The module of that source text, parsed once; line ends do not count."""
    module = Module(name, path, "\n".join(text.splitlines()))
    statements = ast.parse(module.text).body
    for each in [part for s in statements for part in (s.orelse if for_checkers(s) else [s])]:
        if isinstance(each, (ast.Import, ast.ImportFrom)):
            module.stars += [
                target.module for local, target in imported(each, module.package) if local == "*"
            ]
            module.imports |= dict(imported(each, module.package))
        elif not is_text(each):
            module.statements.append(each)
    for number, each in enumerate(module.statements):
        for bound in _bound_names(each):
            module.places.setdefault(bound, []).append(number)
    for number, each in enumerate(module.statements):
        for changed in _changed_names(each) & module.places.keys():
            if number not in module.places[changed]:
                module.places[changed].append(number)
    if "__getattr__" in module.places:
        for node in ast.walk(ast.Module(statements, [])):
            if isinstance(node, ast.Dict):
                module.exports |= dict(_lazy_homes(node))
    for each in filter(for_checkers, statements):
        module.exports |= {
            local: target
            for node in each.body
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for local, target in imported(node, module.package)
        }
    return module


def _lazy_homes(node: ast.Dict) -> Iterator[tuple[str, Target]]:
    """Names and modules of a map that a lazy `__getattr__` looks up."""
    for key, value in zip(node.keys, node.values, strict=True):
        texts = [each.value if isinstance(each, ast.Constant) else None for each in (key, value)]
        if isinstance(texts[0], str) and isinstance(texts[1], str):
            yield texts[0], Target(texts[1], texts[0])


def _own_scope(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what runs with it, without the bodies of functions and classes in it."""
    yield node
    if not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from _own_scope(child)


def _bound_names(statement: ast.stmt) -> set[str]:
    found = set()
    for node in _own_scope(statement):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {local for local, _ in imported(node, "")}
    return found


def _changed_names(statement: ast.stmt) -> set[str]:
    """Names whose values a statement changes: it stores into them or gives them to a call."""
    found: set[str] = set()
    for node in _own_scope(statement):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            found |= {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            parts: list[ast.expr] = [called] if isinstance(called, ast.Attribute) else []
            parts += [*node.value.args, *(each.value for each in node.value.keywords)]
            found |= {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}
    return found
