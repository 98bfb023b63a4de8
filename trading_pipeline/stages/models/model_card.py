"""The stage of model cards: how good a model's walk-forward predictions were, as one page."""

from __future__ import annotations

from functools import cached_property

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.features.sets.families import feature_families
from trading_pipeline.models.cards.card import ModelCard
from trading_pipeline.models.cards.card_rows import CardInput
from trading_pipeline.models.cards.make_card import model_card
from trading_pipeline.models.predictors.calls import with_label_features
from trading_pipeline.reporting.model_card import (
    card_in_page,
    card_table,
    reliability_image,
    render_model_card,
)
from trading_pipeline.stages.models.champion import live_in_words
from trading_pipeline.stages.models.model_bars import ModelBars
from trading_pipeline.stages.models.model_features import (
    ModelFeatures,
    joined_labels,
    model_feature_assets,
    model_label_assets,
)
from trading_pipeline.stages.models.model_rows import fit_seconds
from trading_pipeline.stages.models.scored_predictions import card_fits
from trading_pipeline.stages.outcome import Shown, ShownMarkdown
from trading_pipeline.stages.reports.page_stage import PageStage
from trading_pipeline.stages.stage import Identity
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.stores.artifacts import Artifact

__all__ = ["ModelCardStage", "stored_card"]

FOLDER = "output/reports/model_cards"


class ModelCardStage(PageStage):
    """The card of a model: `output/reports/model_cards/<instrument>-<name>.html`."""

    def __init__(self, workspace: Workspace, instrument_id: str, model_name: str) -> None:
        super().__init__(workspace, instrument_id)
        self.spec = workspace.catalog.model(model_name)
        self.asset = f"model_card/{model_name}"
        self.predictor = workspace.registries.predictors.get(self.spec.predictor.type)
        self.code_hash = code_hash(type(self).produce, self.predictor, ModelFeatures, ModelBars)
        self._fold_asset, self._predictions = f"models/{model_name}", f"predictions/{model_name}"
        self._labels = model_label_assets(self.spec, self.predictor)
        features = model_feature_assets(self.spec, self.predictor)
        read = [*features, *self._labels, self._fold_asset, self._predictions]
        self._frames = UpstreamFrames(workspace, instrument_id, read)
        self._features = ModelFeatures(workspace, self.spec, self._frames)
        self._bars = ModelBars(workspace, instrument_id, self.predictor)

    def identity(self, key: str) -> Identity:
        """With the hashes of all files that are read, and of the code of card and page."""
        windows = self._windows
        assets = [*self._labels, self._fold_asset, self._predictions]
        inputs = canonical_hash(
            [
                self.asset,
                self.code_hash,
                self.spec.hash,
                self._features.file_hashes(windows),
                [self._frames.artifact(name, each).sha256 for name in assets for each in windows],
                *self._bars.inputs(windows[-1]),
                *([] if self._live is None else [self._live.sha256]),
            ]
        )
        return Identity(self.asset, self.partition(key), inputs, self.code_hash)

    def produce(self, key: str, identity: Identity) -> tuple[Artifact, dict[str, Shown]]:
        """Make the card and render its page."""
        card = self.card()
        path = f"{FOLDER}/{self.instrument_id}-{self.spec.name}.html"
        artifact = self.write_page(identity, path, render_model_card(card), rows=card.rows)
        return artifact, self.stored(key, artifact)

    def stored(self, key: str, artifact: Artifact) -> dict[str, Shown]:  # noqa: ARG002
        """The verdict, the scores of all rows as numbers, picture, table, and where the page is."""
        page = self.workspace.artifacts.file_of(artifact)
        return {**_shown(card_in_page(page.read_text("utf-8"))), **self.shown_page(page)}

    def card(self) -> ModelCard:
        """The card of what is stored now."""
        windows = self._windows
        features = self._features.rows(windows).drop(columns="known_at")
        folds = self._frames.joined(self._fold_asset, windows)
        predictions = self._frames.joined(self._predictions, windows)
        seconds = fit_seconds(self.workspace, [each for each in folds["model_id"] if each])
        return model_card(
            CardInput(
                spec=self.spec,
                predictor=self.predictor,
                instrument=self.instrument_id,
                fits=card_fits(self.workspace, folds, predictions, seconds),
                refit_dates=len(folds),
                features=features,
                labels=with_label_features(
                    self.predictor,
                    self.spec,
                    joined_labels(self._frames, self._labels, windows),
                    features,
                ),
                history=self._bars.until(windows[-1]),
                families=feature_families(map(str, features.columns)),
                live={} if self._live is None else live_in_words(self.workspace, self._live),
            )
        )

    @cached_property
    def _live(self) -> Artifact | None:
        """The live model, where there is one."""
        asset = f"live/{self.spec.name}"
        artifacts = self.workspace.artifacts
        live = artifacts.newest([asset], self.instrument_id).get((asset, self.instrument_id))
        return live if live is not None and live.path and artifacts.is_intact(live) else None

    @cached_property
    def _windows(self) -> list[Window]:
        return self.workspace.windows_of(self.instrument_id)


def stored_card(workspace: Workspace, instrument_id: str, model: str) -> tuple[ModelCard, str]:
    """The newest card and the path of its page; `InsufficientDataError` where there is none."""
    stage = ModelCardStage(workspace, instrument_id, model)
    artifact = stage.require(
        instrument_id,
        f"'{stage.asset}' of {instrument_id} is not there. Run: trading-pipeline model-card "
        f"{model} {instrument_id}.",
    )
    page = workspace.artifacts.file_of(artifact)
    return card_in_page(page.read_text("utf-8")), str(page)


def _shown(card: ModelCard) -> dict[str, Shown]:
    found: dict[str, Shown] = {"verdict": card.verdict}
    for score in (card.headline_score, *card.scores):
        if score is None or score.value is None:
            continue
        found[score.name] = score.value
        if score.low is not None and score.high is not None:
            found |= {f"{score.name}_low": score.low, f"{score.name}_high": score.high}
    found |= {"effective_rows": card.effective_rows, "fits": card.fits}
    if card.reliability:
        found["reliability"] = ShownMarkdown(f"![Reliability]({reliability_image(card)})")
    if card.scores:
        found["scores"] = ShownMarkdown(card_table(card))
    return found
