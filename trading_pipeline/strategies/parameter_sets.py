"""Many parameter sets of a strategy, checked together and kept as columns.

A sweep has thousands of sets of few distinct values. Each distinct value is checked once by the
parameters' class; what is left for each set are the comparisons of parameters with each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from operator import itemgetter
from typing import Any, Generic, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt, Le, Lt
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from trading_pipeline.domain.signals import FloatArray
from trading_pipeline.strategies.base import StrategyParams

__all__ = ["ParameterSets", "values_of", "whole_numbers_of"]

IntArray: TypeAlias = npt.NDArray[np.int64]
ParamsT = TypeVar("ParamsT", bound=StrategyParams)
_Columns: TypeAlias = Mapping[str, Sequence[Any]]
_PLAIN = frozenset({int, float, str, bool, type(None)})
_SHARED: Any = StrategyParams.__pydantic_decorators__.model_validators
_ANY_NUMBER, _IN_ORDER = _SHARED["_only_plain_numbers"], _SHARED["_in_order"]


class ParameterSets(Sequence[ParamsT], Generic[ParamsT]):
    """Checked sets in order; the object of a set is made when it is asked for.

    `columns`: by parameter its values, one a set.

    >>> from trading_pipeline.strategies.trend import SmaCrossoverParams
    >>> sets = ParameterSets.checked(SmaCrossoverParams, [{"fast": 5}, {"fast": 7}])
    >>> sets.columns["fast"], sets[1].fast, len(sets.take([1]))
    ([5, 7], 7, 1)
    """

    def __init__(self, columns: _Columns, count: int, made: Callable[[int], ParamsT]) -> None:
        self.columns, self._count, self._make = columns, count, made
        self._made: dict[int, ParamsT] = {}
        self._arrays: dict[str, npt.NDArray[Any]] = {}

    @classmethod
    def of(cls, kind: type[ParamsT], sets: Sequence[ParamsT]) -> ParameterSets[ParamsT]:
        """Sets that are checked already."""
        given = [vars(each) for each in sets]
        columns = {name: [each[name] for each in given] for name in kind.model_fields}
        return cls(columns, len(sets), sets.__getitem__)

    @classmethod
    def checked(
        cls, kind: type[ParamsT], given: Sequence[Mapping[str, object]]
    ) -> ParameterSets[ParamsT] | None:
        """The sets, defaults filled in; None where one is wrong, or has a value of another kind."""
        try:
            columns = _plain_columns(given) if _checks_by_value(kind) else None
            if columns is None:
                return cls.of(kind, _adapter(kind).validate_python(given))
            return cls._by_value(kind, columns)
        except Exception:  # the caller checks one by one, which says which is wrong and why
            return None

    @classmethod
    def _by_value(cls, kind: type[ParamsT], plain: _Columns) -> ParameterSets[ParamsT]:
        """As `checked`, by the sets that hold the values which tell of all others."""
        count, first = len(next(iter(plain.values()))), dict[str, dict[Any, int]]()
        columns = {name: plain.get(name, ()) for name in kind.model_fields}
        sets = cls(columns, count, lambda number: kind.model_validate(_set(plain, number)))
        places = {0: None}
        for name, column in plain.items():
            if _is_interval(kind.model_fields[name], column[0]):
                array = sets.array(name)  # where the ends are right, all between them are
                places |= {int(array.argmin()): None, int(array.argmax()): None}
            else:
                first[name] = dict(zip(column, range(count), strict=True))
                places |= dict.fromkeys(first[name].values())
        some = [_set(plain, place) for place in places]
        checked = dict(zip(places, _adapter(kind).validate_python(some), strict=True))
        for name in kind.model_fields:
            if name not in plain:
                columns[name] = [getattr(checked[0], name)] * count
            elif name in first:
                became = {old: getattr(checked[at], name) for old, at in first[name].items()}
                if not all(type(old) is type(new) and old == new for old, new in became.items()):
                    columns[name] = list(map(became.__getitem__, plain[name]))
        sets._compare(kind, checked[0], tuple(plain))
        return sets

    def _compare(self, kind: type[ParamsT], example: ParamsT, names: tuple[str, ...]) -> None:
        """Compare the parameters `names` with each other and the rest; raises for a wrong set."""
        for each in kind.ascending:
            if not each.holds([self.array(name) for name in each.names]):
                raise ValueError(each.otherwise)
        validators = kind.__pydantic_decorators__.model_validators
        checks = [each.func for each in validators.values() if each.info.mode == "after"]
        checks.remove(_IN_ORDER.func)
        if not checks:
            return
        shown = example.model_copy()
        values = vars(shown)
        for row in zip(*(self.columns[name] for name in names), strict=True):
            values.update(zip(names, row, strict=True))
            for check in checks:
                check(shown)

    def array(self, name: str) -> npt.NDArray[Any]:
        """A parameter of each set as an array of numbers."""
        if name not in self._arrays:
            self._arrays[name] = np.array(self.columns[name])
        return self._arrays[name]

    def __len__(self) -> int:
        """Number of sets."""
        return self._count

    @overload
    def __getitem__(self, number: int) -> ParamsT: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[ParamsT]: ...

    def __getitem__(self, number: int | slice) -> ParamsT | Sequence[ParamsT]:
        """The object of a set, or a list of them."""
        places = range(self._count)[number]
        if not isinstance(places, int):
            return [self[place] for place in places]
        if places not in self._made:
            self._made[places] = self._make(places)
        return self._made[places]

    def take(self, numbers: Iterable[int]) -> ParameterSets[ParamsT]:
        """The sets of these numbers."""
        chosen = list(numbers)
        if chosen == list(range(self._count)):
            return self
        columns = {
            name: list(map(column.__getitem__, chosen)) for name, column in self.columns.items()
        }
        return ParameterSets(columns, len(chosen), lambda number: self[chosen[number]])

    @cached_property
    def stored(self) -> _Columns | None:
        """The columns of `model_dump(mode="json")`; None where only the sets themselves can tell.

        Those are sets with a value that is not plain, with a serializer of their own, or of which
        some leave out a parameter that came later.
        """
        kinds = {kind for column in self.columns.values() for kind in set(map(type, column))}
        if not self._count or not self.columns or not kinds <= _PLAIN:
            return None
        kind = type(self[0])
        if not _stores_values(kind):
            return None
        columns = dict(self.columns)
        for name in kind.added_later & columns.keys():
            usual = kind.model_fields[name].default
            same = columns[name].count(usual)
            if same == self._count:
                del columns[name]
            elif same:
                return None
        return columns


def _set(columns: _Columns, number: int) -> dict[str, Any]:
    return {name: column[number] for name, column in columns.items()}


def _is_interval(field: FieldInfo, value: object) -> bool:
    """True where a parameter takes all numbers of the value's type between two that it takes."""
    ends = (Ge, Gt, Le, Lt)
    is_plain = field.annotation in (int, float) and field.annotation is type(value)
    return is_plain and all(isinstance(each, ends) for each in field.metadata)


