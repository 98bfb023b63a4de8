"""Makes a study file from anywhere one of the user's studies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_pipeline.errors import ConfigurationError, TradingPipelineError
from trading_pipeline.settings.catalog import load_catalog, read_study
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.settings.written_files import replace_file

__all__ = ["registered_study"]

_MARK = "# Registered from "


@contextmanager
def registered_study(path: Path, config_dir: Path) -> Iterator[StudySpec]:
    """Copy a study file into the user's folder, so that it has a partition and a page in the UI.

    A file that is there already, or that equals the study of its name, is left alone; a copy of the
    same file is refreshed. An error in the block restores the folder; a study that is stopped
    stays, since it can go on. Raises `ConfigurationError` where the name belongs to another study.
    """
    spec = read_study(path)
    catalog = load_catalog(config_dir, leave_out=True)
    known, source = catalog.studies.get(spec.name), catalog.sources.get(f"studies/{spec.name}")
    if known == spec or (source is not None and source.resolve() == path.resolve()):
        yield spec
        return
    mark = f"{_MARK}{path.resolve()}\n"
    if known is not None and not _begins_with(source, mark):
        raise ConfigurationError(
            f"{path} has the name '{spec.name}', which another study has ({source}). Give it "
            "another 'name', or edit that file instead.",
            name=spec.name,
            path=str(path),
        )
    suffix = ".json" if path.suffix == ".json" else ".yaml"
    target = config_dir / "studies" / f"{spec.name}{suffix}"
    if known is None and target.exists() and not _begins_with(target, mark):
        raise ConfigurationError(
            f"{path} would be copied to {target}, where another file stands"
            f"{catalog.told_of('studies', spec.name) or '.'} Fix that file, move it away, or give "
            "this one another 'name'.",
            name=spec.name,
            path=str(path),
        )
    before = target.read_bytes() if target.exists() else None
    text = ("" if suffix == ".json" else mark) + path.read_text(encoding="utf-8")
    replace_file(target, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    try:
        yield spec
    except Exception as error:
        if before is None:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(before)
        if isinstance(error, TradingPipelineError) and str(target) in str(error):
            told = str(error).replace(str(target), str(path))  # the copy is gone
            raise type(error)(told, **error.values) from error
        raise


def _begins_with(source: Path | None, mark: str) -> bool:
    if source is None or not source.is_file():
        return False
    return source.read_text(encoding="utf-8").startswith(mark)
