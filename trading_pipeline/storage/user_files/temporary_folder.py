"""The folder of temporary files that reading a user's file may need, and its failures."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_pipeline.errors import DatasetFormatError

__all__ = ["temporary_file_error", "temporary_folder"]


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """An empty folder that is removed at the end, whatever happens in between.

    Raises `DatasetFormatError` where the system's folder for temporary files cannot be written.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="datasets-")
    except OSError as error:
        raise temporary_file_error(Path(tempfile.gettempprefix()), error) from error
    with folder as name:
        yield Path(name)


def temporary_file_error(folder: Path, error: OSError) -> DatasetFormatError:
    """The typed error of a temporary file that cannot be written or read."""
    return DatasetFormatError(
        f"A temporary file in {folder} could not be written: {error.strerror or error}. Nothing "
        "was kept. Make room on that disk, or point TMPDIR at a folder that this user may write to "
        "and that has as many free bytes as the file.",
        folder=str(folder),
        reason=str(error),
    )
