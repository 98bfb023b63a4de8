"""Users' files: from bytes to a profile, checks and advice."""
