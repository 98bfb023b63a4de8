"""Several scenarios in one file: `variants`, each with what it changes of the rest of the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trading_pipeline.errors import ConfigurationError, did_you_mean
from trading_pipeline.settings.file_limits import shown
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario

__all__ = ["KEY", "MOST_VARIANTS", "expanded"]

KEY = "variants"
MOST_VARIANTS = 100
"""Variants of one file."""
_LONGEST_NAME = 64
_NAME = re.compile(r"[a-z0-9_]+")
_SHORT = "params"
_WITH_KEYS_OF_THEIR_OWN = ("strategy", "params")
_EXAMPLE = "such as {quick: {params: {fast: 5}}, patient: {params: {fast: 20}}}"
Values = dict[str, Any]


def expanded(data: Mapping[str, Any], *, where: str) -> dict[str, Values]:
    """Values of the scenario of each variant, `<name>_<variant>`, by the variant's name.

    A variant may have every key of a scenario but `name` and `variants`; `params` stands for
    `strategy.params` (of `portfolio.strategy` where the portfolio has one). Its groups are laid
    over those of the file key by key, and so are the parameters of a strategy. Where a variant
    names another `type`, of a strategy or a sizing, the file's keys of that group do not count.
    Lists, weights and other values are replaced whole, and a group that is null is taken away.

    `where` names the file for errors. Raises `ConfigurationError` for variants that are no mapping
    or list, none or more than `MOST_VARIANTS`, a wrong name or one used twice, and an unknown key.
    """
    base = {key: value for key, value in data.items() if key != KEY}
    name = base.get("name")
    if name is None:
        raise ConfigurationError(f"{where}: The key 'name' is missing.", where=where)
    _check_name(name, f"{where}: 'name'", where)
    found = {}
    for variant, changes in _by_name(data[KEY], where).items():
        place = f"{where}: '{KEY}.{variant}'"
        if len(f"{name}_{variant}") > _LONGEST_NAME:
            raise ConfigurationError(
                f"{place}: the scenario's name '{name}_{variant}' has more than {_LONGEST_NAME} "
                "characters. Give the file or the variant a shorter name.",
                where=where,
            )
        found[variant] = _scenario(base, _checked(changes, place, where), place, where)
        found[variant]["name"] = f"{name}_{variant}"
    return found


def _by_name(given: object, where: str) -> dict[str, object]:
    """What each variant changes, by name, from the mapping or the list of a file."""
    if isinstance(given, Mapping):
        named = list(given.items())
    elif isinstance(given, list):
        named = [_from_list(number, each, where) for number, each in enumerate(given, start=1)]
    else:
        named = []
    if not named:
        raise ConfigurationError(
            f"{where}: '{KEY}' must give at least one variant by name, {_EXAMPLE}, or be a list "
            f"whose entries have a 'name'; was {shown(given)}. Leave the key out for one scenario.",
            where=where,
        )
    if len(named) > MOST_VARIANTS:
        raise ConfigurationError(
            f"{where}: '{KEY}' has {len(named)} entries, and a file has at most {MOST_VARIANTS}. "
            "Search many parameters by a study, or write several files.",
            where=where,
        )
    found: dict[str, object] = {}
    for name, changes in named:
        _check_name(name, f"{where}: '{KEY}': the variant's name", where)
        if name in found:
            raise ConfigurationError(
                f"{where}: '{KEY}' has the name '{name}' twice. Give each variant a name of its "
                "own.",
                where=where,
            )
        found[name] = changes
    return found


def _from_list(number: int, given: object, where: str) -> tuple[object, object]:
    if not isinstance(given, Mapping) or "name" not in given:
        raise ConfigurationError(
            f"{where}: entry {number} of '{KEY}' has no 'name', which names its scenario. Write it "
            f"such as {{name: quick, params: {{fast: 5}}}}; was {shown(given)}.",
            where=where,
        )
    return given["name"], {key: value for key, value in given.items() if key != "name"}


def _check_name(name: object, what: str, where: str) -> None:
    if isinstance(name, str) and _NAME.fullmatch(name) and len(name) <= _LONGEST_NAME:
        return
    quotes = "" if isinstance(name, str) else " (YAML reads it so; put the word in quotes)"
    raise ConfigurationError(
        f"{what} must be a word of a to z, 0 to 9 and _ with at most {_LONGEST_NAME} characters, "
        f"was {shown(name)}{quotes}.",
        where=where,
    )


def _checked(changes: object, place: str, where: str) -> Values:
    """The variant's changes; a variant without any is the file as it stands."""
    if changes is None:
        return {}
    if not isinstance(changes, Mapping):
        raise ConfigurationError(
            f"{place} must hold the keys that it changes, {_EXAMPLE}, was {shown(changes)}.",
            where=where,
        )
    known = [*(key for key in PortfolioScenario.model_fields if key != "name"), _SHORT]
    for key in changes:
        if key not in known:
            raise ConfigurationError(
                f"{place}: Unknown key {shown(key)}. {did_you_mean(str(key), known)} "
                "Parameters of the strategy stand under 'params'.",
                where=where,
            )
    return dict(changes)


def _scenario(base: Values, changes: Values, place: str, where: str) -> Values:
    values = dict(base)
    short = changes.pop(_SHORT, None)
    for key, value in changes.items():
        values[key] = _laid_over(values.get(key), value)
    if short is not None:
        _add_parameters(values, changes, short, place, where)
    return {key: value for key, value in values.items() if value is not None or key not in changes}


def _add_parameters(values: Values, changes: Values, params: Any, place: str, where: str) -> None:
    """Lay `params` over the parameters of the strategy that the variant trades."""
    if not isinstance(params, Mapping):
        raise ConfigurationError(
            f"{place}: '{_SHORT}' must hold parameters of the strategy, such as {{fast: 5}}, was "
            f"{shown(params)}.",
            where=where,
        )
    own = changes.get("strategy")
    if isinstance(own, Mapping) and _SHORT in own:
        raise ConfigurationError(
            f"{place} gives parameters twice, as 'params' and as 'strategy.params'. Keep one.",
            where=where,
        )
    more = {"params": params}
    portfolio = values.get("portfolio")
    if isinstance(portfolio, Mapping) and isinstance(portfolio.get("strategy"), Mapping):
        strategy = _laid_over(portfolio["strategy"], more)
        values["portfolio"] = {**portfolio, "strategy": strategy}
    else:
        values["strategy"] = _laid_over(values.get("strategy"), more)


def _laid_over(base: object, value: object) -> object:
    """A group over the file's: key by key, unless it is of another type."""
    if not isinstance(base, Mapping) or not isinstance(value, Mapping):
        return value
    if "type" in value and value["type"] != base.get("type"):
        return dict(value)
    return dict(base) | {
        key: _laid_over(base.get(key), inner) if key in _WITH_KEYS_OF_THEIR_OWN else inner
        for key, inner in value.items()
    }
