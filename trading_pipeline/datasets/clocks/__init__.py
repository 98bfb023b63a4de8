"""When the rows of a file happened: stamps, time zone, sessions, coverage."""
