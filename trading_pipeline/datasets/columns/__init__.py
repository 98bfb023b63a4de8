"""What each column of a file is, and its numbers."""
