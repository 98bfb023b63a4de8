"""Damage files of settings in thousands of ways and see whether each gives a plain error.

Run `uv run python tools/mutate_settings_files.py [count] [seed]` (2,000 files, seed 1). Every
shipped YAML file, every YAML block of the pages and the examples below are changed at random, put
into a folder of settings and read as `run` and `doctor` read them. A file either works or raises an
error of the package in one paragraph; any other outcome is listed, and the exit code is 1.
"""

import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.catalog_files import SHIPPED
from trading_pipeline.settings.dataset_answers import load_answers
from trading_pipeline.stages.market_data.check_catalog import check_catalog

ROOT = Path(__file__).resolve().parents[1]
SLOW_SECONDS = 5.0
_OF_DAGSTER = re.compile(r"^(storage|run_queue|python_logs):", re.MULTILINE)
_NEEDS_ANOTHER = re.compile(
    r"\b(breakout|calmest|gaps|sp500_crossover|pullback|pullback_days|filtered_crossover)\b"
)
LONGEST_MESSAGE = 25_000
EXAMPLES = {
    "universe.yaml": (
        "start: 2000-01-01\nend: 2004-01-01\ncadence: year\narchived: [IBM_1d]\ninstruments:\n"
        "  - {symbol: BTC/USDT, timeframe: 1h, source: ccxt, exchange: kraken, calendar: 24/7,\n"
        "     asset_class: crypto, currency: USDT, tick_size: 0.01, lot_size: 0.001}\n"
        "  - symbol: ES\n    timeframe: 15m\n    source: synthetic\n    listed_from: 2001-01-01\n"
    ),
    "features/mixed.yaml": (
        "name: mixed\ncolumns:\n- {set: core, only: [log_return_5]}\n"
        "- {indicator: RSI, timeperiod: 21}\n- {indicator: OBV, form: z_score, bars: 20, name: v}\n"
    ),
    "labels/far.yaml": "type: triple_barrier\nhorizon_bars: 10\nprofit_volatilities: 2\n",
    "studies/wide.yaml": (
        "name: wide\nstrategy: sma_crossover\nscenario: sma_crossover\n"
        "space:\n  fast: {range: [5, 20, 5]}\n  slow: {values: [30, 40]}\n"
        'constraints:\n- "2 * fast <= slow and not (fast == 7 or slow < 3)"\n'
        "max_combinations: 500\n"
    ),
    "studies/drawn.yaml": (
        "name: drawn\nstrategy: sma_crossover\nscenario: sma_crossover\ninstruments: [AAPL_1d]\n"
        "space:\n  fast: {range: [2, 20]}\n  slow: {log: [25, 200]}\n"
        "  direction: {choice: [long_only, long_short]}\nmetric: calmar\nmethod: tpe\nbudget: 30\n"
        "seed: 3\nfrozen: true\ntest: {start: 2011-01-01}\n"
        "walk_forward: {train_windows: 4, test_windows: 2, window: quarter}\n"
    ),
    "scenarios/anchors.yaml": (
        "name: anchors\nstrategy: &s {type: sma_crossover, params: {fast: 10, slow: 30}}\n"
        "costs: {<<: {commission_bps: 1e-1}, slippage_bps: 5}\ninstruments: [AAPL_1d]\n"
    ),
    "scenarios/ideas.yaml": (
        "name: ideas\nstrategy: {type: sma_crossover, params: {fast: 10, slow: 30}}\nvariants:\n"
        "  same:\n  quick: {params: {fast: 5}, costs: {commission_bps: 2}}\n"
        "  other: {strategy: {type: donchian_breakout}, sizing: {type: fixed_cash, cash: 9}}\n"
    ),
    "scenarios/older.json": (
        '{"name": "older", "strategy": {"type": "BreakoutScalpingStrategy",\n'
        '"params": {"lookback": 9, "risk_reward": 2.0, "risk_per_trade": 0.01}},\n'
        '"market": {"symbol": "AAPL", "timeframe": "1d", "start_date": "2004-01-01"},\n'
        '"capital": {"initial": 5000, "currency": "USD"}, "fees": {"taker": 0.001}}\n'
    ),
}
HOSTILE = (
    "", "~", "null", "true", "yes", "-1", "0", "-0.0", "1e12", "1e400", ".nan", ".inf", "-.inf",
    "9" * 5000, str(2**63), str(-(2**70)), "0x", "0b_", "0_", "1:60:99", "1_000", "16:00",
    "2012-13-45", "0001-01-01", "9999-12-31", "2001-01-01 00:00:00 +99:00", "[]", "{}", "[[]]",
    "{a: {b: {c: 1}}}", "[" * 60 + "]" * 60, "[1, 1e12, 1]", "[0, 1, 1e-15]", "!!int abc",
    "!!python/object/apply:os.system [ls]", "!mine x", "! x", "&x [*x]", "*nowhere", "<<", "=",
    "<<: {a: 1}", "'", '"', '"\\0"', '"\\ud800"', '"\\U00110000"', '"\\x1b[31m"', "\ufeff",
    "x" * 20_000, "ü東💥", "a: b: c", "- a", "? x", "|", ">-", "# gone", "%YAML 9.9", "---", "...",
    "'x' * 9999999999 == 'y'", "fast < slow < 1e999", "fast ** 99 ** 99 < slow", "(" * 300,
    "fast < " + "- " * 300 + "1", "not " * 90 + "fast < slow", "core", "all", "AAPL_1d",
    "../../etc/passwd", "a\tb", "\t", "{{", "]", "@", "`", "null: null", "1: 2", "2012-01-01: x",
)  # fmt: skip


