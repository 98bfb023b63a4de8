"""Advice of errors about what is stored leads out: each piece has its test.

The table says where. An error with advice that the table does not know fails here, and so does an
entry without its test or its advice.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import trading_pipeline

PACKAGE = Path(trading_pipeline.__file__).parent
TESTS = Path(__file__).parent
ABOUT_WHAT_IS_STORED = (
    "models/leakage_guard.py",
    "models/registry",
    "market_data/sources/files.py",
    "stages",
    "storage/open_results.py",
    "storage/path_failures.py",
    "storage/schema.py",
    "storage/storage_failures.py",
    "storage/stores",
)
ADVICE = re.compile(
    r"trading-pipeline|\b(again|[Rr]emove|[Dd]elete|[Rr]estore|[Mm]ove|[Tt]rain|[Uu]pgrade"
    r"|[Mm]aterialize)\b"
)
VERIFIED = "stages/test_verification.py::test_damage_is_named_and_the_next_pass_makes_it_good"

FOLLOWED = {
    "names a Dask scheduler, and the package": "stages/fan_out/test_dask_pool.py::"
    "test_a_scheduler_that_is_not_there_is_told_of_within_ten_seconds",
    "has other code than the process that sent": "stages/fan_out/test_work.py::"
    "test_a_worker_of_another_version_is_refused_with_both_named",
    "and so did a second one": "stages/fan_out/test_fan_out.py::"
    "test_what_kills_two_workers_stops_its_instrument_alone",
    "did not come from its worker as it was made": "stages/fan_out/test_work.py::"
    "test_a_damaged_file_is_refused_whole",
    "went away in the middle of the work. What was finished": "stages/fan_out/test_dask_pool.py::"
    "test_a_scheduler_gives_the_same_files_and_rows",
    "See it with: trading-pipeline optimize": "stages/backtests/test_frozen_studies.py::"
    "test_the_test_is_measured_once_is_a_trial_and_stands_in_the_summary",
    "are not up to date. Materialize": "stages/backtests/test_frozen_studies.py::"
    "test_a_test_waits_for_trials_that_are_up_to_date",
    "Register one with": "stages/datasets/test_registration.py::"
    "test_a_damaged_registered_file_is_named_and_adding_it_again_makes_it_good",
    "Add the file again with": "stages/datasets/test_registration.py::"
    "test_a_damaged_registered_file_is_named_and_adding_it_again_makes_it_good",
    "Train it and predict again": VERIFIED,
    "The next pass trains it again": "stages/test_verification.py::"
    "test_a_damaged_model_says_how_it_is_trained_again",
    "The next pass runs it again": VERIFIED,
    "The next pass makes it again": VERIFIED,
    "Something else than this package changed them": VERIFIED,
    "too few for an audit. Fetch them first": "cli/test_audit_command.py::"
    "test_an_audit_goes_on_after_the_bars_that_it_missed_were_fetched",
    "weighs several instruments, so it cannot be audited": "cli/test_backtest_command.py::"
    "test_the_rotation_of_the_page_becomes_one_result_with_its_page",
    "Make some: trading-pipeline demo, or run": "stages/reports/test_leaderboard_now.py::"
    "test_without_a_result_it_says_how_to_make_some_and_then_shows_them",
    "so there is nothing to forecast from. Fetch its": "stages/models/test_live.py::"
    "test_an_instrument_without_bars_can_be_forecast_once_they_are_fetched",
    "Change the set and materialize it again": "stages/backtests/test_audited_results.py::"
    "test_a_blocked_set_that_was_changed_is_materialized_again",
    "unless you say so: trading-pipeline run": "stages/market_data/test_incremental_fetch.py::"
    "test_a_source_without_data_is_not_asked_again_before_its_answer_expires",
    "so one of them is out of date": "stages/models/test_model_features.py::"
    "test_assets_of_different_bars_are_not_joined_until_both_are_up_to_date",
    "has not been materialized. Materialize it": "stages/models/test_model_features.py::"
    "test_a_model_without_its_comparison_is_refused_until_a_pass_made_it",
    "have not been fetched for the window": "stages/test_window_stages.py::"
    "test_a_stage_before_its_inputs_says_what_is_missing",
    "correct the source, and fetch them again": "defs/test_bad_bars.py::"
    "test_no_later_run_builds_on_rejected_bars_and_a_mended_source_heals_all",
    "is gone, perhaps removed while": "storage/test_path_failures.py::"
    "test_records_that_are_gone_are_made_anew",
    "are in use by another process": "storage/test_path_failures.py::"
    "test_a_busy_database_is_waited_for_and_not_moved",
    "if so they are damaged: move": "cli/test_doctor_command.py::"
    "test_damaged_records_of_dagster_are_one_paragraph_in_doctor_and_run",
    "is not a warehouse of this package": "storage/test_warehouse_files.py::"
    "test_a_database_of_another_program_with_such_a_table_is_refused_and_unchanged",
    "written by a newer trading-pipeline": "storage/test_warehouse_files.py::"
    "test_a_newer_schema_is_refused_by_reads_and_writes",
    "Move the file away": "test_advice.py::"
    "test_a_damaged_warehouse_that_was_moved_away_is_made_anew",
    "written by a newer DuckDB": "storage/test_warehouse_files.py::"
    "test_a_newer_storage_format_is_a_version_error_and_not_a_damage",
    "could not be read or written": "storage/test_warehouse_files.py::"
    "test_a_folder_without_rights_is_a_typed_error",
    "The ledger of trials is not whole": "stages/test_verification.py::"
    "test_trials_that_were_removed_are_made_again_and_the_loss_stays_on_record",
    "See: trading-pipeline trials list": "cli/test_trials_command.py::"
    "test_the_list_shows_rows_by_what_they_are_about",
    "Ids: trading-pipeline models list": "cli/test_models_command.py::"
    "test_the_list_says_what_each_model_is_and_who_forecasts",
    "Run: trading-pipeline model-card": "cli/test_models_command.py::"
    "test_models_without_a_fit_are_there_after_their_card",
    "All of them: trading-pipeline results list": "cli/results/test_results_commands.py::"
    "test_the_list_has_every_result_in_80_columns",
    "cannot be run again: it is from before": "stages/results/test_reproduction.py::"
    "test_a_result_from_before_scenarios_were_stored_needs_the_file",
    "' on  cannot be run again": "stages/results/test_reproduction.py::"
    "test_inputs_that_are_gone_are_named",
    "or: trading-pipeline model-card": "cli/test_models_command.py::"
    "test_models_without_a_fit_are_there_after_their_card",
}
"""A part of each message, and the test that follows its advice.

