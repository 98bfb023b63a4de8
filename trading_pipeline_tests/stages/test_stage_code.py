"""A changed formula makes every stage above it stale, and what does not compute makes none."""

import ast
from pathlib import Path

import pytest

import trading_pipeline
from trading_pipeline import code_identity
from trading_pipeline.code_identity import SourceTree, read_text
from trading_pipeline.stages.datasets.profiles import DatasetStage
from trading_pipeline.stages.features.cross_features import CrossFeatureStage
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.labels import LabelStage, label_specs
from trading_pipeline.stages.features.patterns import ChartPatternStage
from trading_pipeline.stages.models.model_card import ModelCardStage
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline_tests.pipeline_world import copied_world, pointed_at
from trading_pipeline_tests.stage_calls import (
    backtest_is_pending,
    leaderboard_is_pending,
    materialize_leaderboard,
    materialize_tearsheet,
    study_is_pending,
    tearsheet_is_pending,
)

ROOT = Path(trading_pipeline.__file__).parent
BARS = "AAPL_1d"
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}


def label(workspace):
    return LabelStage(workspace, BARS, next(iter(label_specs(workspace.catalog)))).code_hash


def features(workspace):
    vars(FeatureStage(workspace, BARS, "core").set).pop("hash", None)  # kept by the set
    return FeatureStage(workspace, BARS, "core").code_hash


