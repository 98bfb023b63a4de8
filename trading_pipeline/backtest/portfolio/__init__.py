"""Several instruments on shared cash."""
