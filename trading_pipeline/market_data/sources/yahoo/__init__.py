"""Yahoo Finance. `session` asks, `chart` reads an answer, `source` is the source."""
