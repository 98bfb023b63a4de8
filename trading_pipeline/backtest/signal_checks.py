"""The checks that signals fit the bars that they are traded on: rows, stamps, levels."""

from __future__ import annotations

from typing import Any

import numpy as np

from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.bars import utc_index
from trading_pipeline.domain.signals import Price, Signals
from trading_pipeline.errors import ConfigurationError, DataQualityError, StrategyError
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["check_levels", "check_rows", "settings_or_default"]


def settings_or_default(settings: BacktestSettings | None) -> BacktestSettings:
    """The settings, or all defaults for None; `ConfigurationError` for anything else."""
    if settings is None:
        return BacktestSettings()
    if not isinstance(settings, BacktestSettings):
        raise ConfigurationError(
            f"The settings are a {type(settings).__name__}; give BacktestSettings(...), or None "
            "for the defaults.",
            found=type(settings).__name__,
        )
    return settings


def check_rows(bars: ValidatedBars, signals: Signals) -> None:
    """Raise `StrategyError` unless there is one row for each bar, and for stamps that are not the
    bars'.
    """
    if not isinstance(signals, Signals):
        raise StrategyError(
            f"The signals are a {type(signals).__name__}; give Signals(...), one row a bar.",
            found=type(signals).__name__,
        )
    n = bars.close.shape[0]
    if signals.entry_long.shape[0] != n:
        raise StrategyError(
            f"The signals have {len(signals)} rows and the bars {n}; a strategy gives one row for "
            "each bar that it is traded on. Cut both to the same dates.",
            rows=len(signals),
            expected=n,
        )
    if signals.index is not None:
        _check_stamps(bars, signals)


def _check_stamps(bars: ValidatedBars, signals: Signals) -> None:
    index: Any = signals.index
    try:
        stamps = utc_index(index).asi8
    except DataQualityError as error:
        raise StrategyError(f"The index of the signals cannot be used. {error}") from error
    wrong = stamps != bars.ts
    if wrong.any():
        row = int(np.argmax(wrong))
        raise StrategyError(
            f"Row {row} of the signals has the stamp {index[row]} and bar {row} is "
            f"{bars.index[row]}; a decision belongs to the bar at whose close it was made. Reindex "
            "the signals to the bars and say what a missing one means.",
            row=row,
            ts=index[row],
            expected=bars.index[row],
        )


def check_levels(bars: ValidatedBars, signals: Signals) -> None:
    """Raise `StrategyError` for an entry whose stop or target, as a price, is on the wrong side.

    A long entry's stop lies below the close of the deciding bar and its target above; a short
    entry's the other way round. An entry by limit or stop order is measured from its own price. A
    trailing stop that keeps a distance of the whole price or more can never be reached by a long.
    """
    trail = signals.trailing_stop
    if isinstance(trail, Price):
        entries = signals.entry_long & ~(signals.exit_long | signals.entry_short)
        far = entries & (trail.values >= bars.close)
        if far.any():
            row = int(np.argmax(far))
            value = float(trail.values[row if len(trail) > 1 else 0])
            raise StrategyError(
                f"Bar {row} ({bars.index[row]}) enters long with a trailing_stop that keeps a "
                f"distance of {value} from a price of {float(bars.close[row])}, so it can never be "
                "reached. A Price trail is a distance, not a level; give a smaller one, or a "
                "Fraction.",
                field="trailing_stop",
                row=row,
                value=value,
            )
    names: tuple[tuple[str, int], ...] = (("stop_loss", -1), ("take_profit", 1))
    for name, sign in names:
        level = getattr(signals, name)
        if not isinstance(level, Price):
            continue
        for entries, others, word, side in (
            (signals.entry_long, signals.exit_long | signals.entry_short, "long", 1),
            (signals.entry_short, signals.exit_short | signals.entry_long, "short", -1),
        ):
            base = bars.close
            for order in (signals.stop_price, signals.limit_price):
                if isinstance(order, Price):
                    base = np.where(np.isnan(order.values), base, order.values)
                elif order is not None:
                    away = 1 if order is signals.stop_price else -1
                    base = np.where(
                        np.isnan(order.values), base, base * (1 + side * away * order.values)
                    )
            wrong = entries & ~others & (side * sign * (level.values - base) <= 0)
            if wrong.any():
                row = int(np.argmax(wrong))
                value = float(level.values[row if len(level) > 1 else 0])
                below = "below" if side * sign < 0 else "above"
                raise StrategyError(
                    f"Bar {row} ({bars.index[row]}) enters {word} with a {name} of {value} at a "
                    f"price of {float(base[row])}; it must lie {below} that price. Correct the "
                    "strategy, or give Fraction levels, which cannot be on the wrong side.",
                    field=name,
                    row=row,
                    value=value,
                )
