"""The random walk behind synthetic bars: sessions first, then the minutes within them.

Every draw belongs to a calendar day, so that a price depends on the seed, the symbol and the
calendar alone and not on the span that is asked for. The walk of sessions has two regimes,
clustered volatility (GARCH(1,1), Bollerslev 1986) and jumps; the minutes of a session are a
Brownian bridge from its open to its close, busier at both ends. Log prices; variances per session
unless a name says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.moments import DAY, MINUTE, Floats, Moments
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.market_data.schedule import SessionSchedule, session_schedule
from trading_pipeline.market_data.sources.synthetic.faults import parse_faults

__all__ = ["EPOCH", "MINUTE", "SessionWalk", "SyntheticSettings", "minute_bars", "session_walk"]

EPOCH = 7305 * DAY
"""1990-01-01: the walk starts here, and so does every synthetic series."""
_ALPHA, _BETA = 0.08, 0.90
_OVERNIGHT_SHARE = 0.25
_LEAVE = (0.005, 0.03)
_VOLATILITY = (0.85, 1.7)
_DRIFT = (1.6, -2.4)
"""Per regime, calm and stressed: chance to leave it in a session, multiples of volatility and
drift."""
_MINUTE_VOLUME = 2_000.0


@dataclass(frozen=True, kw_only=True)
class SyntheticSettings:
    """What the walk looks like; equal settings give equal bars.

    `annual_drift`, `annual_volatility`: of log prices, fractions. `jump_probability`: in a session.
    `jump_scale`: standard deviation of a jump, in log price. `missing_fraction`: share of bars that
    are left out, to practise on gaps. `faults`: what is planted, as `kind@moment`; see
    `synthetic.faults`.
    """

    seed: int = 7
    start_price: float = 100.0
    annual_drift: float = 0.06
    annual_volatility: float = 0.25
    jump_probability: float = 0.01
    jump_scale: float = 0.04
    missing_fraction: float = 0.0
    faults: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", tuple(self.faults))  # a list of a file is made hashable
        parse_faults(self.faults)
        for name, value, ok in (
            ("start_price", self.start_price, self.start_price > 0.0),
            ("annual_volatility", self.annual_volatility, self.annual_volatility > 0.0),
            ("jump_probability", self.jump_probability, 0.0 <= self.jump_probability <= 1.0),
            ("jump_scale", self.jump_scale, self.jump_scale >= 0.0),
            ("missing_fraction", self.missing_fraction, 0.0 <= self.missing_fraction < 1.0),
        ):
            if not ok:
                raise ConfigurationError(
                    f"The synthetic source's {name} is {value}. Prices and volatility are above 0, "
                    "fractions are from 0 to 1.",
                    name=name,
                    value=value,
                )

    def key(self, symbol: str, stream: str) -> int:
        """128-bit key of one stream of draws."""
        return int(canonical_hash(["synthetic", self.seed, symbol, stream])[:32], 16)


@dataclass(frozen=True, eq=False)
class SessionWalk:
    """Log open and log close of every session, and the volatility within it."""

    schedule: SessionSchedule
    log_open: Floats
    log_close: Floats
    volatility: Floats


@lru_cache(maxsize=32)
def session_walk(
    settings: SyntheticSettings, symbol: str, calendar: str, sessions_a_year: float, last_year: int
) -> SessionWalk:
    """The walk of all sessions from 1990 to the end of `last_year`; a later end only adds to it."""
    last = int(np.datetime64(f"{last_year}-12-31", "us").astype(np.int64))
    whole = session_schedule(calendar, EPOCH, last)
    chosen = (whole.labels >= EPOCH) & (whole.labels <= last)
    arrays = {name: each[chosen] for name, each in vars(whole).items() if name != "name"}
    schedule = SessionSchedule(whole.name, **arrays)
    days = (schedule.labels - EPOCH) // DAY
    count = int(days[-1]) + 1 if len(days) else 0

    def draws(stream: str) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=settings.key(symbol, stream)))

    shock = draws("shock").standard_normal(count)[days]
    gap_shock = draws("gap").standard_normal(count)[days]
    regime = draws("regime").random(count)[days]
    jumps = draws("jump").standard_normal(count)[days] * settings.jump_scale
    jumps *= draws("jump_day").random(count)[days] < settings.jump_probability
    gaps = np.append(True, schedule.opens[1:] > schedule.closes[:-1])
    gap_share = np.where(gaps, _OVERNIGHT_SHARE, 0.0)

    volatility, drift = _clustered(shock, regime)
    volatility *= settings.annual_volatility / sessions_a_year**0.5
    drift = drift * settings.annual_drift / sessions_a_year
    overnight = volatility * np.sqrt(gap_share) * gap_shock + np.where(gaps, jumps, 0.0)
    within = volatility * np.sqrt(1.0 - gap_share) * shock + drift + np.where(gaps, 0.0, jumps)
    if len(overnight):
        overnight[0] = 0.0
    log_close = np.log(settings.start_price) + np.cumsum(overnight + within)
    return SessionWalk(
        schedule, log_close - within, log_close, volatility * np.sqrt(1.0 - gap_share)
    )


def _clustered(shock: Floats, regime: Floats) -> tuple[Floats, Floats]:
    """Volatility around 1 and drift multiple of each session, by regime and GARCH(1,1)."""
    volatility, drift = np.empty(len(shock)), np.empty(len(shock))
    state, variance = 0, 1.0
    for position, (z, chance) in enumerate(zip(shock.tolist(), regime.tolist(), strict=True)):
        if chance < _LEAVE[state]:
            state = 1 - state
        volatility[position] = variance**0.5 * _VOLATILITY[state]
        drift[position] = _DRIFT[state]
        variance = (1.0 - _ALPHA - _BETA) + (_ALPHA * z * z + _BETA) * variance
    return volatility, drift


def minute_bars(
    walk: SessionWalk, settings: SyntheticSettings, symbol: str, first: int, last: int
) -> pd.DataFrame:
    """One-minute bars of the sessions `first <= position < last` of the walk.

    Columns moment, session, segment_open (int64 microseconds), open, high, low, close, volume;
    prices have four decimals. Each session's draws are its own.
    """
    none = np.empty(0, dtype=np.int64)
    moments, anchors, counts, paths = [none], [none], [], [np.empty((5, 0))]
    for position in range(first, last):
        stamps, opens = _minutes_of(walk.schedule, position)
        moments.append(stamps)
        anchors.append(opens)
        counts.append(len(stamps))
        key = settings.key(symbol, "minutes")
        paths.append(_session_prices(walk, key, position, len(stamps)))
    prices = dict(zip(BAR_COLUMNS, np.concatenate(paths, axis=1), strict=True))
    return pd.DataFrame(
        {
            "moment": np.concatenate(moments),
            "session": np.repeat(walk.schedule.labels[first:last], counts),
            "segment_open": np.concatenate(anchors),
            **prices,
        }
    )


def _minutes_of(schedule: SessionSchedule, position: int) -> tuple[Moments, Moments]:
    begin, end = int(schedule.opens[position]), int(schedule.closes[position])
    pause, resume = int(schedule.break_starts[position]), int(schedule.break_ends[position])
    spans = [(begin, end)] if pause < 0 else [(begin, pause), (resume, end)]
    stamps = [np.arange(start, stop, MINUTE, dtype=np.int64) for start, stop in spans]
    anchors = [
        np.full(len(part), start, dtype=np.int64)
        for part, (start, _) in zip(stamps, spans, strict=True)
    ]
    return np.concatenate(stamps), np.concatenate(anchors)


def _session_prices(walk: SessionWalk, key: int, position: int, size: int) -> Floats:
    day = int((walk.schedule.labels[position] - EPOCH) // DAY)
    random = np.random.Generator(np.random.Philox(key=key, counter=day << 192))
    normal = random.standard_normal((2, size))
    reach = random.standard_exponential((2, size))
    weight, passed = _shape(size)
    noise = np.cumsum(np.sqrt(weight) * normal[0])
    bridge = noise - noise[-1] * passed
    begin, end = walk.log_open[position], walk.log_close[position]
    path = begin + (end - begin) * passed + walk.volatility[position] * bridge
    path[-1] = end
    before = np.append(begin, path[:-1])
    step = 0.4 * walk.volatility[position] * np.sqrt(weight)
    log_prices = np.stack(
        [
            before,
            np.maximum(before, path) + step * reach[0],
            np.minimum(before, path) - step * reach[1],
            path,
        ]
    )
    prices = np.maximum(np.round(np.exp(log_prices), 4), 0.0001)
    level = _MINUTE_VOLUME * weight * size * (walk.volatility[position] / 0.0125) ** 0.5
    volume = np.maximum(np.round(level * np.exp(0.6 * normal[1])), 1.0)
    return np.vstack([prices, volume])


@lru_cache(maxsize=64)
def _shape(size: int) -> tuple[Floats, Floats]:
    """Share of a session's variance in each minute (a U), and its running sum, which ends at 1."""
    place = np.linspace(-1.0, 1.0, size) if size > 1 else np.zeros(1)
    weight = 0.6 + 1.2 * place**2
    weight /= weight.sum()
    passed = np.cumsum(weight)
    return weight, passed / passed[-1]
