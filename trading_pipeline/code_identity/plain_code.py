"""Source code without what has no part in its hash: docstrings, annotations, imports, messages."""

from __future__ import annotations

import ast
import functools
import hashlib
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

__all__ = ["FUNCTIONS", "Target", "Unit", "for_checkers", "imported", "is_text", "plain_unit"]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SPEAKING = frozenset(["debug", "info", "warning", "warn", "error", "exception", "critical", "log"])
_SPEAKERS = re.compile(r"warnings|logging|_*log(ger)?", re.IGNORECASE)
_DATA_FILE = re.compile(r"[\w./-]+\.(css|js|html|svg)")


class Target(NamedTuple):
    """What an import binds: a name of a module, or with `name` None the module itself."""

    module: str
    name: str | None


@dataclass(frozen=True)
class Unit:
    """A statement at the top level of a module, without what has no part in the hash."""

    text: str
    chains: frozenset[tuple[str, ...]]
    """Dotted names that it reads from outside of itself."""
    owner: str
    """Class of a method that stands alone."""
    imports: dict[str, Target]
    """Imports inside of it, by the local name."""
    noted: frozenset[tuple[str, ...]]
    """Dotted names in annotations."""
    files: frozenset[str]
    bases: tuple[tuple[str, ...], ...]
    """Dotted names of a class's bases, and of what these are made of."""

    @functools.cached_property
    def digest(self) -> str:
        """Hash of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Target]]:
    """Local names that an import binds."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield alias.asname or alias.name, Target(module, alias.name)
        elif alias.asname:
            yield alias.asname, Target(alias.name, None)
        else:
            top = alias.name.partition(".")[0]
            yield top, Target(top, None)


def for_checkers(node: ast.AST) -> TypeGuard[ast.If]:
    """True for `if TYPE_CHECKING:`, whose imports no running code sees."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def is_text(node: ast.AST) -> bool:
    """True for a statement that is a constant, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def plain_unit(statement: ast.stmt, package: str, owner: str = "") -> Unit:
    """The unit of a statement, which is changed in place; `owner` is the class of a method."""
    reading, bases = _Reading(package), list[tuple[str, ...]]()
    for base in getattr(statement, "bases", []):
        named = _Reading(package)
        named.simplify(base)
        bases += sorted(named.chains)
    plain = [*reading.kept([statement]), ast.Pass()][0]
    reading.simplify(plain)
    text = ast.unparse(plain)
    outside = _names_from_outside(text) | reading.imports.keys() | ({"self"} if owner else set())
    noted = _Reading(package)
    for each in reading.annotations:
        noted.simplify(each)
    return Unit(
        text=text,
        chains=frozenset(chain for chain in reading.chains if chain[0] in outside),
        owner=owner,
        imports=reading.imports,
        noted=frozenset(noted.chains),
        files=frozenset(each for each in reading.texts if _DATA_FILE.fullmatch(each)),
        bases=tuple(bases),
    )


def _names_from_outside(text: str) -> set[str]:
    """Names that the statement reads and does not bind in the scope that reads them."""
    waiting, found = [symtable.symtable(text, "<code>", "exec")], set()
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        found |= {each.get_name() for each in table.get_symbols() if each.is_global()}
    return found


class _Reading:
    """Takes away what has no part in the hash, in place, and notes what the rest names."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.imports: dict[str, Target] = {}
        self.annotations: list[ast.expr] = []
        self.chains: set[tuple[str, ...]] = set()
        """Dotted names, each as far as it goes, such as `np.random.default_rng`."""
        self.texts: set[str] = set()

    def simplify(self, tree: ast.AST) -> None:
        """Work through a tree from the top."""
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            parts: list[str] = []
            while isinstance(node, ast.Attribute):
                parts.insert(0, node.attr)
                node = node.value
            if isinstance(node, ast.Name):
                self.chains.add((node.id, *parts))
            elif isinstance(node, ast.Constant):
                self.texts |= {node.value} if isinstance(node.value, str) else set()
            else:
                if not isinstance(node, ast.expr):
                    self._simplify_one(node)
                waiting += ast.iter_child_nodes(node)

    def kept(self, statements: list[ast.stmt], *, fields: bool = False) -> list[ast.stmt]:
        """The statements that count; `fields` where they are the body of a class."""
        found: list[ast.stmt] = []
        for each in statements:
            if isinstance(each, (ast.Import, ast.ImportFrom)):
                self.imports |= dict(imported(each, self.package))
            elif for_checkers(each):
                found += self.kept(each.orelse, fields=fields)
            elif isinstance(each, ast.AnnAssign):
                found += self._without_annotation(each, fields)
            elif not is_text(each) and not _only_speaks(each):
                found.append(each)
        return found

    def _without_annotation(self, node: ast.AnnAssign, is_field: bool) -> list[ast.stmt]:
        """A variable; a field of a class keeps its name and what its annotation calls."""
        if is_field:
            self.annotations.append(node.annotation)
            calls = [each for each in ast.walk(node.annotation) if isinstance(each, ast.Call)]
            node.annotation = ast.List(elts=list(calls), ctx=ast.Load())
            return [node]
        if node.value is None:
            return []
        return [ast.copy_location(ast.Assign([node.target], node.value), node)]

    def _simplify_one(self, node: ast.AST) -> None:
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if block:
                kept = self.kept(block, fields=isinstance(node, ast.ClassDef))
                setattr(node, name, kept or ([ast.Pass()] if name == "body" else []))
        if isinstance(node, FUNCTIONS):
            node.returns = None
        elif isinstance(node, ast.arg):
            self.annotations += [] if node.annotation is None else [node.annotation]
            node.annotation = None
        elif isinstance(node, ast.Assert):
            node.msg = None
        elif isinstance(node, ast.Raise):  # only the class counts, not a function that makes it
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = error.attr if isinstance(error, ast.Attribute) else getattr(error, "id", "")
            node.exc, node.cause = (error if name[:1].isupper() else None), None


def _only_speaks(node: ast.AST) -> bool:
    """True for a statement that prints, logs or warns."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    called = node.value.func
    if isinstance(called, ast.Attribute) and called.attr in _SPEAKING:
        owner = called.value
        return isinstance(owner, ast.Name) and bool(_SPEAKERS.fullmatch(owner.id))
    return isinstance(called, ast.Name) and called.id == "print"