Advice that only the world outside can follow (another version, more rights) is shown there.
"""


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(map(text_of, node.values))
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    return ""


def advice() -> list[str]:
    """Messages of errors that say what to do, with the module that raises them."""
    found = []
    for part in ABOUT_WHAT_IS_STORED:
        path = PACKAGE / part
        for module in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for node in ast.walk(ast.parse(module.read_text("utf-8"))):
                if isinstance(node, ast.Call) and node.args:
                    name = ast.unparse(node.func)
                    text = text_of(node.args[0])
                    if name.endswith("Error") and ADVICE.search(text):
                        found.append(f"{module.relative_to(PACKAGE)}: {text}")
    return found


def test_every_advice_has_its_test():
    found = advice()
    assert len(found) > 15
    unknown = [text for text in found if not any(part in text for part in FOLLOWED)]
    assert unknown == []
    unused = [part for part in FOLLOWED if not any(part in text for text in found)]
    assert unused == []


@pytest.mark.parametrize("test", sorted(set(FOLLOWED.values())))
def test_the_test_that_follows_an_advice_is_there(test):
    module, _, name = test.partition("::")
    assert f"def {name}(" in (TESTS / module).read_text("utf-8")


def test_a_damaged_warehouse_that_was_moved_away_is_made_anew(warehouse):
    with warehouse.write():
        pass
    warehouse.path.write_bytes(b"no database" * 1000)
    with pytest.raises(trading_pipeline.errors.WarehouseCorruptError, match="Move the file away"):
        type(warehouse)(warehouse.path)._ensure_tables()
    warehouse.path.rename(warehouse.path.with_name("damaged"))
    with type(warehouse)(warehouse.path).read() as connection:
        assert connection.execute("SELECT count(*) FROM trials").fetchall() == [(0,)]
