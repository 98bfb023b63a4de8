"""The live model that forecasts now, and what a new one must show to take its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash, frame_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.models.predictors.calls import with_label_features
from trading_pipeline.models.predictors.predictor import History, Predictor
from trading_pipeline.models.registry.fitted_model import FittedModel, NoModel
from trading_pipeline.models.registry.model_files import METADATA_FILE, load_model, read_metadata
from trading_pipeline.models.registry.promotion import Decision, decide, is_same_procedure
from trading_pipeline.models.registry.row_losses import (
    LossDifference,
    loss_difference,
    row_losses,
)
from trading_pipeline.models.training.forecasting import forecast
from trading_pipeline.models.training.train import fit_model
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.stages.backtests.trial_identity import model_specs_hash
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.models.model_features import ModelFeatures, model_feature_assets
from trading_pipeline.stages.models.model_rows import Row, fold_table, model_damage
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "DECISION_NUMBERS",
    "Champion",
    "Contest",
    "challenger_id",
    "champion_row",
    "live_in_words",
    "live_table",
    "other_feature_set",
    "stored_champion",
]

CHAMPION = "champion"
CHALLENGER = "challenger"
DECISION_NUMBERS = ("difference", "difference_error", "compared_effective_rows")
"""Columns of the live table with what a comparison came to."""
_FEWEST_ROWS = 2


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The model that forecasts: its row of the live table, and what its metadata say."""

    workspace: Workspace
    row: pd.Series
    spec: ModelSpec
    made_from: Mapping[str, str | int]

    @property
    def model_id(self) -> str:
        """Its id."""
        return str(self.row["model_id"])

    @property
    def known_until(self) -> pd.Timestamp:
        """The moment that it was fitted at: what was known from then on, it has not seen."""
        return pd.Timestamp(self.row["test_start"])

    def load(self) -> FittedModel:
        """The model itself; `ModelIntegrityError` where its file is not the one on record."""
        path = self.workspace.settings.runtime / str(self.row["path"])
        predictors = self.workspace.registries.predictors
        return load_model(path, predictors, sha256=str(self.row["sha256"]))

    def features(self, instrument_id: str, predictor: Predictor) -> ModelFeatures:
        """The features that it reads, which may not be those that the model's file names now."""
        assets = model_feature_assets(self.spec, predictor)
        upstream = UpstreamFrames(self.workspace, instrument_id, assets)
        return ModelFeatures(self.workspace, self.spec, upstream)

    def obstacle(self, instrument_id: str, spec: ModelSpec) -> str:
        """Why it cannot go on forecasting beside a model of `spec`; empty where it can."""
        if (self.spec.predictor.type, self.spec.label) != (spec.predictor.type, spec.label):
            return "the champion forecasts something else"
        predictor = self.workspace.registries.predictors.get(spec.predictor.type)
        if predictor.bars_alone:
            return ""
        if predictor.label_features and self.spec.predictor != spec.predictor:
            return "the champion forecasts something else"
        if self.spec.features not in self.workspace.registries.feature_sets.names():
            return f"the champion's feature set '{self.spec.features}' is gone"
        if self.features(instrument_id, predictor).hash != self.made_from["feature_set_hash"]:
            return f"the champion's feature set '{self.spec.features}' is not what it was"
        if self.spec.cross_features and not spec.cross_features:
            return "the champion reads cross features, which the file no longer asks for"
        if self.spec.features != spec.features:
            stage = FeatureStage(self.workspace, instrument_id, self.spec.features)
            if stage.pending(self.workspace.windows_of(instrument_id)):
                return f"the champion's features '{self.spec.features}' are not up to date"
        return ""


def champion_row(folds: pd.DataFrame) -> pd.Series:
    """The champion's row of a live table; tables from before there were roles have one row."""
    if "role" in folds.columns:
        return folds.loc[folds["role"] == CHAMPION].iloc[-1]
    return folds.iloc[-1]


def challenger_id(folds: pd.DataFrame) -> str:
    """The model that was not promoted; empty without one."""
    if "role" not in folds.columns:
        return ""
    return "".join(folds.loc[folds["role"] == CHALLENGER, "model_id"])


def live_in_words(workspace: Workspace, live: Artifact) -> dict[str, str]:
    """Who forecasts, what it knew, and how it compared with the model before; empty without one."""
    folds = workspace.artifacts.load(live)
    champion = champion_row(folds)
    if not champion["model_id"]:
        return {}
    known = {
        "forecasts": champion["model_id"],
        "knew bars before": f"{champion['test_start']:%Y-%m-%d %H:%M} UTC",
        "in place of": champion.get("replaced") or "none",
        "decision": champion.get("decision") or "none was needed",
        "not promoted": challenger_id(folds),
    }
    return {name: str(value) for name, value in known.items() if value}


def stored_champion(workspace: Workspace, instrument_id: str, model: str) -> Champion | None:
    """The champion that is stored; None where there is none, or its files are damaged."""
    asset = f"live/{model}"
    artifact = workspace.artifacts.newest([asset], instrument_id).get((asset, instrument_id))
    if artifact is None or artifact.path is None or not workspace.artifacts.is_intact(artifact):
        return None
    row = champion_row(workspace.artifacts.load(artifact))
    if not row["model_id"] or model_damage(workspace, row):
        return None
    path = workspace.settings.runtime / str(row["path"])
    metadata = read_metadata(path)
    spec = ModelSpec.parse(metadata["spec"], where=str(path / METADATA_FILE))
    return Champion(workspace=workspace, row=row, spec=spec, made_from=metadata["made_from"])


