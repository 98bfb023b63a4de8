"""Advice about a profiled file: which rows block it, and which delimiter it may have.

Nothing here changes a profile; each sentence names the flag or the fix that helps.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from trading_pipeline.datasets.preview import preview_dataset
from trading_pipeline.datasets.profile import DatasetProfile
from trading_pipeline.domain.currencies import major_currency
from trading_pipeline.market_data.quality.warnings import is_hundredfold

__all__ = ["blocked_rows", "delimiter_advice", "remarks"]

_FLAG = "--duplicates first or --duplicates last keeps one row of each stamp"
_ROWS = "correct or take out these rows in the file"
_BLOCKING = {
    "duplicate_conflict": ("row(s) repeat a stamp with other values", _FLAG),
    "duplicate_row": ("row(s) repeat an earlier one", _FLAG),
    "high_below_low": ("row(s) have a high below the low", _ROWS),
    "ohlc_inconsistent": ("row(s) have an open or close outside high and low", _ROWS),
    "non_positive_price": ("row(s) have a price of 0 or less", _ROWS),
    "negative_volume": (
        "rows have a volume below 0",
        f"{_ROWS}, or leave the volumes out: --volume none",
    ),
    "skipped_hour": (
        "row(s) stand at a time that the clock of their zone skips in spring",
        "name the zone whose clock wrote the file with --tz",
    ),
    "unclear_hour": (
        "row(s) stand in an hour that autumn repeats, and their order does not tell which pass",
        "sort the rows by time, or give stamps in UTC",
    ),
}
_DROPPED = {
    "null_ohlc": "row(s) have an empty or unreadable price",
    "truncated_line": "line(s) have too few cells",
    "bad_timestamp": "row(s) have a time stamp that cannot be read",
}
_PENCE = {"XLON": "GBp", "XJSE": "ZAc", "XTAE": "ILA"}
_GAP_SHARE = 0.01  # CheckSettings.gap_error_fraction
_WITHOUT_SESSIONS = ("24/7", "24/5")
_LINES = 20


def blocked_rows(profile: DatasetProfile) -> list[str]:
    """Why `datasets add` would refuse the bars as they stand, one sentence a reason; perhaps none.

    Empty for a file that is not accepted at all. `add` drops rows that cannot be bars: they are
    named too, as the bars that are then missing.
    """
    if not profile.accept:
        return []
    found = {**profile.problems, **profile.other_findings}
    told = []
    for code, (what, fix) in _BLOCKING.items():
        count = found.get(code, 0)
        if count and not (code.startswith("duplicate") and profile.answers.duplicates != "keep"):
            told.append(f"{count:,} {what} ({code}): {fix}.")
    if any(question.key in ("date_order", "timeframe") for question in profile.open_questions):
        return told  # which bars there are depends on the answer
    missing = profile.missing_bars or 0
    allowed = profile.answers.max_missing
    share = missing / max(missing + profile.valid_rows, 1)
    if profile.calendar not in _WITHOUT_SESSIONS and share > (
        _GAP_SHARE if allowed is None else allowed
    ):
        lost = [f"{found[code]:,} {what}" for code, what in _DROPPED.items() if found.get(code)]
        because = f" ({', '.join(lost)}, and so are no bars)" if lost else ""
        told.append(
            f"{missing:,} bars that {profile.calendar} expects are missing, {share:.1%}{because}: "
            "name the right calendar with --calendar, or allow them with --max-missing."
        )
    return told


def remarks(profile: DatasetProfile) -> list[str]:
    """What a user should know before the bars are used, one sentence a matter; perhaps none.

    Nothing here blocks: it is what would otherwise be decided in silence.
    """
    if not profile.accept:
        return []
    told = []
    if profile.problems.get("missing_volume"):
        told.append(
            "The file has no column of volumes, so every bar gets volume 0. If one holds them, "
            "name it with --column volume=NAME (a sum: volume=Up+Down); --volume none says that "
            "there is none."
        )
    shift = profile.level_shift
    if shift is not None:
        moment, ratio = shift
        count = profile.other_findings["level_shift"]
        why = "a split, which a file does not record, or two series in one file"
        if is_hundredfold(ratio):
            why = "a unit that became another, such as pence and pounds: bring the file into one"
        told.append(
            f"The price jumps to a multiple {count} time(s) (level_shift): the open at {moment} is "
            f"{ratio:.4g} times the close before. It may be {why}."
        )
    if profile.date_order_by_steps:
        told.append(
            f"{profile.problems.get('ambiguous_date', 0):,} date(s) can be read as day/month and "
            f"as month/day; the steps between them decided for {profile.date_order_by_steps}. If "
            "that is wrong, say so with --date-order."
        )
    if profile.calendar in _PENCE and not (profile.answers.currency or profile.answers.unit):
        unit = _PENCE[str(profile.calendar)]
        told.append(
            f"Shares on {profile.calendar} are mostly quoted in {unit}, of which 100 make a "
            f"{major_currency(unit)}. If these are, say --currency {unit} (they stay as they are) "
            f"or --unit {unit} (they are divided by 100)."
        )
    return told


def delimiter_advice(path: Path, profile: DatasetProfile) -> str:
    """Which character seems to split the lines of a file that was read as one column, as advice.

    Empty where the file has several columns or is not text, or no character splits its first lines
    alike.
    """
    shape = profile.shape
    if shape is None or shape.delimiter is None or shape.width > 1:
        return ""
    shown = preview_dataset(path, profile.answers, rows=_LINES)
    lines = ["".join(row) for row in shown.rows]
    counts = [Counter(each for each in line if _can_split(each)) for line in lines]
    common = set.intersection(*map(set, counts)) if counts else set()
    alike = {
        each: n[each]
        for each in sorted(common)
        if len({c[each] for c in counts}) == 1
        for n in counts[:1]
    }
    # dates and prices repeat these marks in every line too
    likely = [each for each, count in alike.items() if count >= 4 and each not in ".-:/"]
    if not likely:
        return ""
    best = max(likely, key=alike.__getitem__)
    return (
        f"Every line holds {best!r} {alike[best]} times: if it splits the cells, say so with "
        f"--delimiter '{best}'."
    )


def _can_split(character: str) -> bool:
    return not (character.isalnum() or character.isspace() or character in "\"'")