STAGES = {
    "features": features,
    "labels": label,
    "chart_patterns": lambda w: ChartPatternStage(w, BARS).code_hash,
    "cross_features": lambda w: CrossFeatureStage(w, BARS).code_hash,
    "models": lambda w: ModelStage(w, BARS, "direction").code_hash,
    "predictions": lambda w: PredictionStage(w, BARS, "direction").code_hash,
    "model_card": lambda w: ModelCardStage(w, BARS, "direction").code_hash,
    "backtest": lambda w: backtest_is_pending(w, BARS, "sma_crossover"),
    "studies": lambda w: study_is_pending(w, BARS, "sma_grid"),
    "tearsheet": lambda w: tearsheet_is_pending(w, BARS, "sma_crossover"),
    "leaderboard": lambda w: leaderboard_is_pending(w),
    "dataset_profile": lambda w: DatasetStage(w).code_hash,
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    runtime = tmp_path_factory.mktemp("world") / "runtime"
    with pointed_at(runtime):
        opened = copied_world(runtime).workspace
        materialize_tearsheet(opened, BARS, "sma_crossover")
        materialize_leaderboard(opened)
        yield opened


@pytest.fixture
def stale(workspace, monkeypatch):
    """Names of the stages that are stale with other source texts."""
    before = {name: of(workspace) for name, of in STAGES.items()}
    assert not any(value is True for value in before.values())

    def found(read):
        monkeypatch.setattr(code_identity, "_tree", SourceTree(read))
        return {name for name, of in STAGES.items() if of(workspace) != before[name]}

    yield found
    monkeypatch.undo()
    features(workspace)


def with_another_formula(text, name):
    """The text, with another first sum, comparison or number of a function or constant."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        names = {getattr(each, "id", None) for each in targets} | {getattr(node, "name", None)}
        if name in names or (not name and isinstance(node, ast.FunctionDef)):
            for part in ast.walk(node):
                if isinstance(part, ast.BinOp) and type(part.op) in OPERATORS:
                    part.op = OPERATORS[type(part.op)]()
                    return ast.unparse(tree)
                if isinstance(part, ast.Compare) and type(part.ops[0]) in COMPARISONS:
                    part.ops[0] = COMPARISONS[type(part.ops[0])]()
                    return ast.unparse(tree)
                if isinstance(part, ast.Constant) and type(part.value) in (int, float):
                    part.value += 1
                    return ast.unparse(tree)
    raise LookupError(name)


def changing(file, name):
    def read(path):
        text = read_text(path)
        return with_another_formula(text, name) if path == ROOT / file else text

    assert (ROOT / file).is_file()
    return read


ADJUSTED = {"features", "labels", "chart_patterns", "cross_features", "backtest", "studies"}
TRADED = {"backtest", "studies"}
PAGES = {"tearsheet", "leaderboard", "model_card"}
LEARNED = {"models", "model_card"}
PREDICTED = {"models", "predictions", *TRADED}  # a scenario can ask for a pinned model
READING_BARS = {*ADJUSTED, *PREDICTED, "tearsheet", "model_card"}


@pytest.mark.parametrize(
    ("file", "name", "above"),
    [
        (
            "market_data/adjustments.py",
            "_scaled",
            READING_BARS,
        ),
        (
            "market_data/adjustments.py",
            "adjustment_events",
            READING_BARS,
        ),
        ("features/rolling/kernels.py", "window_moments", {"features", "labels"}),
        ("features/rolling/kernels.py", "window_sums", {"features", "cross_features"}),
        ("features/sets/core_formulas.py", "log_return", {"features"}),
        ("features/sets/computation.py", "compute_features", {"features", "labels"}),
        ("features/labels/barriers.py", "trailing_volatility", {"labels"}),
        ("features/labels/kernels.py", "barrier_loop", {"labels"}),
        ("features/patterns/kernels.py", "", {"chart_patterns"}),
        ("features/patterns/zigzag_kernel.py", "", {"chart_patterns"}),
        ("features/cross_formulas.py", "aligned_closes", {"cross_features"}),
        ("models/predictors/estimators.py", "_ESTIMATORS", LEARNED),
        ("models/training/walk_forward_folds.py", "purge", LEARNED),
        ("models/training/calibration.py", "fit_slope", LEARNED),
        ("models/training/calibration.py", "sigmoid", {*LEARNED, "predictions"}),
        ("models/training/forecasting.py", "forecast", PREDICTED),
        ("strategies/trend/moving_average_kernel.py", "rolling_mean", TRADED),
        ("strategies/crosses.py", "crosses_above", TRADED),
        ("backtest/kernels/fast/plain.py", "", TRADED),
        ("backtest/kernels/account_open.py", "", TRADED),
        ("backtest/kernels/fills.py", "", TRADED),
        ("backtest/kernels/fast/sweep.py", "sweep_crossings", {"studies"}),
        ("performance/return_metrics.py", "sortino", {*TRADED, "tearsheet"}),
        ("performance/trade_metrics.py", "system_quality", {*TRADED, "tearsheet"}),
        ("performance/benchmark_metrics.py", "", {*TRADED, "tearsheet"}),
        ("optimization/study_run.py", "best", {"studies"}),
        ("performance/sharpe_statistics.py", "expected_maximum_sharpe", {"leaderboard", "studies"}),
        ("reporting/page/number_format.py", "format_number", PAGES),
        ("reporting/tearsheet/chart_data.py", "", {"tearsheet"}),
        ("reporting/tearsheet/metadata.py", "", set()),
        ("stages/backtests/shown_result.py", "", set()),
        ("models/cards/ranked.py", "", {"model_card"}),
        ("reporting/model_card/pictures.py", "", {"model_card"}),
        ("reporting/leaderboard/page.py", "", {"leaderboard"}),
        ("datasets/columns/numbers.py", "_decimal_mark", {"dataset_profile"}),
        ("market_data/quality/checks.py", "", {"dataset_profile"}),
        ("features/audits/causality.py", "", TRADED),  # a result says what its audit found
        # what nothing stored is made by
        ("features/sets/alpha158_formulas.py", "", set()),
        ("strategies/ml/direction.py", "signals", set()),
        ("market_data/sources/yahoo/chart.py", "", set()),
        ("storage/stores/bars.py", "", set()),
        ("settings/catalog.py", "", set()),
        ("errors.py", "", set()),
    ],
)
def test_a_changed_formula_makes_stale_what_is_above_it_and_nothing_else(stale, file, name, above):
    assert stale(changing(file, name)) == above


class Reworded(ast.NodeTransformer):
    """Another docstring, message and annotation wherever there is one."""

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Constant):
            node.value.value = "Another text."
        return node

    def visit_arg(self, node):
        if isinstance(node.annotation, ast.Name) and node.annotation.id in ("float", "str", "bool"):
            node.annotation.id = "object"
        return node

    def visit_FunctionDef(self, node):
        node.returns = None
        return self.generic_visit(node)

    def visit_Raise(self, node):
        if isinstance(node.exc, ast.Call) and node.exc.args:
            node.exc.args[0] = ast.Constant("Another message.")
        return node


def test_other_words_and_another_form_make_nothing_stale(stale):
    def read(path):
        text = read_text(path)
        if path.suffix != ".py":
            return text
        return ast.unparse(Reworded().visit(ast.parse(text))).replace("\n", "\r\n")

    assert stale(read) == set()
