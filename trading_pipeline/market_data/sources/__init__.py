"""Where bars come from. Read `protocol` first, then `registry`; a provider is a folder."""
