"""From the older form of scenario files to today's keys, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trading_pipeline.domain.instrument import instrument_id
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.file_limits import shown
from trading_pipeline.settings.scenario_files.older_form import (
    OlderBreakoutParams,
    OlderMlParams,
    OlderScenario,
    model_name,
    scenario_name,
)

__all__ = ["ReadOlder", "read_older"]

_PARAMS = "strategy.params"
_ML_KEYS = {
    "min_predicted_return": "min_predicted_return",
    "confidence_threshold": "confidence_threshold",
    "prediction_window": "horizon",
}
_BREAKOUT_KEYS = {"lookback": "window", "risk_reward": "reward"}


@dataclass(frozen=True, kw_only=True)
class ReadOlder:
    """The values in today's keys, and a line for each key that was mapped.

    `model_files`: one line of YAML by name of a model, whose spec takes the place of a fitted file.
    """

    values: dict[str, Any]
    mapped: tuple[str, ...]
    model_files: dict[str, str]


def read_older(data: Mapping[str, Any], *, where: str) -> ReadOlder:
    """Values of a file of the older form, in the keys that scenarios have.

    The size of an entry is `max_position_size` of the equity, or what loses `risk_per_trade` of it
    at the stop, or the smaller of both. `where` names the file. Raises `ConfigurationError` that
    names each wrong or unknown key of the older form and what is allowed.
    """
    where = f"{where} (older form of scenario files)"
    older, made = _whole_file(data, where), _Made()
    made.set("name", scenario_name(older.name), "name", older.name)
    if older.description:
        made.say("description", older.description, "nothing: it changes no result and is left out")
    params_at, model_files = f"{where}: '{_PARAMS}'", {}
    params: OlderMlParams | OlderBreakoutParams
    if older.strategy.type == "MLPredictiveStrategy":
        params = OlderMlParams.parse(older.strategy.params, where=params_at)
        model = model_name(params.model_path)
        model_files[model] = _model_file(model, params.prediction_window)
        made.set("strategy.type", "ml_predictive", "strategy.type", older.strategy.type)
        beside = f" (a fitted file is not read: the spec models/{model}.yaml takes its place)"
        made.set(f"{_PARAMS}.model", model, f"{_PARAMS}.model_path", params.model_path, beside)
        made.copy(params, _PARAMS, _PARAMS, _ML_KEYS)
    else:
        params = OlderBreakoutParams.parse(older.strategy.params, where=params_at)
        made.set("strategy.type", "range_scalper", "strategy.type", older.strategy.type)
        made.copy(params, _PARAMS, _PARAMS, _BREAKOUT_KEYS)
    listed = instrument_id(older.market.symbol, older.market.timeframe)
    given = f"{older.market.symbol}, {older.market.timeframe}"
    made.values["instruments"] = [listed]
    made.say("market.symbol and market.timeframe", given, f"instruments {listed}")
    made.copy(older.market, "market", "dates", {"start_date": "start", "end_date": "end"})
    made.copy(older.capital, "capital", "capital", {"initial": "initial", "currency": "currency"})
    for name, key in (("taker", "commission_bps"), ("maker", "maker_commission_bps")):
        rate = getattr(older.fees, name)
        bps = None if rate is None else round(rate * 1e4, 8)
        made.set(f"costs.{key}", bps, f"fees.{name}", rate)
    _set_size(older, params, made, where)
    levels = {"stop_loss": "stop_loss", "take_profit": "take_profit"}
    wins = isinstance(params, OlderBreakoutParams)
    beside = " (the levels of range_scalper are used in its place)" if wins else ""
    made.copy(older.risk_management, "risk_management", "risk", levels, beside)
    return ReadOlder(values=made.values, mapped=tuple(made.lines), model_files=model_files)


def _whole_file(data: Mapping[str, Any], where: str) -> OlderScenario:
    """The file; where it is wrong, the error says what is wrong in the parameters too."""
    try:
        return OlderScenario.parse(data, where=where)
    except ConfigurationError as error:
        wrong = _wrong_parameters(data.get("strategy"))
        if not wrong:
            raise
        raise ConfigurationError(f"{error} {wrong}", **error.values) from error


def _wrong_parameters(strategy: object) -> str:
    """What is wrong with the parameters of a known type; empty where nothing is."""
    given = strategy if isinstance(strategy, Mapping) else {}
    kinds: dict[object, type[OlderMlParams | OlderBreakoutParams]] = {
        "MLPredictiveStrategy": OlderMlParams,
        "BreakoutScalpingStrategy": OlderBreakoutParams,
    }
    kind = kinds.get(str(given.get("type")))
    if kind is None or not isinstance(given.get("params"), Mapping):
        return ""
    try:
        kind.parse(given["params"], where=f"'{_PARAMS}'")
    except ConfigurationError as error:
        return str(error)
    return ""


class _Made:
    """The values in today's keys, and what was said of each key."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.lines: list[str] = []

    def copy(
        self, source: object, older: str, group: str, keys: Mapping[str, str], beside: str = ""
    ) -> None:
        """Set keys of a group from the attributes of an older one, by the older names."""
        for name, key in keys.items():
            value = getattr(source, name)
            self.set(f"{group}.{key}", value, f"{older}.{name}", value, beside)

    def set(self, key: str, value: Any, older: str, given: object, beside: str = "") -> None:
        """Set a key such as `dates.start` and say where its value comes from; None sets nothing."""
        if value is None:
            return
        *groups, name = key.split(".")
        inner = self.values
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[name] = value
        self.say(older, given, f"{key} {_plain(value)}{beside}")

    def say(self, older: str, given: object, became: str) -> None:
        """Say what became of an older key."""
        self.lines.append(f"{older} {_plain(given)} -> {became}")


