"""What all tasks of one fan-out share: settings, catalog, moment, and whose code it is."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from trading_pipeline.errors import WorkerError
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.settings.environment import PipelineSettings
from trading_pipeline.stages.fan_out.identity import own_code_hash, own_files, require_same_code
from trading_pipeline.stages.fan_out.journal import NotingWorkspace
from trading_pipeline.stages.registries import Registries
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.private_warehouse import PrivateWarehouse
from trading_pipeline.storage.stores.kept_rows import KeptRows

__all__ = ["Context", "Opened", "SharedFolder", "opened_context", "shared_context"]

_SECRETS = ("alpaca_api_key", "alpaca_secret_key", "ccxt_keys")
_KEPT = 2
_kept: OrderedDict[str, Opened] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class SharedFolder:
    """A file by which a worker knows that it sees the runtime folder of the sender."""

    path: Path
    content: str

    def is_seen(self) -> bool:
        """True where this process finds the file."""
        try:
            return self.path.read_text("utf-8") == self.content
        except (OSError, UnicodeDecodeError):
            return False


@dataclass(frozen=True)
class Context:
    """Made once a fan-out, sent once to each worker. It holds no keys of providers.

    `own`: hash of the user's Python files. `files`: all files of the user's folder where workers do
    not see it, else None. `shared`: how a worker of another machine knows the shared folder.
    """

    settings: PipelineSettings
    catalog: Catalog
    run_id: str
    now: datetime
    own: str
    files: dict[str, bytes] | None = None
    shared: SharedFolder | None = None

    @cached_property
    def sealed(self) -> bytes:
        """The bytes that travel."""
        return pickle.dumps(self)

    @cached_property
    def key(self) -> str:
        """Name of these bytes."""
        return hashlib.sha256(self.sealed).hexdigest()[:16]


def shared_context(
    workspace: Workspace, *, shared: SharedFolder | None = None, travels: bool = False
) -> Context:
    """The context of a workspace; with `travels` the user's files go along."""
    settings = workspace.settings
    without = {name: PipelineSettings.model_fields[name].get_default(call_default_factory=True)
               for name in _SECRETS}  # fmt: skip
    return Context(
        settings=settings.model_copy(update=without),
        catalog=workspace.catalog,
        run_id=workspace.run_id,
        now=workspace.clock(),
        own=own_code_hash(settings.config),
        files=own_files(settings.config) if travels else None,
        shared=shared,
    )


class Opened:
    """A context in a worker: the user's files are there, and registries are open."""

    def __init__(self, context: Context, sender: Workspace | None = None) -> None:
        """`sender`: the workspace of the sender in its own process, whose registries are open and
        whose series were read."""
        if context.shared is not None and not context.shared.is_seen():
            raise WorkerError(
                f"A worker does not see {context.shared.path.parent}, which the other workers and "
                "the process that sent the work share. Mount the folder there under the same path, "
                "or take it away from all of them: then files travel with the work."
            )
        self.context = context
        self._has_own_folder = context.files is not None
        self.config, self.catalog = context.settings.config, context.catalog
        if context.files is not None:
            self.config = Path(tempfile.mkdtemp(prefix="trading-pipeline-files-")).resolve()
            weakref.finalize(self, shutil.rmtree, self.config, ignore_errors=True)
            for name, content in context.files.items():
                path = self.config / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self.catalog = _moved(context.catalog, context.settings.config, self.config)
        if sender is None:
            own = "your own Python files"
            require_same_code({own: context.own}, {own: own_code_hash(self.config)})
        self.registries = Registries(self.catalog) if sender is None else sender.registries
        self._series = {} if sender is None else sender.series

    def workspace(
        self, warehouse: PrivateWarehouse, instrument_id: str, runtime: Path | None = None
    ) -> NotingWorkspace:
        """A workspace of one task, on an instrument, that reads its rows once.

        `runtime`: a folder in place of the sender's.
        """
        now, settings = self.context.now, self.context.settings
        if self._has_own_folder:
            moved = {"config_dir": self.config, "runtime_dir": runtime or settings.runtime}
            settings = settings.model_copy(update=moved)
            settings.__dict__.pop("runtime", None)  # the copied folder of the sender
        made = NotingWorkspace(
            settings,
            self.catalog,
            warehouse,
            self.context.run_id,
            clock=lambda: now,
            series=dict(self._series),  # its own: a private warehouse serves one task alone
            kept=KeptRows([instrument_id]),
        )
        made.__dict__["registries"] = self.registries  # read once for all tasks
        return made


def opened_context(key: str, sealed: bytes) -> Opened:
    """The context of these bytes; the last ones stay open, so that files are read once."""
    with _lock:
        if key not in _kept:
            _kept[key] = Opened(pickle.loads(sealed))
            while len(_kept) > _KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key]


def _moved(catalog: Catalog, before: Path, now: Path) -> Catalog:
    """The catalog with the user's folder at another place."""
    sources = {
        name: now / path.relative_to(before) if path.is_relative_to(before) else path
        for name, path in catalog.sources.items()
    }
    return replace(catalog, config_dir=now, sources=sources)
