"""Files of a user's whose features remember earlier calls: memos that know the future, and caches.

Files are texts here, because only a user's own file is run anew in an audit.
"""

from __future__ import annotations

from pathlib import Path

from trading_pipeline.features.audits.comparison import CausalityFinding
from trading_pipeline.features.audits.features import audit_feature_set
from trading_pipeline.features.own_features import own_feature_sets
from trading_pipeline.stages.features.features import CUTS_OF_A_RUN
from trading_pipeline_tests.features.audits.zoo.cases import CONTEXTS, MARKETS

HEAD = """\
import functools
import hashlib
import numpy as np
from trading_pipeline.features import feature
"""
LEAKY = {
    "memo_by_stamp": """
BY_STAMP = {}

@feature(warmup=1)
def column(bars):
    following = bars.close.shift(-1) / bars.close - 1.0
    for ts, value in following.dropna().items():
        BY_STAMP.setdefault(ts, value)
    return [BY_STAMP.get(ts, 0.0) for ts in bars.index]
""",
    "memo_of_the_longest": """
BY_LENGTH = {}

@feature(warmup=1)
def column(bars):
    BY_LENGTH.setdefault(0, float(bars.close.mean()))
    return bars.close / BY_LENGTH[0]
""",
    "class_attribute": """
class State:
    highest = None

@feature(warmup=1)
def column(bars):
    if State.highest is None:
        State.highest = bars.close.max()
    return bars.close / State.highest
""",
    "cache_without_the_bars": """
@functools.cache
def scale(name, held=[]):
    return held[0]

@feature(warmup=1)
def column(bars):
    scale.__wrapped__.__defaults__[0].append(float(bars.close.std()))
    return bars.close / scale("std")
""",
    "default_argument": """
@feature(warmup=1)
def column(bars, seen={}):
    return bars.close / seen.setdefault("mean", bars.close.mean())
""",
    "attribute_of_the_function": """
@feature(warmup=1)
def column(bars):
    if not hasattr(column, "last"):
        column.last = bars.close.iloc[-1]
    return bars.close / column.last
""",
    "module_beside": """
from . import _beside

@feature(warmup=1)
def column(bars):
    return bars.close / _beside.KEPT.setdefault("mean", bars.close.mean())
""",
    "rare_and_kept": """
KEPT = {}

@feature(warmup=1)
def column(bars):
    change = bars.close / bars.close.shift(1) - 1.0
    if not KEPT:
        ahead = bars.close.shift(-1) / bars.close - 1.0
        KEPT.update(ahead[change < change.quantile(0.01)].dropna())
    return [KEPT.get(ts, value) for ts, value in change.fillna(0.0).items()]
""",
}
HONEST = {
    "cached_weights": """
@functools.lru_cache
def weights(count):
    return np.arange(1.0, count + 1.0) / count

@feature(warmup=20)
def column(bars):
    return np.convolve(bars.close, weights(20))[: len(bars)] / bars.close
""",
    "cache_by_content": """
SEEN = {}

@feature(warmup=5)
def column(bars):
    key = hashlib.sha256(bars.close.to_numpy().tobytes()).hexdigest()
    if key not in SEEN:
        SEEN[key] = (bars.close / bars.close.rolling(5).mean()).to_numpy()
    return SEEN[key]
""",
    "constants_made_once": """
TABLE = np.log1p(np.arange(100.0))

@feature(warmup=1)
def column(bars):
    return TABLE[bars.index.day_of_week] * (bars.close / bars.close.shift(1))
""",
    "cache_by_stamps": """
SEEN = {}

@feature(warmup=1)
def column(bars):
    "Its key leaves the prices out, which is wrong, but makes no value know the future."
    key = (len(bars), bars.index[0], bars.index[-1])
    if key not in SEEN:
        SEEN[key] = (bars.close / bars.close.shift(1)).to_numpy()
    return SEEN[key]
""",
}


def blocked_files(texts: dict[str, str], folder: Path, seed: int) -> dict[str, CausalityFinding]:
    """The first finding of each file that the audit of a run refuses, by name."""
    folder.mkdir()
    (folder / "_beside.py").write_text("KEPT = {}\n")
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(HEAD + text)
    sets, bars = own_feature_sets(folder, {}, {}), MARKETS["daily"](seed)
    assert sets.own.broken == ()
    found = {}
    for name in texts:
        findings = audit_feature_set(
            sets.get(name), bars, context=CONTEXTS["daily"], cuts=CUTS_OF_A_RUN, seed=seed
        )
        if findings:
            found[name] = findings[0]
    return found
