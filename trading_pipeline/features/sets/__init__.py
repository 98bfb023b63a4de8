"""Feature sets: the registry, and one file a shipped set."""
