"""How `doctor` asks each provider of market data: all at once, and with a deadline."""

from __future__ import annotations

import importlib
import queue
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import PipelineSettings

__all__ = ["Finding", "State", "examine_providers"]

_TIMEOUT_SECONDS = 4.0
_DEADLINE_SECONDS = 10.0
_CLIENTS = {
    "yahoo": ("yfinance", "yfinance"),
    "ccxt": ("ccxt", "ccxt"),
    "alpaca": ("alpaca-py", "alpaca.data.historical"),
}


State = Literal["ok", "unreachable", "wrong"]
"""`unreachable`: a provider that was asked and did not answer, or refused."""


@dataclass(frozen=True)
class Finding:
    """One check: its state, and what was found or what to do.

    `needed`: where it is not well, nothing can be relied on, and `doctor` ends with 1.
    """

    check: str
    state: State
    detail: str
    needed: bool = True

    @property
    def ok(self) -> bool:
        """True where it is well."""
        return self.state == "ok"


def examine_providers(
    settings: PipelineSettings,
    *,
    offline: bool = False,
    deadline_seconds: float = _DEADLINE_SECONDS,
) -> list[Finding]:
    """A finding a provider: installed, keys, and whether it answers, with the reason if not.

    One that no instrument uses is not needed. All are asked at once; one that has not answered by
    the deadline is told so.
    """
    from trading_pipeline.market_data.sources.registry import network_source_names

    used = _used(settings)
    probes: dict[str, Callable[[], str]] = {}
    states: dict[str, str] = {}
    findings: dict[str, Finding] = {}
    for name in network_source_names():
        exchanges: list[str | None] = list(sorted(used.get(name, set())) if name == "ccxt" else [])
        for exchange in exchanges or [None]:
            check = f"source {name}" + (f" {exchange}" if exchange else "")
            try:
                states[check], probes[check] = _prepared(name, exchange, settings)
            except (TradingPipelineError, ImportError) as error:
                findings[check] = _finding(check, name in used, "wrong", str(error))
    answers = {} if offline else _ask_all(probes, deadline_seconds)
    for check in probes:
        name = check.split()[1]
        if offline:
            findings[check] = Finding(check, "ok", f"{states[check]}; not asked")
            continue
        answered, detail = answers[check]
        state: State = "ok" if answered else "unreachable"
        findings[check] = _finding(check, name in used, state, f"{states[check]}; {detail}")
    return [findings[check] for check in sorted(findings)]


def _used(settings: PipelineSettings) -> dict[str, set[str]]:
    """Sources that instruments name, each with the exchanges."""
    found: dict[str, set[str]] = {}
    try:
        instruments = load_catalog(settings.config, leave_out=True).instruments
    except TradingPipelineError:
        return found  # the check of the catalog says so
    for instrument in instruments.values():
        exchanges = found.setdefault(instrument.source, set())
        if instrument.exchange:
            exchanges.add(instrument.exchange)
    return found


def _prepared(
    name: str, exchange: str | None, settings: PipelineSettings
) -> tuple[str, Callable[[], str]]:
    """What can be told without a request, and the request."""
    from trading_pipeline.market_data.sources.registry import network_source

    package, module = _CLIENTS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a client's own imports warn of is not the user's
        importlib.import_module(module)  # takes seconds, which are not the provider's
    short = settings.model_copy(
        update={
            "source_timeout_seconds": min(_TIMEOUT_SECONDS, settings.source_timeout_seconds),
            "source_attempts": 1,
        }
    )
    source = network_source(name, short)
    state = f"{package} {metadata.version(package)}, {source.key_state()}"
    return state, lambda: source.probe(exchange)


def _ask_all(
    probes: dict[str, Callable[[], str]], deadline_seconds: float
) -> dict[str, tuple[bool, str]]:
    done: queue.Queue[tuple[str, bool, str]] = queue.Queue()

    def ask(check: str, probe: Callable[[], str]) -> None:
        try:
            done.put((check, True, probe()))
        except TradingPipelineError as error:
            done.put((check, False, str(error)))
        except Exception as error:  # a broken client must not leave its line out
            done.put((check, False, f"{type(error).__name__}: {error}"))

    for check, probe in probes.items():
        threading.Thread(target=ask, args=(check, probe), daemon=True).start()
    answers: dict[str, tuple[bool, str]] = {}
    ends = time.monotonic() + deadline_seconds
    while len(answers) < len(probes):
        try:
            check, ok, detail = done.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            break
        answers[check] = (ok, detail)
    late = (False, f"no answer within {deadline_seconds:g} s")
    return {check: answers.get(check, late) for check in probes}


def _finding(check: str, used: bool, state: State, detail: str) -> Finding:
    if state != "ok" and not used:
        detail += " (no instrument uses it)"
    return Finding(check, state, detail, needed=used)
