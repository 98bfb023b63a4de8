"""Which files below `output/reports` are pages, and the addresses under which they are served."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["FOLDERS", "STORED_LEADERBOARD", "ReportPage", "page_file", "report_pages"]

FOLDERS = {"": "result", "model_cards": "model card", "forecasts": "forecast"}
"""Folders of pages below that of the reports, and what a page in them is."""
STORED_LEADERBOARD = "index.html"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*\.html"
_ADDRESS = re.compile(rf"(?:(?:{'|'.join(filter(None, FOLDERS))})/)?{_NAME}", re.ASCII)
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_HEAD_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class ReportPage:
    """A page: its address below the server's, what it is, its title, when it was written (UTC)."""

    address: str
    kind: str
    title: str
    written_at: datetime


def page_file(folder: Path, address: str) -> Path | None:
    """The file of a page by its address, without a leading slash; None where there is none.

    `address` is taken as it was sent: no percent code means anything, and a name that is not that
    of a page, a link, and a file behind a link are no pages.

    >>> page_file(Path("reports"), "../warehouse.duckdb") is None
    True
    """
    if not _ADDRESS.fullmatch(address):
        return None
    try:
        path = folder.resolve(strict=True) / address
        return path if path.resolve(strict=True) == path and path.is_file() else None
    except OSError:
        return None


def report_pages(folder: Path) -> list[ReportPage]:
    """All pages but the leaderboard, the newest first; none where the folder is not there."""
    return sorted(_found(folder), key=lambda page: (page.written_at, page.address), reverse=True)


def _found(folder: Path) -> Iterator[ReportPage]:
    for name, kind in FOLDERS.items():
        for path in (folder / name).glob("*.html"):
            address = f"{name}/{path.name}" if name else path.name
            file = None if address == STORED_LEADERBOARD else page_file(folder, address)
            if file is not None:
                try:
                    written_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
                    title = _title(file)
                except OSError:  # removed a moment ago
                    continue
                yield ReportPage(address=address, kind=kind, title=title, written_at=written_at)


def _title(file: Path) -> str:
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES).decode("utf-8", errors="replace")
    found = _TITLE.search(head)
    return html.unescape(found[1]).strip() if found else file.stem