@dataclass
class Tally:
    """What became of the files: `outcomes` counts them, `faults` are texts of what must not be."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0


def texts() -> list[tuple[str, str]]:
    """The files that are changed: the place of each in a folder of settings, and its text.

    Blocks of pages that need another file of the page are left out.
    """
    found = list(EXAMPLES.items())
    for path in sorted(SHIPPED.rglob("*.yaml")):
        found.append((str(path.relative_to(SHIPPED)), path.read_text("utf-8")))
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        blocks = re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        for number, block in enumerate(blocks):
            name = f"{page.stem}_{number}".lower().replace("-", "_")
            if not _NEEDS_ANOTHER.search(block) and not _OF_DAGSTER.search(block):
                found.append((_place(block, name), block))
    return found


def mutated(text: str, chance: random.Random) -> bytes:
    """The text after one to three changes, one as a rule."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        text = chance.choice(_CHANGES)(text, chance)
    found = text.encode("utf-8", "surrogatepass")
    kind = chance.random()
    if kind < 0.05 and found:
        at = chance.randrange(len(found))
        return found[:at] + chance.randbytes(chance.randint(1, 4)) + found[at + 1 :]
    if kind < 0.07:
        return text.encode(chance.choice(["utf-16", "utf-32", "utf-16-le"]), "surrogatepass")
    return b"\xef\xbb\xbf" * chance.randint(1, 2) + found if kind < 0.1 else found


def run(count: int, seed: int) -> Tally:
    """Change and read so many files."""
    chance, tally, known = random.Random(seed), Tally(), texts()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        for number in range(count):
            place, text = known[chance.randrange(len(known))]
            if chance.random() < 0.1:
                place = place.replace(".yaml", ".json")
            path = config / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(mutated(text, chance))
            _read(config, path, f"file {number} ({place})", tally)
            path.unlink()
    return tally


