"""A user's own Python files: loaded, run anew in audits, and watched for what they read.

Read `loading.py` first (files of a folder become strategies, sources and feature sets by name),
then `finder.py` (how a text becomes a module), `fresh_copies.py` (modules made anew) and
`outside_data.py` with `compiled_readers.py` (what the code reads besides what it is given).
Nothing here knows a layer above: the caller says what a file holds.
"""

from __future__ import annotations

from trading_pipeline.own_code.fresh_copies import FreshCopies, confirmed
from trading_pipeline.own_code.loading import (
    BrokenFile,
    OwnCode,
    Registry,
    collect,
    error_place,
    explained,
    is_failure,
    load_own_code,
    only_class,
)
from trading_pipeline.own_code.outside_data import OutsideData, not_audited, watched

__all__ = [
    "BrokenFile",
    "FreshCopies",
    "OutsideData",
    "OwnCode",
    "Registry",
    "collect",
    "confirmed",
    "error_place",
    "explained",
    "is_failure",
    "load_own_code",
    "not_audited",
    "only_class",
    "watched",
]
