"""The trials of a study go into the ledger while it runs, and what is there is not made again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from trading_pipeline.errors import StrategyError
from trading_pipeline.optimization.evaluated_trials import EvaluatedTrials
from trading_pipeline.optimization.evaluation import Parameters
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.stages.backtests.scenario_inputs import InputHashes
from trading_pipeline.stages.backtests.trial_identity import TrialIdentities
from trading_pipeline.stages.stage import Identity
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.trial_ledger import INVALID

__all__ = ["MEASURED", "LedgerRecord", "fold_of", "trial_rows"]

Row = dict[str, Any]
MEASURED = ("sharpe", "mean", "sd", "skew", "kurtosis", "value")
"""Numbers of a trial that the ledger keeps."""
_FLUSH_SECONDS = 2.0


def fold_of(identity: Identity, part: str = "") -> str:
    """How the ledger names an evaluation of a study: by its inputs, and by the part of its bars."""
    short = identity.input_hash[:12]
    return f"{short}/{part}" if part else short


class LedgerRecord:
    """A `TrialRecord` in the ledger, for one study on one instrument.

    Trials are written every two seconds and by `flush`, all of a write or none. `resume`: those of
    equal inputs that are in the ledger count as made.
    """

    def __init__(
        self,
        workspace: Workspace,
        study: StudySpec,
        scenario: ScenarioSpec,
        identity: Identity,
        hashes: InputHashes,
        *,
        instrument_id: str,
        resume: bool,
    ) -> None:
        self._workspace, self._identity = workspace, identity
        self._common = {
            "study": study.name,
            "instrument": instrument_id,
            "strategy": study.strategy,
            "bars_hash": hashes.bars,
            "code_hash": identity.code_hash,
            "predictions_hash": hashes.predictions,
            "metric": study.metric,
            "run_id": workspace.run_id,
        }
        self._identities = TrialIdentities(workspace, scenario)
        self._told: dict[str, Row] = {}
        self._unwritten: list[Row] = []
        self._written_at = time.monotonic()
        self._known: dict[str, dict[str, Row]] = {}
        for row in self._of_before(study.name, instrument_id) if resume else ():
            self._known.setdefault(row["fold"], {})[row["parameters_hash"]] = _as_evaluated(row)

    def known(self, fold: str) -> Mapping[str, Mapping[str, Any]]:
        """Trials of the fold that were made before this run, by `parameters_hash`."""
        return self._known.get(fold_of(self._identity, fold), {})

    def add(
        self, fold: str, part: str | None, sets: Sequence[Parameters], trials: EvaluatedTrials
    ) -> None:
        """Keep trials; they are in the ledger after `flush` at the latest."""
        more = {**self._common, "fold": fold_of(self._identity, fold), "span": part}
        for hash_, each in zip(trials.parameters_hash, sets, strict=True):
            if hash_ not in self._told:  # the same sets come back in every fold
                self._told[hash_] = _told(self._identities, self._common["strategy"], each)
        told = [self._told[each] for each in trials.parameters_hash]
        self._unwritten += _rows(more, told, trials)
        if time.monotonic() - self._written_at > _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet."""
        self._workspace.trials.append(self._unwritten, repairing=True)
        self._unwritten, self._written_at = [], time.monotonic()

    def _of_before(self, study: str, instrument_id: str) -> list[Row]:
        fold = fold_of(self._identity)
        return self._workspace.trials.of_search(study, instrument_id, fold=fold)


def trial_rows(
    common: Mapping[str, Any],
    identities: TrialIdentities,
    sets: Sequence[Parameters],
    trials: EvaluatedTrials,
) -> list[Row]:
    """Rows of the ledger for evaluated trials; `common` are the columns that all share."""
    told = [_told(identities, common["strategy"], each) for each in sets]
    return _rows(common, told, trials)


def _rows(common: Mapping[str, Any], told: Sequence[Row], trials: EvaluatedTrials) -> list[Row]:
    """`told`: of each trial what follows from its parameters."""
    measured = [trials.column(name).tolist() for name in MEASURED]
    others = (trials.parameters_hash, trials.bars.tolist(), trials.status, trials.reason)
    return [
        {
            **common,
            "parameters_hash": hash_,
            **parameters,
            **dict(zip(MEASURED, numbers, strict=True)),
            "bars": bars,
            "status": status,
            "reason": reason,
        }
        for parameters, numbers, hash_, bars, status, reason in zip(
            told, zip(*measured, strict=True), *others, strict=True
        )
    ]


def _told(identities: TrialIdentities, strategy: str, parameters: Parameters) -> Row:
    """The columns of a trial that follow from its parameters, but for their hash."""
    text = json.dumps(parameters, sort_keys=True)
    return {"parameters": text, **_identity(identities, strategy, parameters)}


def _identity(identities: TrialIdentities, strategy: str, parameters: Parameters) -> dict[str, str]:
    """What makes the trial another one; parameters that the strategy refuses name no model."""
    try:
        return identities.of(strategy, parameters)
    except StrategyError:
        return identities.without_models


def _as_evaluated(row: Row) -> Row:
    """A row of the ledger with the columns of an evaluated trial; NULL is NaN.

    A trial that was called invalid has no value: nothing may be chosen by it.
    """
    numbers = {name: float("nan") if row[name] is None else row[name] for name in MEASURED}
    if row["status"] == INVALID:
        numbers["value"] = float("nan")
    told = ("parameters_hash", "status", "reason", "bars")
    return {**numbers, **{name: row[name] for name in told}}
