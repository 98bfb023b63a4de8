"""What two scenarios say differently, key by key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trading_pipeline.settings.scenario import ScenarioSpec

__all__ = ["differing_settings"]

_UNSET = "not set"


def differing_settings(then: ScenarioSpec, now: ScenarioSpec) -> dict[str, tuple[str, str]]:
    """Keys that two scenarios have differently, such as `costs.commission_bps`, and both values.

    A key at its default counts like one that is left out. Of costs that the environment gave, the
    value says so.
    """
    first, second = (
        _flat(each.model_dump(mode="json")) | _by_default(each) for each in (then, now)
    )
    return {
        key: (_told(first.get(key, _UNSET)), _told(second.get(key, _UNSET)))
        for key in dict.fromkeys([*first, *second])
        if first.get(key, _UNSET) != second.get(key, _UNSET)
    }


def _by_default(scenario: ScenarioSpec) -> dict[str, str]:
    return {
        f"costs.{name}": f"{value:g}, the environment's TRADING_PIPELINE_DEFAULT_{name.upper()}"
        for name, value in scenario.default_costs.items()
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
