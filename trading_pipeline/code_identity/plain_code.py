"""Source code without what has no part in its hash: docstrings, annotations, imports, messages."""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

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
    imports: dict[str, Target] = {}
    noted: set[tuple[str, ...]] = set()
    for node in ast.walk(statement):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports |= dict(imported(node, package))
        elif isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
            noted |= set(_chains(node.annotation))
    plain = _Plain().visit(statement)
    text = ast.unparse(plain) if plain is not None else ""
    outside = _names_from_outside(text) | imports.keys() | ({"self"} if owner else set())
    constants = {
        node.value
        for node in (ast.walk(plain) if plain is not None else ())
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    chains = _chains(plain) if plain is not None else ()
    return Unit(
        text=text,
        chains=frozenset(chain for chain in chains if chain[0] in outside),
        owner=owner,
        imports=imports,
        noted=frozenset(noted),
        files=frozenset(each for each in constants if _DATA_FILE.fullmatch(each)),
    )


def _chains(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """Dotted names, each as far as it goes: `np.random.default_rng(1)` gives one of three parts."""
    parts: list[str] = []
    node = tree
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        yield (node.id, *parts)
        return
    for child in ast.iter_child_nodes(node):
        yield from _chains(child)


def _names_from_outside(text: str) -> set[str]:
    """Names that the statement reads and does not bind in the scope that reads them."""
    waiting, found = [symtable.symtable(text, "<code>", "exec")], set()
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        found |= {each.get_name() for each in table.get_symbols() if each.is_global()}
    return found


class _Plain(ast.NodeTransformer):
    """Takes away what has no part in the hash; bodies that are left empty hold `pass`."""

    def visit(self, node: ast.AST) -> Any:
        """Visit a node; the rules for single kinds of nodes are below."""
        if is_text(node) or isinstance(node, (ast.Import, ast.ImportFrom)) or _only_speaks(node):
            return None
        if for_checkers(node):
            return [self.visit(each) for each in node.orelse] or None
        found = super().visit(node)
        if isinstance(found, ast.AST) and getattr(found, "body", None) == []:
            found.body = [ast.Pass()]  # type: ignore[attr-defined]
        return found

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Without its result's annotation."""
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """As a plain function."""
        node.returns = None
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Fields keep their names and what their annotations call: both say what the class does."""
        for each in node.body:
            if isinstance(each, ast.AnnAssign):
                calls = [n for n in ast.walk(each.annotation) if isinstance(n, ast.Call)]
                each.annotation = ast.List(elts=list(calls), ctx=ast.Load())
                each.simple = 2  # done
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """A variable with an annotation is one without."""
        if node.simple == 2:
            return self.generic_visit(node)
        if node.value is None:
            return None
        return self.generic_visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """A parameter is its name."""
        node.annotation = None
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Only the class of an error counts, and nothing where a function makes it."""
        error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        name = error.attr if isinstance(error, ast.Attribute) else getattr(error, "id", "")
        node.exc, node.cause = (error if name[:1].isupper() else None), None
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Without its message."""
        node.msg = None
        return self.generic_visit(node)


def _only_speaks(node: ast.AST) -> bool:
    """True for a statement that prints, logs or warns."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    called = node.value.func
    if isinstance(called, ast.Attribute) and called.attr in _SPEAKING:
        owner = called.value
        return isinstance(owner, ast.Name) and bool(_SPEAKERS.fullmatch(owner.id))
    return isinstance(called, ast.Name) and called.id == "print"
