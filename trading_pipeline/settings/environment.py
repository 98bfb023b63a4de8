"""The settings of the environment, variables `TRADING_PIPELINE_*`: folders, waits, keys."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from trading_pipeline.errors import ConfigurationError, did_you_mean
from trading_pipeline.settings.scenario_files.default_costs import DefaultCosts

__all__ = ["ExchangeKeys", "PipelineSettings", "load_settings", "project_root"]


def project_root() -> Path:
    """Folder of `pyproject.toml` in a checkout; the working folder where the package is
    installed."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() else Path.cwd()


class ExchangeKeys(BaseModel):
    """Keys of one crypto exchange; `password` where the exchange wants one too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: SecretStr
    secret: SecretStr
    password: SecretStr | None = None


class PipelineSettings(BaseSettings):
    """Where things are kept, how long to wait, and the keys of providers.

    `runtime_dir`: warehouse, caches, models, output, the Dagster instance. `config_dir`: the user's
    own YAML files. `warehouse_wait_seconds`: how long to wait for a busy warehouse.
    `retention_days`: how long maintenance keeps runs, logs, and files that newer ones superseded.
    `dataset_max_bytes`: the largest file of bars that may be registered. `sharpe_limit_daily`,
    `sharpe_limit_hourly`, `sharpe_limit_minutes`: annual Sharpe ratios above which a result carries
    a warning, on daily and weekly bars, on bars of 1 and 4 hours, and on shorter ones.
    `default_commission_bps`, `default_slippage_bps`: costs of each fill where a scenario file
    leaves them out. `default_steps_ahead`: bars ahead of a model of a path whose spec names neither
    `steps` nor `horizons`; None for the number of its timeframe. `batch_instruments`: how many
    instruments one run of a pass works on.

    `workers`: processes that compute instruments side by side; None for the cores that this process
    may use, 1 for none beside it. `scheduler`: address of a Dask scheduler that exists
    (`tcp://host:8786`) whose workers compute in their place, or `local` for one of this process's
    own.

    `reports_url`: where `trading-pipeline reports serve` is reached, for links in Dagster's UI; a
    server behind it takes this host name too. `reports_token`: what that server asks for, at least
    16 characters.

    For providers on the network: `source_timeout_seconds` limits one answer, `source_attempts` the
    tries of one request, `source_retry_seconds` all tries and the waits between them, and
    `source_connections` the connections to one provider at a time, counted over all processes that
    share the folder. `ccxt_keys`: JSON from an exchange's name to its keys, which are sent to that
    exchange alone. `alpaca_feed`: iex or sip; left out, Alpaca uses the best that the account has.
    """

    model_config = SettingsConfigDict(
        env_prefix="TRADING_PIPELINE_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    runtime_dir: Path = Field(default_factory=lambda: project_root() / "runtime")
    config_dir: Path | None = None
    warehouse_wait_seconds: float = Field(default=30.0, ge=0)
    retention_days: float = Field(default=90.0, ge=0)
    dataset_max_bytes: int = Field(default=8_000_000_000, ge=1)
    sharpe_limit_daily: float = Field(default=4.0, gt=0)
    sharpe_limit_hourly: float = Field(default=6.0, gt=0)
    sharpe_limit_minutes: float = Field(default=10.0, gt=0)
    default_commission_bps: float = Field(default=10.0, ge=0, lt=10_000)
    default_slippage_bps: float = Field(default=0.0, ge=0, lt=10_000)
    default_steps_ahead: int | None = Field(default=None, ge=1, le=1000)
    batch_instruments: int = Field(default=100, ge=1)
    workers: int | None = Field(default=None, ge=1, le=1000)
    scheduler: str | None = Field(default=None, pattern=r"^(local|(tcp|tls)://\S+:\d+)$")
    reports_url: str = Field(
        default="http://127.0.0.1:8321", pattern=r"^https?://[^\s/?#]+[^\s?#]*$"
    )
    reports_token: SecretStr | None = None
    source_timeout_seconds: float = Field(default=20.0, gt=0)
    source_attempts: int = Field(default=5, ge=1)
    source_retry_seconds: float = Field(default=180.0, ge=0)
    source_connections: int = Field(default=1, ge=1)
    alpaca_api_key: SecretStr | None = None
    alpaca_secret_key: SecretStr | None = None
    alpaca_feed: Literal["iex", "sip", "delayed_sip"] | None = None
    ccxt_keys: dict[str, ExchangeKeys] = Field(default_factory=dict)

    @cached_property
    def runtime(self) -> Path:
        """Absolute runtime folder."""
        return self.runtime_dir.expanduser().resolve()

    @property
    def config(self) -> Path:
        """Absolute folder of the user's YAML files."""
        return (self.config_dir or self.runtime / "config").expanduser().resolve()

    @property
    def default_costs(self) -> DefaultCosts:
        """What fills cost where a scenario file does not say it."""
        return DefaultCosts(
            commission_bps=self.default_commission_bps, slippage_bps=self.default_slippage_bps
        )

    @property
    def worker_count(self) -> int:
        """Processes that compute side by side."""
        if self.workers is not None:
            return self.workers
        has_affinity = hasattr(os, "sched_getaffinity")
        return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file."""
        return self.runtime / "warehouse.duckdb"

    @property
    def cache(self) -> Path:
        """Parquet files of features, labels and predictions; compiled kernels."""
        return self.runtime / "cache"

    @property
    def models(self) -> Path:
        """Model folders, `<name>/<model_id>/`."""
        return self.runtime / "models"

    @property
    def output(self) -> Path:
        """Backtests' frames, reports, CSV files."""
        return self.runtime / "output"

    @property
    def inbox(self) -> Path:
        """Where users put files of bars; a sensor watches it."""
        return self.runtime / "inbox"

    @property
    def datasets(self) -> Path:
        """Registered files, `<instrument id>/`."""
        return self.runtime / "datasets"

    @property
    def dagster(self) -> Path:
        """Runs, events and logs of the Dagster instance."""
        return self.runtime / "dagster"


