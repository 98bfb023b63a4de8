"""The page of a model card.

`page` puts verdict, scores, baselines, calibration, fits, importance and origin together, `tables`
makes the tables, `pictures` the SVGs, `metadata` what the asset page shows. The card itself is
made in `models.cards` and stands in the page as JSON, from which it is read back.
"""

from __future__ import annotations

from trading_pipeline.reporting.model_card.metadata import card_table, reliability_image
from trading_pipeline.reporting.model_card.page import card_in_page, render_model_card

__all__ = ["card_in_page", "card_table", "reliability_image", "render_model_card"]