def _set_size(
    older: OlderScenario, params: OlderMlParams | OlderBreakoutParams, made: _Made, where: str
) -> None:
    risk, largest = params.risk_per_trade, older.risk_management.max_position_size
    stop = older.risk_management.stop_loss
    at_risk, share = f"{_PARAMS}.risk_per_trade", "risk_management.max_position_size"
    kind, older_key, given = "percent_of_equity", share, _plain(largest)
    if risk is not None and isinstance(params, OlderMlParams) and stop is None:
        raise ConfigurationError(
            f"{where}: '{at_risk}' is {risk:g}, and without 'risk_management.stop_loss' nothing "
            "says what a trade can lose. Add the distance of the stop as a fraction, or take "
            f"'{at_risk}' out.",
            where=where,
        )
    percent = largest
    if risk is not None and largest is None:
        kind, percent, older_key, given = "percent_at_risk", risk, at_risk, _plain(risk)
    elif risk is not None and largest is not None:
        if stop is None or isinstance(params, OlderBreakoutParams):
            raise ConfigurationError(
                f"{where}: '{at_risk}' {risk:g} and '{share}' {largest:g} cannot both size the "
                "entries of BreakoutScalpingStrategy, whose stop is another one in each trade. "
                "Keep the one that decides, and take the other out.",
                where=where,
            )
        percent = round(min(largest, risk / stop), 12)
        older_key = f"{share} and {at_risk}"
        given = f"{largest:g}, and {risk:g} over the stop of {stop:g}: the smaller"
    if percent is not None:
        made.values["sizing"] = {"type": kind, "percent": percent}
        made.say(older_key, given, f"sizing {kind} {percent:g}")


def _model_file(name: str, horizon: int | None) -> str:
    """A spec of returns and chances of a rise, as many bars ahead as the older file says."""
    steps = f", steps: {horizon}, horizons: [{horizon}]" if horizon else ""
    return (
        f"{{name: {name}, predictor: {{type: autoregressive, params: {{lags: 10{steps}}}}}, "
        "training: {span: expanding, minimum_rows: 500, refit: window}, full_pass: false}"
    )


def _plain(value: object) -> str:
    """A value on one line, numbers without a needless end."""
    return f"{value:.12g}" if isinstance(value, float) else shown(str(value))[1:-1]