def load_settings(**overrides: Any) -> PipelineSettings:
    """Settings from the environment and `.env`, where an empty variable counts as not set.

    `overrides` win. Raises `ConfigurationError` that names a wrong variable or override. It never
    holds a value, nor does an error chained to it: what stands in a variable may be a key that was
    meant for another one.
    """
    unknown = sorted(set(overrides) - set(PipelineSettings.model_fields))
    if unknown:
        raise ConfigurationError(
            f"There is no setting {unknown[0]!r}. "
            f"{did_you_mean(unknown[0], PipelineSettings.model_fields)}",
            name=unknown[0],
        )
    try:
        settings = PipelineSettings(**overrides)
        wrong = _wrong_folders(settings)
        if not wrong:
            return settings
    except ValidationError as error:
        wrong = _wrong_settings(error)
    except SettingsError as error:
        wrong = [_no_json(name) for name in PipelineSettings.model_fields if name in str(error)]
    except RecursionError:
        wrong = [_no_json("ccxt_keys")]
    except UnicodeDecodeError:
        wrong = ["The file .env is not text in UTF-8. Save it as UTF-8."]
    except OSError as error:
        wrong = [f"A folder, or the file .env, cannot be used: {error.strerror}."]
    except (RuntimeError, ValueError) as error:  # an unknown home, a loop of links
        wrong = [f"A folder, or the file .env, cannot be used: {type(error).__name__}."]
    # Outside the handlers, so that no chained error carries the values into a log.
    raise ConfigurationError(
        f"A setting of the environment (TRADING_PIPELINE_...) is wrong. {' '.join(wrong)} Values "
        "are not shown here, since one of them could be a key.",
    )


_KEYS_SHAPE = '{"kraken": {"key": "...", "secret": "..."}}'


def _wrong_folders(settings: PipelineSettings) -> list[str]:
    """One sentence for each folder that no program could use; `OSError` for one too long."""
    found = []
    for name, path in (("runtime_dir", settings.runtime), ("config_dir", settings.config)):
        try:
            str(path).encode("utf-8")
        except UnicodeEncodeError:
            found.append(f"'{name}' ({_variable(name)}) is a path that is no text in UTF-8.")
            continue
        if path.exists() and name == "config_dir" and not path.is_dir():
            found.append(f"'{name}' ({_variable(name)}) names a file, where a folder is needed.")
    return list(dict.fromkeys(found))


def _wrong_settings(error: ValidationError) -> list[str]:
    """One sentence for each wrong setting, without its value and without keys of its own."""
    found = []
    for detail in error.errors(include_input=False, include_context=False, include_url=False):
        name, *rest = map(str, detail["loc"])
        if name == "ccxt_keys":
            found.append(_wrong_keys(rest, detail["type"]))
        else:
            reason = detail["msg"].removeprefix("Value error, ").rstrip(".")
            found.append(f"'{name}' ({_variable(name)}): {reason}.")
    return list(dict.fromkeys(found))


def _wrong_keys(location: list[str], kind: str) -> str:
    field = location[-1] if location and location[-1] in ExchangeKeys.model_fields else None
    reason = {"missing": f"{field!r} is missing", "extra_forbidden": "a word is unknown"}.get(
        kind, "its shape is wrong" if field is None else f"{field!r} is no text"
    )
    return f"'ccxt_keys' ({_variable('ccxt_keys')}): {reason}; it must be like {_KEYS_SHAPE}."


def _no_json(name: str) -> str:
    return f"'{name}' ({_variable(name)}) is no JSON; it must be like {_KEYS_SHAPE}."


def _variable(name: str) -> str:
    return f"TRADING_PIPELINE_{name.upper()}"
