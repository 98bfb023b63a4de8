"""The asset check of the user's files: one that is wrong is named, and stops nothing else."""

import dagster as dg

from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.market_data.usable_catalog import catalog_of_files

__all__ = ["files_check"]

_MOST = 50  # rows of the table; every event of the check stores them


@dg.asset_check(
    asset="universe",
    name="files",
    description="Every file of settings and of own code can be used. A wrong one is left out, and "
    "everything else works; this check names it, its line, and the way out.",
)
def files_check() -> dg.AssetCheckResult:
    """Reads the files as they are now, so it can be run by itself at any time."""
    wrong = catalog_of_files(load_settings()).wrong
    rows = [
        dg.TableRecord(
            {
                "what": each.name,
                "file": str(each.path or ""),
                "line": "" if each.line is None else str(each.line),
                "error": str(each.error),
                "way_out": each.way_out,
            }
        )
        for each in wrong[:_MOST]
    ]
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        description="\n".join(str(each.error) for each in wrong[:_MOST]) or None,
        metadata={"wrong_files": len(wrong)}
        | ({"files": dg.MetadataValue.table(rows)} if rows else {}),
    )