def _read(config: Path, path: Path, what: str, tally: Tally) -> None:
    started = time.process_time()
    try:
        if path.parent.name == "answers":
            load_answers(path.with_name(path.name.removesuffix(".yaml")))
        else:
            for error in check_catalog(load_catalog(config)).values():
                raise error
        tally.outcomes["read"] += 1
    except TradingPipelineError as error:
        tally.outcomes[type(error).__name__] += 1
        told = str(error)
        if len(told.splitlines()) != 1 or len(told) > LONGEST_MESSAGE:
            tally.faults.append(f"{what}: not one paragraph: {told[:300]!r} ({len(told)})")
        if not told.isprintable():
            tally.faults.append(f"{what}: characters that cannot be printed: {told[:300]!r}")
    except Exception as error:  # what this program looks for
        tally.outcomes["raw exception"] += 1
        tally.faults.append(f"{what}: {type(error).__name__}: {str(error)[:300]}")
    seconds = time.process_time() - started
    tally.slowest_seconds = max(tally.slowest_seconds, seconds)
    if seconds > SLOW_SECONDS:
        tally.faults.append(f"{what}: {seconds:.1f} s of CPU time")


def _place(block: str, name: str) -> str:
    """Where a block of a page belongs, by the keys that it has."""
    keys = set(re.findall(r"^(\w+):", block, re.MULTILINE))
    for key, folder in (
        ("space", "studies"),
        ("strategy", "scenarios"),
        ("portfolio", "scenarios"),
        ("horizon_bars", "labels"),
        ("columns", "features"),
        ("features", "models"),
        ("predictor", "models"),
    ):
        if key in keys and "tz" not in keys:
            return f"{folder}/{name}.yaml"
    if "peers" in keys:
        return "cross_features.yaml"
    return f"answers/{name}.csv.yaml" if "tz" in keys else "universe.yaml"


def _positions(text: str, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(text))
    return start, min(len(text), start + chance.randint(0, 12))


def _insert(text: str, chance: random.Random) -> str:
    at, _ = _positions(text, chance)
    return text[:at] + chance.choice(HOSTILE) + text[at:]


def _replace(text: str, chance: random.Random) -> str:
    start, end = _positions(text, chance)
    return text[:start] + chance.choice(HOSTILE) + text[end:]


def _delete(text: str, chance: random.Random) -> str:
    start, end = _positions(text, chance)
    return text[:start] + text[end:]


def _truncate(text: str, chance: random.Random) -> str:
    return text[: chance.randint(0, len(text))]


def _replace_value(text: str, chance: random.Random) -> str:
    """Another value for one key or one item of a list."""
    found = list(re.finditer(r"(?<=[:\[,] )[^,\]}\n]+|(?<=\[)[^,\]}\n]+", text))
    if not found:
        return text
    one = chance.choice(found)
    return text[: one.start()] + chance.choice(HOSTILE) + text[one.end() :]


def _rename_key(text: str, chance: random.Random) -> str:
    found = list(re.finditer(r"\w+(?=:)", text))
    if not found:
        return text
    one = chance.choice(found)
    return text[: one.start()] + chance.choice(HOSTILE) + text[one.end() :]


def _change_lines(text: str, chance: random.Random) -> str:
    """One line twice, in another place, indented, or left out."""
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    at, to = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.randrange(4)
    if kind == 0:
        lines.insert(to, lines[at])
    elif kind == 1:
        lines.insert(to, lines.pop(at))
    elif kind == 2:
        lines[at] = chance.choice(("  ", " ", "\t", "- ")) + lines[at]
    else:
        lines.pop(at)
    return "".join(lines)


_CHANGES = (
    _insert, _replace, _delete, _truncate, _replace_value, _replace_value, _replace_value,
    _rename_key, _change_lines, _change_lines,
)  # fmt: skip


def _lines(tally: Tally) -> Iterator[str]:
    for outcome, count in sorted(tally.outcomes.items()):
        yield f"{count:6,} {outcome}"
    yield f"slowest file: {tally.slowest_seconds:.2f} s of CPU time"
    yield f"{len(tally.faults)} faults"
    yield from tally.faults


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]] + [2000, 1][len(sys.argv) - 1 :]
    done = run(*numbers)
    sys.stdout.write("\n".join(_lines(done)) + "\n")
    sys.exit(1 if done.faults else 0)