def _plain_columns(given: Sequence[Mapping[str, object]]) -> dict[str, list[Any]] | None:
    """Plain values by key; None where sets differ in their keys, or a key in its types."""
    names = list(given[0]) if given else []
    if not names or set(map(type, given)) != {dict} or set(map(len, given)) != {len(names)}:
        return None
    columns = {}
    for name in names:
        try:
            columns[name] = list(map(itemgetter(name), given))
        except KeyError:
            return None
        kinds = set(map(type, columns[name]))
        if not kinds <= _PLAIN or len(kinds - {type(None)}) > 1:
            return None  # 1, 1.0 and True are equal, and a parameter may take one of them alone
    return columns


@cache
def _adapter(kind: type[ParamsT]) -> TypeAdapter[list[ParamsT]]:
    return TypeAdapter(list[kind])  # type: ignore[valid-type]


@cache
def _checks_by_value(kind: type[StrategyParams]) -> bool:
    """True where a value is right or wrong by itself, but for comparisons of the whole set.

    Those are validators of the mode `after`: parameters are frozen, so they only look.
    """
    found = kind.__pydantic_decorators__
    validators: Any = found.model_validators.values()
    before = [each.func.__func__ for each in validators if each.info.mode != "after"]
    return not (
        found.validators
        or found.field_validators
        or found.root_validators
        or kind.__private_attributes__
        or kind.__pydantic_post_init__
        or any(each.alias or each.default_factory for each in kind.model_fields.values())
        or before != [_ANY_NUMBER.func.__func__]
        or "'with-info'" in str(kind.__pydantic_core_schema__)  # a check that sees other values
    )


@cache
def _stores_values(kind: type[StrategyParams]) -> bool:
    """True where plain values are stored as they are, but for parameters that came later."""
    return str(kind.__pydantic_core_schema__).count("'serialization'") == 1


def values_of(many: Sequence[object], name: str) -> FloatArray:
    """A parameter of each set, as numbers."""
    return _array(many, name).astype(np.float64)


def whole_numbers_of(many: Sequence[object], *names: str) -> IntArray:
    """Parameters of each set as whole numbers: first one of all sets, then the next one."""
    return np.concatenate([_array(many, name) for name in names]).astype(np.int64, copy=False)


def _array(many: Sequence[object], name: str) -> npt.NDArray[Any]:
    if isinstance(many, ParameterSets):
        return many.array(name)
    return np.array([getattr(each, name) for each in many])
