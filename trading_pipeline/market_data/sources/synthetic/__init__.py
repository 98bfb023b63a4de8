"""Synthetic markets with known properties.

`paths` draws prices, `faults` plants faults on request, `source` is the source. Reports on such
bars say so.
"""
