"""What "the same code" is: one hash of the functions that compute something and of all they reach.

`code_hash` starts at functions and classes (the roots). A root's definition is read from the source
text of its module; each name in it is followed to the definition in the package that it stands for,
and so on. The hash covers every definition reached. It depends on what the code does, not on where
it is or how it is written:

- Comments, docstrings, annotations, formatting and imports have no part, nor have module names.
- What only speaks has no part: arguments of a raised error, messages of `assert`, calls of a
  logger, of `warnings.warn` and of `print`.
- A class is reached whole, with its bases. A class that the annotation of a
  parameter or field names is reached too, since its methods run on what is passed.
- A statement at module level that changes a reached name belongs to it, and a definition inside of
  `if` or `try` counts with its block.
- A string that names a script or style beside the code (`"page/static/page.css"`) stands for its
  text.
- Libraries and built-ins are not followed: only the dotted name of what is used counts.
- The walk stops at `STOPS`: code that finds, reads, stores or reports, and computes nothing.

Nothing is imported to be hashed, and no module is parsed twice. Hashes of the package's own code
are kept for later processes (`keep_hashes_in`), as long as no byte of the package changes.
"""

from __future__ import annotations

from pathlib import Path

from trading_pipeline.code_identity.kept_hashes import KeptHashes
from trading_pipeline.code_identity.modules import read_text
from trading_pipeline.code_identity.source_tree import STOPS, SourceTree

__all__ = ["STOPS", "SourceTree", "code_hash", "keep_hashes_in", "read_text"]

_tree = SourceTree()


def keep_hashes_in(folder: Path) -> None:
    """Keep hashes of the package's code in a folder, and take them from there; a walk over the
    sources takes seconds, and each command would make it again."""
    if _tree.kept is not None and _tree.kept.folder == folder:
        return
    _tree.kept = KeptHashes(folder, Path(__file__).parents[1])


def code_hash(*roots: object) -> str:
    """Hash of what the roots compute: their definitions and all that these reach in the package.

    Parameters
    ----------
    roots
        Functions, classes, compiled numba functions, `functools.partial` objects (with their
        arguments), and instances, which stand for their class. Their order does not count.

    Returns
    -------
    str
        sha256 in hex digits, equal for equal code wherever the modules are.

    Raises
    ------
    ConfigurationError
        Where a root's module has no source text, such as a function typed at a prompt.

    >>> code_hash(SourceTree) == code_hash(SourceTree())
    True
    """
    return _tree.code_hash(*roots)
