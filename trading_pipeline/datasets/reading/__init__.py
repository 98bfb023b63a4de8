"""From bytes to batches of rows.

Read `encodings` (bytes), `layout` (lines to cells), `table` (the form of a file) and `rows`
(batches of arrays), in this order. What is wrong with a row is the subject of `datasets.checks`.
"""
