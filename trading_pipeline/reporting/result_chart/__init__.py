"""What a chart of a result needs, as one JSON document for other front ends.

`schema.py` is the document; `document.py` fills it from values. Its keys are documented in
`docs/chart-data.md`, and change with `SCHEMA_VERSION` alone.
"""

from __future__ import annotations

from trading_pipeline.reporting.result_chart.document import ChartSource, chart_document
from trading_pipeline.reporting.result_chart.schema import SCHEMA_VERSION, ChartDocument

__all__ = ["SCHEMA_VERSION", "ChartDocument", "ChartSource", "chart_document"]
