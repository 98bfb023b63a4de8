"""A new strategy of the user's own, as a commented file that runs."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.strategies.catalogue import StrategyCatalogue

__all__ = ["write_new_strategy"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_IMPORTED = frozenset(
    {"Annotated", "BarByBarStrategy", "Field", "Fraction", "Signal", "SignalType", "Signals"}
    | {"Strategy", "StrategyParams"}
)
"""Names that the written files import, which their class must not have."""
_TEXT = '''\
"""{name}: a strategy of your own. Change the rule in `signals`; nothing has to be registered."""

from typing import Annotated

from pydantic import Field

from trading_pipeline import Signals
from trading_pipeline.strategies import Strategy, StrategyParams


class {kind}Params(StrategyParams):
    """Parameters: each has a type, bounds and a default; a scenario may set them."""

    window: Annotated[int, Field(ge=2, le=500)] = 20
    """Bars of the average that the close is compared with."""


class {kind}(Strategy[{kind}Params]):
    """Buy where the close rises above its average; sell where it falls below."""

    def signals(self, market, params):
        # market.bars: open, high, low, close and volume, one row a bar, adjusted for splits and
        # dividends. Row t of what you return may use rows up to t only: an audit checks it.
        close = market.bars["close"]
        average = close.rolling(params.window).mean()
        above = close > average
        was_above = above.shift(1, fill_value=False)
        # The order of a signal fills at the open of the next bar.
        entry = above & ~was_above & average.shift(1).notna()
        leave = ~above & was_above
        # A stop of 5 % below the fill: stop_loss=Fraction(0.05), with
        # from trading_pipeline.domain.signals import Fraction
        return Signals.long_only(entry.to_numpy(), leave.to_numpy())

    def warmup_bars(self, params):
        # Bars before the first that can have a signal; shown to people, changes nothing.
        return params.window
'''

_BAR_BY_BAR_TEXT = '''\
"""{name}: a strategy of your own. Change the rule in `on_bar`; nothing has to be registered."""

from typing import Annotated

from pydantic import Field

from trading_pipeline import BarByBarStrategy, Signal, SignalType
from trading_pipeline.domain.signals import Fraction
from trading_pipeline.strategies import StrategyParams


class {kind}Params(StrategyParams):
    """Parameters: each has a type, bounds and a default; a scenario may set them."""

    window: Annotated[int, Field(ge=2, le=500)] = 20
    """Bars of the average that the close is compared with."""


class {kind}(BarByBarStrategy[{kind}Params]):
    """Buy where the close rises above its average; sell where it falls below."""

    # With "long_short", SELL opens a short position; with "long_only" it closes the long one.
    direction = "long_only"

    def on_start(self):
        # What a run remembers from bar to bar. It is forgotten at the end of the run.
        self.was_above = None

    def on_bar(self, history):
        # history.open, .high, .low, .close and .volume end with the bar that you decide on, at its
        # close. Later bars are not there. len(history) is the number of bars so far.
        window = self.params.window
        if len(history) < window:
            return Signal(SignalType.HOLD)
        average = history.close[-window:].mean()
        is_above = bool(history.close[-1] > average)
        was_above, self.was_above = self.was_above, is_above
        # The order of a signal fills at the open of the next bar.
        if is_above and was_above is False:
            return Signal(
                SignalType.BUY,
                stop_loss=Fraction(0.1),  # 10 % below the fill; a number would be a price
                metadata={{"average": round(float(average), 2)}},
            )
        if was_above and not is_above:
            return Signal(SignalType.SELL)
        return Signal(SignalType.HOLD)

    def warmup_bars(self, params):
        # Bars before the first that can have a signal; shown to people, changes nothing.
        return params.window
'''


def write_new_strategy(
    folder: Path, name: str, known: StrategyCatalogue, *, bar_by_bar: bool = False
) -> Path:
    """Write `<name>.py` into the folder of the user's strategies, and give its path.

    The file holds a small strategy with comments, which can be traded as it is: one that computes
    all bars at once, or with `bar_by_bar` one that decides bar by bar. Raises
    `ConfigurationError` for a name that a strategy cannot have, that one has already, that Python
    or an installed module has, or whose file is there.
    """
    path = folder / f"{name}.py"
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"A strategy cannot be called {name!r}. A name has 1 to 64 small letters, digits and "
            "underscores, and begins with a letter, such as my_breakout.",
            name=name,
        )
    kind = "".join(part.capitalize() for part in name.split("_"))
    taken = _taken_by_python(name, kind)
    if taken:
        raise ConfigurationError(
            f"A strategy cannot be called {name!r}: {taken}. Choose another name, such as "
            f"my_{name}.",
            name=name,
        )
    if path.exists():
        raise ConfigurationError(
            f"{path} is there already and was not changed. Choose another name, or delete it.",
            name=name,
            path=str(path),
        )
    if name in known.names():
        place, _ = known.code_place(name)
        raise ConfigurationError(
            f"There is a strategy {name!r} already, in {place}. Choose another name.", name=name
        )
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write((_BAR_BY_BAR_TEXT if bar_by_bar else _TEXT).format(name=name, kind=kind))
    return path


def _taken_by_python(name: str, kind: str) -> str:
    """What else has the name of the strategy or of its class; empty where nothing has it."""
    if iskeyword(name):
        return "Python has a keyword of that name"
    if iskeyword(kind) or kind in _IMPORTED:
        return f"its class would be called {kind}, which the file needs for something else"
    if name in sys.stdlib_module_names:
        return f"Python has a module of that name, which {name}.py would hide"
    spec = find_spec(name)
    if spec is not None and spec.origin is not None:
        return f"an installed module has that name, which {name}.py would hide"
    return ""
