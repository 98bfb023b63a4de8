"""The page of a newest forecast.

`picture` draws the last bars and the path with its band as one SVG; `page` puts it beside the
numbers and what the model was worth out of sample; `words` says probabilities in words.
"""

from __future__ import annotations

from trading_pipeline.reporting.forecast.page import ForecastPage, render_forecast
from trading_pipeline.reporting.forecast.words import probability_in_words

__all__ = ["ForecastPage", "probability_in_words", "render_forecast"]
