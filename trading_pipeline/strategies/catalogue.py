"""This file holds the strategies by name, the check of their parameters, and the hash of their code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from trading_pipeline.code_identity import code_hash
from trading_pipeline.errors import StrategyError, did_you_mean
from trading_pipeline.settings.spec_model import explain_validation_error
from trading_pipeline.strategies.base import Strategy, StrategyParams
from trading_pipeline.strategies.buy_and_hold import BuyAndHold
from trading_pipeline.strategies.ml.direction import MlDirection
from trading_pipeline.strategies.trend.sma_crossover import SmaCrossover

__all__ = ["strategy", "strategy_code_hash", "strategy_names", "validate_params"]

_STRATEGIES: dict[str, Strategy[Any]] = {
    each.name: each for each in (BuyAndHold(), MlDirection(), SmaCrossover())
}


def strategy_names() -> tuple[str, ...]:
    """Names of all strategies, sorted.

    >>> strategy_names()
    ('buy_and_hold', 'ml_direction', 'sma_crossover')
    """
    return tuple(sorted(_STRATEGIES))


def strategy(name: str) -> Strategy[Any]:
    """The strategy of that name; `StrategyError` offers the closest names.

    >>> strategy("sma_crossover").warmup_bars(validate_params("sma_crossover", {"slow": 50}))
    50
    """
    if name not in _STRATEGIES:
        raise StrategyError(
            f"There is no strategy '{name}'. {did_you_mean(name, _STRATEGIES)}", name=name
        )
    return _STRATEGIES[name]


def validate_params(name: str, params: Mapping[str, Any]) -> StrategyParams:
    """Parameters of the strategy `name`, defaults filled in.

    numpy numbers count as Python's. Raises `StrategyError` that names each unknown key with the
    closest known one, each wrong type or value, and what was expected.

    >>> validate_params("sma_crossover", {"fast": 5})
    SmaCrossoverParams(fast=5, slow=30, direction='long_only')
    """
    chosen = strategy(name)
    plain = {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in params.items()
    }
    try:
        checked: StrategyParams = chosen.params_type.model_validate(plain)
    except ValidationError as error:
        raise StrategyError(
            f"The parameters of the strategy '{name}' are wrong. "
            f"{explain_validation_error(error, chosen.params_type)}",
            name=name,
            params=plain,
        ) from error
    return checked


def strategy_code_hash(name: str) -> str:
    """Hash of the strategy's class and of all code that it reaches."""
    return code_hash(strategy(name))
