"""What the asset page shows of a study: a picture of its space, and a table of its best trials."""