def other_feature_set(workspace: Workspace, instrument_id: str, model: str) -> str | None:
    """The feature set that only the champion reads, so that it can go on; None without one."""
    champion = stored_champion(workspace, instrument_id, model)
    if champion is None or champion.spec.features == workspace.catalog.model(model).features:
        return None
    used = {spec.features for spec in workspace.catalog.models.values()}
    has_asset = used | set(workspace.registries.feature_sets.own_names())
    return champion.spec.features if champion.spec.features in has_asset else None


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Champion and challenger on the rows that neither learned from.

    The champion is the stored model. The challenger is judged by a fit of its own spec that ends
    where the champion's ended, because the challenger itself has learned from the rows since.
    `features` and `labels`: of the challenger's training span, with `known_at`. `fit_until`: a fit
    of what was known before a moment.
    """

    champion: Champion
    spec: ModelSpec
    predictor: Predictor
    instrument_id: str
    windows: Sequence[Window]
    features: pd.DataFrame
    labels: pd.DataFrame
    history: History | None
    fit_until: Callable[[pd.Timestamp], FittedModel | NoModel]

    def judged(self, challenger: FittedModel) -> Decision:
        """The decision by the rule of the spec; where the two were compared, it is a trial.

        A challenger made by the champion's own procedure has only learned from more rows, and takes
        its place without being compared.
        """
        rule = self.spec.promotion
        if is_same_procedure(self.champion.made_from, challenger.made_from):
            return Decision(promoted=True, reason="The same procedure with the bars of today.")
        if rule.rule == "always":
            return decide(rule, None)
        try:
            compared, missing = self._compared()
        except TradingPipelineError as error:
            compared, missing = None, str(error).rstrip(".")
        if compared is not None:
            self.champion.workspace.trials.append([self._trial(compared)])
        return decide(rule, compared, missing)

    def _compared(self) -> tuple[LossDifference | None, str]:
        """The difference of the losses, or why there is none."""
        obstacle = self.champion.obstacle(self.instrument_id, self.spec)
        if obstacle:
            return None, obstacle
        since = self.champion.known_until
        later = [each for each in self.windows if pd.Timestamp(each.end) > since]
        stored = self.champion.features(self.instrument_id, self.predictor).rows(later)
        theirs = self._losses(self.champion.load(), stored)
        if theirs is None:
            return None, f"the predictor '{self.predictor.name}' has no loss of a single row"
        if len(theirs) < _FEWEST_ROWS:
            known = f"{len(theirs)} outcomes of bars from {since:%Y-%m-%d} on are known"
            return None, f"{known}, and the champion has learned from all before"
        rival = self.fit_until(since)
        if isinstance(rival, NoModel):
            return None, f"no fit up to {since:%Y-%m-%d}: {rival.reason.rstrip('.')}"
        ours = self._losses(rival, self.features)
        found = None if ours is None else loss_difference(theirs, ours)
        return found, "the two have no row in common"

    def _losses(self, fitted: FittedModel, features: pd.DataFrame) -> pd.DataFrame | None:
        """Of the rows that became known after the champion was fitted."""
        rows = features.loc[features["known_at"] >= self.champion.known_until]
        told = forecast(
            fitted,
            rows.drop(columns="known_at"),
            pd.DatetimeIndex(rows["known_at"]),
            history=self.history,
        )
        labels = with_label_features(self.predictor, fitted.spec, self.labels, features)
        return row_losses(self.predictor, fitted.spec, told, labels, self.history)

    def _trial(self, compared: LossDifference) -> Row:
        """The row of the ledger; it has no Sharpe ratio, so it feeds no variance."""
        workspace, champion = self.champion.workspace, self.champion
        strategy = f"live/{self.spec.name}"
        return {
            "instrument": self.instrument_id,
            "strategy": strategy,
            "parameters": {},
            "parameters_hash": canonical_hash({}),
            "settings_hash": canonical_hash([strategy]),
            "dates": "",
            "model_hash": model_specs_hash(workspace, (self.spec.name,)),
            "bars_hash": frame_hash(
                self.features.loc[self.features["known_at"] >= champion.known_until]
            ),
            "code_hash": code_hash(fit_model, self.predictor),
            "fold": champion.model_id,
            "bars": compared.rows,
            "metric": "loss difference",
            "value": compared.difference,
            "status": "ok",
            "run_id": workspace.run_id,
        }


def live_table(
    predictor: Predictor, champion: Row, challenger: Row | None, decision: Decision, replaced: str
) -> pd.DataFrame:
    """The fold table of a live model: its champion, and the challenger that was not promoted.

    Beside the columns of every fold table it has `role`, `decision` (in words), `replaced` (the
    model in whose place the champion came) and what the comparison came to, NaN without one.
    """
    rows = [(CHAMPION, champion), *([] if challenger is None else [(CHALLENGER, challenger)])]
    table = fold_table([row for _, row in rows], predictor)
    found = decision.compared
    numbers = [] if found is None else [found.difference, found.error, found.effective_rows]
    return table.assign(
        role=[role for role, _ in rows],
        decision=decision.reason,
        replaced=replaced,
        **dict(zip(DECISION_NUMBERS, numbers or [float("nan")] * 3, strict=True)),
    )
