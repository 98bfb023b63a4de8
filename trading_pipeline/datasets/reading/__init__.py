"""From bytes to a table of bars: encoding, layout, rows."""
