"""Constraints of a study's space, such as `2 * fast <= slow and hold > 1`.

The grammar has numbers, quoted texts, true and false, names of searched parameters, + - * / of
numbers, the comparisons < <= > >= == != (chains such as `1 < fast < slow` too), and, or, not, and
parentheses. Nothing else can be written, and nothing written here can grow: texts only compare.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trading_pipeline.errors import OptimizationError, did_you_mean
from trading_pipeline.settings.file_limits import cut, shown

__all__ = ["MAX_CHARACTERS", "MAX_PARTS", "Constraint", "parse_constraint"]

MAX_CHARACTERS = 500
"""Characters of one constraint."""
MAX_PARTS = 100
"""Numbers, names, operators and parentheses of one constraint."""
_MAX_DEPTH = 20
_MAX_DIGITS = 30

Values = Mapping[str, object]
Evaluate = Callable[[Values], object]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^'\\]*'|\"[^\"\\]*\")"
    r"|(?P<sign><=|>=|==|!=|\*\*|//|<|>|[-+*/()])"
    r"|(?P<other>\S))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_WORDS = frozenset({"and", "or", "not", "true", "false", "True", "False"})
_ALLOWED = (
    "A constraint must use numbers, names of searched parameters, + - * / of them, "
    "< <= > >= == !=, and, or, not and parentheses."
)


@dataclass(frozen=True)
class Constraint:
    """A constraint that was read: `text` as written, and what it says of parameters."""

    text: str
    _evaluate: Evaluate

    def holds(self, values: Values) -> bool:
        """Whether the parameters meet it.

        Raises `OptimizationError` where it divides by zero, counts with a text, compares a text
        with a number by order, or is neither true nor false.
        """
        try:
            return _truth(self._evaluate(values))
        except ArithmeticError as error:
            reason = "divides by zero" if isinstance(error, ZeroDivisionError) else "is too large"
            raise self._wrong(reason, values) from error
        except TypeError as error:
            raise self._wrong("mixes texts and numbers", values) from error

    def _wrong(self, reason: str, values: Values) -> OptimizationError:
        return OptimizationError(
            f"The constraint {self.text!r} {reason} at {shown(dict(values))}.",
            constraint=self.text,
        )


def parse_constraint(text: str, names: Sequence[str]) -> Constraint:
    """Read a constraint on the parameters `names`.

    Raises `OptimizationError` that says which part cannot be read, for a name that is not searched,
    and for a constraint of more than `MAX_CHARACTERS` characters or `MAX_PARTS` parts.

    >>> parse_constraint("2 * fast <= slow", ["fast", "slow"]).holds({"fast": 5, "slow": 10})
    True
    """
    if len(text) > MAX_CHARACTERS:
        raise OptimizationError(
            f"The constraint {shown(text)} has {len(text):,} characters, at most {MAX_CHARACTERS} "
            "are read. Write it as several constraints; all of them must hold."
        )
    return Constraint(text, _Parser(text, names).whole())


@dataclass(frozen=True)
class _Part:
    """A part of a constraint; of a name only its values tell whether it is a number."""

    evaluate: Evaluate
    kind: Literal["truth", "number", "text", "name"]


class _Parser:
    """Reads one constraint from left to right, one method for each rule of the grammar."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text, self.names = text, names
        self.tokens = [found for found in _TOKEN.finditer(text) if found.lastgroup]
        self.at = self.depth = 0
        if len(self.tokens) > MAX_PARTS:
            raise OptimizationError(
                f"The constraint {shown(text)} has {len(self.tokens)} parts, at most {MAX_PARTS} "
                "are read. Write it as several constraints; all of them must hold."
            )

    def whole(self) -> Evaluate:
        part = self.either()
        if self.at < len(self.tokens):
            raise self.unreadable()
        return self.truth(part).evaluate

    def either(self) -> _Part:
        return self.joined("or", self.both, any)

    def both(self) -> _Part:
        return self.joined("and", self.negated, all)

    def joined(
        self, word: str, inner: Callable[[], _Part], join: Callable[[list[bool]], bool]
    ) -> _Part:
        parts = [inner()]
        while self.took(word):
            parts.append(inner())
        if len(parts) == 1:
            return parts[0]
        each = [self.truth(part).evaluate for part in parts]
        return _Part(lambda values: join([_truth(one(values)) for one in each]), "truth")

    def negated(self) -> _Part:
        turns = 0
        while self.took("not"):
            turns += 1
        part = self.compared()
        if not turns:
            return part
        inner, wanted = self.truth(part).evaluate, turns % 2 == 0
        return _Part(lambda values: _truth(inner(values)) is wanted, "truth")

    def compared(self) -> _Part:
        parts, signs = [self.sum()], []
        while (sign := self.next_sign()) in _COMPARE:
            self.at += 1
            signs.append(_COMPARE[sign])
            parts.append(self.sum())
        if not signs:
            return parts[0]
        each = [part.evaluate for part in parts]

        def chain(values: Values) -> bool:
            found = [one(values) for one in each]
            return all(s(a, b) for s, a, b in zip(signs, found, found[1:], strict=False))

        return _Part(chain, "truth")

    def sum(self) -> _Part:
        return self.counted("+-", self.product)

    def product(self) -> _Part:
        return self.counted("*/", self.signed)

    def counted(self, signs: str, inner: Callable[[], _Part]) -> _Part:
        part = inner()
        while (sign := self.next_sign()) and sign in signs:
            self.at += 1
            part = self.arithmetic(_ARITHMETIC[sign], part, inner())
        return part

    def arithmetic(
        self, count: Callable[[float, float], float], left: _Part, right: _Part
    ) -> _Part:
        first, second = self.number(left).evaluate, self.number(right).evaluate

        def counted(values: Values) -> float:
            return count(_number(first(values)), _number(second(values)))

        return _Part(counted, "number")

    def signed(self) -> _Part:
        negative = False
        while (sign := self.next_sign()) in ("-", "+"):
            self.at += 1
            negative ^= sign == "-"
        part = self.single()
        if not negative:
            return part
        inner = self.number(part).evaluate
        return _Part(lambda values: -_number(inner(values)), "number")

    def single(self) -> _Part:
        if self.at >= len(self.tokens):
            raise OptimizationError(f"The constraint {self.text!r} cannot be read: it ends early.")
        token = self.tokens[self.at]
        self.at += 1
        if token["number"]:
            return _Part(_constant(self.finite(token["number"])), "number")
        if token["text"]:
            return _Part(_constant(token["text"][1:-1]), "text")
        word = token["word"]
        if word and word.casefold() in ("true", "false"):
            return _Part(_constant(word.casefold() == "true"), "truth")
        if word and word not in _WORDS:
            return self.parameter(word)
        if token["sign"] == "(":
            return self.inner()
        self.at -= 1
        raise self.unreadable()

    def inner(self) -> _Part:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise OptimizationError(
                f"The constraint {shown(self.text)} has more than {_MAX_DEPTH} parentheses inside "
                "each other. Leave out those that change nothing."
            )
        part = self.either()
        if not self.took(")"):
            raise OptimizationError(
                f"The constraint {self.text!r} cannot be read: a parenthesis is not closed."
                if self.at >= len(self.tokens)
                else str(self.unreadable())
            )
        self.depth -= 1
        return part

    def parameter(self, word: str) -> _Part:
        if word not in self.names:
            raise OptimizationError(
                f"The constraint {self.text!r} names '{cut(word)}', which is not searched, so "
                "it is not a parameter here. "
                f"{did_you_mean(word, self.names)}",
                name=word,
            )
        return _Part(lambda values: values[word], "name")

    def finite(self, written: str) -> float:
        if len(written) > _MAX_DIGITS or not math.isfinite(float(written)):
            raise OptimizationError(
                f"The constraint {shown(self.text)} has the number {cut(written)}, which is not "
                f"finite or has more than {_MAX_DIGITS} characters. Write a plain number."
            )
        return int(written) if written.isdigit() else float(written)

    def truth(self, part: _Part) -> _Part:
        if part.kind != "truth":
            raise OptimizationError(
                f"The constraint {self.text!r} compares nothing; write for example 'fast < slow'."
            )
        return part

    def number(self, part: _Part) -> _Part:
        if part.kind == "text":
            raise OptimizationError(
                f"The constraint {self.text!r} mixes texts and numbers: a text can only be "
                "compared."
            )
        if part.kind == "truth":
            raise OptimizationError(
                f"The constraint {self.text!r} counts with what is true or false. {_ALLOWED}"
            )
        return part

    def took(self, word: str) -> bool:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or token.group().strip() != word:
            return False
        self.at += 1
        return True

    def next_sign(self) -> str | None:
        return self.tokens[self.at]["sign"] if self.at < len(self.tokens) else None

    def unreadable(self) -> OptimizationError:
        token = self.tokens[self.at]
        part = token.group().strip()
        if part == "=":
            return OptimizationError(
                f"The constraint {self.text!r} has a single '='. Write '==' for equal."
            )
        place = token.end() - len(part) + 1
        return OptimizationError(
            f"The constraint {self.text!r} has {part!r} at character {place}, which is "
            f"not a parameter, a number or + - * / of them. {_ALLOWED}"
        )


def _constant(value: object) -> Evaluate:
    return lambda _: value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("not a number")
    return value
