"""Yahoo Finance: session and cookies, the chart answer, the source."""
