"""Spoils files of bars at random and shows that each is read or refused in one paragraph.

`uv run python tools/fuzz_datasets.py --files 500 --seed 12`: every spoiled file goes through the
profile, its open questions with an answer each, the reading of bars and the checks before a
registration. Anything but an error of the package, or an error of several paragraphs, is printed;
the exit code is then 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from trading_pipeline.datasets import (
    DatasetAnswers,
    blocked_rows,
    preview_dataset,
    profile_dataset,
    read_dataset_bars,
    remarks,
)
from trading_pipeline.errors import TradingPipelineError

__all__ = ["main", "outcome", "spoiled_file"]

_HEADERS = (
    "timestamp,open,high,low,close,volume",
    "Date,Time,Open,High,Low,Close,Up,Down",
    "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>",
    "Gmt time;Open;High;Low;Close;Volume",
    "",
)
_CELLS = (
    "", "nan", "inf", "-1", "0", "1e308", "1.71752E+12", "99999999999999999999", "=1+1", "\ufeff",
    "2024-02-30", "31/12/9999 25:61", "20240102  09:30:00", "20240102 09:30:00 US/Eastern",
    "2024-10-27 02:30:00", "\u221e", "\u0661\u0662", "'", '"', "a" * 5000, "1,234.5", "-", "NaT",
)  # fmt: skip
_STEPS_MINUTES = (1, 2, 5, 30, 60, 120, 1440, 10_080, 43_200)


def spoiled_file(rng: np.random.Generator) -> bytes:
    """A table of bars in one of several layouts, with one to five faults."""
    header = _HEADERS[rng.integers(len(_HEADERS))]
    delimiter = "\t" if "\t" in header else ";" if ";" in header else ","
    lines = [header] if header else []
    step = np.timedelta64(int(rng.choice(_STEPS_MINUTES)), "m")
    moment = np.datetime64("2024-10-25T09:31")
    price = 100.0
    for _ in range(int(rng.integers(2, 120))):
        price *= float(np.exp(rng.normal(0, 0.01)))
        stamp = str(moment.astype("datetime64[s]")).replace("T", " ")
        when = stamp.split(" ") if "TIME" in header.upper() and "Date" in header else [stamp]
        prices = [price, price * 1.01, price * 0.99, price]
        lines.append(delimiter.join([*when, *(f"{each:.4f}" for each in prices), "10", "5"]))
        moment += step
    for _ in range(int(rng.integers(1, 6))):
        _spoil(lines, delimiter, rng)
    ends = ("\n", "\r\n", "\r")[rng.integers(3)]
    content = ends.join(lines).encode(("utf-8", "utf-16", "cp1252")[rng.integers(3)], "replace")
    if rng.random() < 0.3:
        at = int(rng.integers(len(content) + 1))
        content = content[:at] + rng.bytes(int(rng.integers(1, 9))) + content[at:]
    return content


def _spoil(lines: list[str], delimiter: str, rng: np.random.Generator) -> None:
    at = int(rng.integers(len(lines)))
    cells = lines[at].split(delimiter)
    kind = int(rng.integers(7))
    if kind == 0:
        cells[int(rng.integers(len(cells)))] = _CELLS[rng.integers(len(_CELLS))]
        lines[at] = delimiter.join(cells)
    elif kind == 1:
        lines[at] = lines[at][: int(rng.integers(len(lines[at]) + 1))]
    elif kind == 2:
        lines.insert(at, lines[int(rng.integers(len(lines)))])
    elif kind == 3:
        lines[:] = lines[:1] + lines[:0:-1]
    elif kind == 4:
        column, cell = int(rng.integers(len(cells))), _CELLS[rng.integers(len(_CELLS))]
        for i, line in enumerate(lines):
            parts = line.split(delimiter)
            parts[min(column, len(parts) - 1)] = cell
            lines[i] = delimiter.join(parts)
    elif kind == 5:
        rng.shuffle(lines)
    else:
        lines[at] = delimiter.join(cells[::-1])


def outcome(path: Path) -> str:
    """What came of a file: "bars", "refused" or "no bars"; other errors than the package's rise."""
    answers = DatasetAnswers()
    try:
        preview_dataset(path, answers)
    except TradingPipelineError as error:
        _require_paragraph(error)
    try:
        profile = profile_dataset(path, answers)
        profile.to_json()
        given = {"date_order": "dmy", "tz": "Europe/Berlin", "timeframe": "1d", "stamps": "end"}
        asked = {question.key for question in profile.open_questions}
        answers = DatasetAnswers(
            **{key: value for key, value in given.items() if key in asked},
            symbol=profile.symbols[0] if "symbol" in asked else None,
        )
        profile = profile_dataset(path, answers)
        blocked_rows(profile)
        remarks(profile)
        if not profile.accept:
            return "refused"
        return "bars" if len(read_dataset_bars(path, profile)) else "no bars"
    except TradingPipelineError as error:
        _require_paragraph(error)
        return "refused"


def _require_paragraph(error: TradingPipelineError) -> None:
    if "\n\n" in str(error) or "Traceback" in str(error):
        raise AssertionError(f"An error of several paragraphs: {error}")


def main() -> int:
    """Run over the files; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=12)
    given = parser.parse_args()
    rng, counts, raw = np.random.default_rng(given.seed), Counter[str](), 0
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prices.csv"
        for number in range(given.files):
            path.write_bytes(spoiled_file(rng))
            try:
                counts[outcome(path)] += 1
            except Exception as error:
                raw += 1
                sys.stdout.write(f"file {number}: {type(error).__name__}: {str(error)[:300]}\n")
    sys.stdout.write(
        f"{given.files} spoiled files, seed {given.seed}: {dict(counts)}, {raw} raw exceptions, "
        f"{time.process_time() - begin:.0f} s of CPU\n"
    )
    return int(raw > 0)


if __name__ == "__main__":
    raise SystemExit(main())
