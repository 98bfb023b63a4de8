"""The combinations of a study's search space that meet its constraints."""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import JsonValue

from trading_pipeline.errors import OptimizationError, did_you_mean
from trading_pipeline.settings.study import StudySpec

__all__ = ["parameter_combinations"]

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def parameter_combinations(study: StudySpec) -> list[dict[str, JsonValue]]:
    """All combinations in the order of the file; the last parameter varies fastest.

    Constraints compare parameters and numbers, with + - * / allowed, such as `2 * fast <= slow`.
    Raises `OptimizationError` for an invalid constraint, or if no combination is left.
    """
    names = list(study.space)
    values = [study.space[name].grid() for name in names]
    trees = [_parsed(text, names) for text in study.constraints]
    every = (dict(zip(names, each, strict=True)) for each in itertools.product(*values))
    found = [each for each in every if all(_holds(tree, each) for tree in trees)]
    if not found:
        raise OptimizationError(
            f"The study '{study.name}' has no combination that meets its constraints "
            f"({'; '.join(study.constraints)}). Widen the space or change them.",
            study=study.name,
        )
    return found


def _parsed(text: str, names: list[str]) -> ast.Compare:
    try:
        body = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise OptimizationError(f"The constraint {text!r} cannot be read: {error.msg}.") from error
    if not isinstance(body, ast.Compare):
        raise OptimizationError(
            f"The constraint {text!r} compares nothing; write for example 'fast < slow'."
        )
    for node in ast.walk(body):
        if isinstance(node, ast.Name) and node.id not in names:
            raise OptimizationError(
                f"The constraint {text!r} names '{node.id}', which is not searched. "
                f"{did_you_mean(node.id, names)}",
                name=node.id,
            )
    _require_plain(body)
    return body


def _require_plain(tree: ast.Compare) -> None:
    """Reject anything in the constraint that is not a comparison of arithmetic."""
    for comparison in tree.ops:
        if type(comparison) not in _COMPARE:
            raise OptimizationError(
                f"The constraint {ast.unparse(tree)!r} must use < <= > >= == !=."
            )
    waiting = [tree.left, *tree.comparators]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            waiting += [node.left, node.right]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            waiting.append(node.operand)
        elif not (isinstance(node, ast.Name) or _is_value(node)):
            raise OptimizationError(
                f"The constraint part {ast.unparse(node)!r} is not a parameter, a number or + - * "
                "/ of them."
            )


def _is_value(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str))


def _holds(tree: ast.Compare, values: Mapping[str, JsonValue]) -> bool:
    try:
        left = _value(tree.left, values)
        for comparison, node in zip(tree.ops, tree.comparators, strict=True):
            right = _value(node, values)
            if not _COMPARE[type(comparison)](left, right):
                return False
            left = right
    except ZeroDivisionError as error:
        raise OptimizationError(
            f"The constraint {ast.unparse(tree)!r} divides by zero at {dict(values)}."
        ) from error
    except TypeError as error:
        raise OptimizationError(
            f"The constraint {ast.unparse(tree)!r} mixes texts and numbers at {dict(values)}."
        ) from error
    return True


def _value(node: ast.expr, values: Mapping[str, JsonValue]) -> Any:
    """Value of a part that `_require_plain` has accepted."""
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, values), _value(node.right, values)
        return _ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand, values)
    if isinstance(node, ast.Name):
        return values[node.id]
    return node.value if isinstance(node, ast.Constant) else None
