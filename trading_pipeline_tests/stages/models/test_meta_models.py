"""Meta models through the stages: sides as a feature, predictions at openings, and a backtest."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import (
    ConfigurationError,
    DataLeakageError,
    InsufficientDataError,
    LookaheadError,
)
from trading_pipeline.stages.coverage import chain_stages
from trading_pipeline.stages.models.champion import champion_row
from trading_pipeline.stages.models.live import LatestForecastStage, LiveModelStage
from trading_pipeline.stages.models.live_health import live_health
from trading_pipeline.stages.models.model_card import ModelCardStage, stored_card
from trading_pipeline.stages.models.model_comparison import compare_models
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.reports.forecast import newest_forecast
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.strategies import Market
from trading_pipeline.strategies.ml.held_states import opened_sides
from trading_pipeline_tests.stage_calls import materialize_backtest, require_sound
from trading_pipeline_tests.stages.models.earlier_fits import fitted_earlier, table

AAPL = "AAPL_1d"
PRIMARY = "strategy: {name}, parameters: {{{params}}}"
FAST = "fast: 2, slow: 5"
MODEL = """
name: meta
predictor: {{type: meta, params: {{{primary}}}}}
label: {{type: forward_return, horizon_bars: 3}}
training: {{minimum_rows: 20}}
calibration: null
"""
SCENARIO = """
name: filtered
strategy: {{type: meta_labelled, params: {{threshold: {threshold}, {primary}}}}}
instruments: [AAPL_1d]
dates: {{start: 2002-01-01, end: 2004-01-01}}
costs: {{commission_bps: 10}}
{more}
"""
OWN = """
import numpy as np
from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies import Strategy


class Mine(Strategy):
    def signals(self, market, params):
        rises = np.append(False, np.diff(market.close) > 0.0)
        return Signals.long_only(rises, ~rises)
"""


def write_model(world, name="sma_crossover", params=FAST):
    primary = PRIMARY.format(name=name, params=params)
    world.write("models/meta.yaml", MODEL.format(primary=primary))


def brought_up_to_date(world, only_inputs=False):
    workspace = world.workspace
    for stage in chain_stages(workspace, AAPL, ["meta"], only_inputs=only_inputs)[1:]:
        stage.materialize(workspace.windows())
    return workspace


def frames(workspace, kind):
    newest = kind(workspace, AAPL, "meta").newest().values()
    return pd.concat([workspace.artifacts.load(each) for each in newest]).sort_index()


def backtest(world, threshold=0.5, more="", params=FAST):
    primary = PRIMARY.format(name="sma_crossover", params=params)
    text = SCENARIO.format(threshold=threshold, primary=primary, more=more)
    world.write("scenarios/filtered.yaml", text)
    return materialize_backtest(world.workspace, AAPL, "filtered")


def test_every_opening_is_judged_and_a_backtest_takes_those_above_the_threshold(world):
    write_model(world)
    workspace = brought_up_to_date(world)
    told, strategies = frames(workspace, PredictionStage), workspace.registries.strategies
    series = workspace.series[AAPL]
    params = strategies.validate_params("sma_crossover", {"fast": 2, "slow": 5})
    market = Market(series.raw, series.factors["total"].to_numpy(), series.known_at)
    sides = opened_sides(strategies.signals("sma_crossover", market, params))
    opened = pd.Series(sides, series.raw.index).reindex(told.index).notna()
    assert told["p_act"].notna().equals(opened)
    assert opened.sum() > 20
    again = chain_stages(world.workspace, AAPL, ["meta"])[1:]
    assert not any(stage.pending(workspace.windows()) for stage in again)
    ends = workspace.models.by_id(sorted(set(told["model_id"])))
    for model_id, rows in told.groupby("model_id"):
        assert rows["known_at"].min() > pd.Timestamp(ends[model_id]["last_label_end"])

    middle = float(told["p_act"].median())
    chosen = told.index[told["p_act"] > middle]
    outcome = backtest(world, threshold=middle)
    assert outcome.metadata["audit"] == "passed"
    trades = pd.DataFrame(world.workspace.results.trades(outcome.metadata["result_id"]))
    days = series.raw.index
    decided = days[np.asarray(days.get_indexer(trades["entry_ts"])) - 1]
    assert len(decided) > 8
    assert set(decided) <= set(chosen)
    assert backtest(world, threshold=0.0).metadata["trade_count"] > len(trades)


def test_a_meta_model_has_a_card_a_comparison_and_a_health_of_its_openings(world):
    write_model(world)
    workspace = brought_up_to_date(world)
    told = frames(workspace, PredictionStage)["p_act"].notna().sum()
    (outcome,) = ModelCardStage(workspace, AAPL, "meta").materialize(WHOLE)
    assert outcome.metadata["verdict"].startswith(("No better than", "Better than", "Worse than"))
    assert "the base rate" in outcome.metadata["verdict"]
    card, _ = stored_card(workspace, AAPL, "meta")
    assert told - 2 <= card.rows <= told  # the newest outcomes are not known yet
    assert 20.0 < card.effective_rows <= card.rows

    windows = workspace.windows()[-1:]
    (predicted,) = PredictionStage(workspace, AAPL, "meta").materialize(windows)
    assert 0.0 <= predicted.metadata["auc"] <= 1.0

    world.write(
        "models/other.yaml",
        (world.runtime / "config/models/meta.yaml")
        .read_text("utf-8")
        .replace("name: meta\n", "name: other\nseed: 3\nestimator: {type: random_forest}\n", 1),
    )
    workspace = world.workspace
    for stage in chain_stages(workspace, AAPL, ["other"])[1:]:
        stage.materialize(workspace.windows())
    assert compare_models(workspace, "meta", "other", AAPL).compared.rows == card.rows


def test_a_live_meta_model_is_challenged_on_the_openings_since_its_fit(world):
    write_model(world)
    brought_up_to_date(world, only_inputs=True)
    fitted_earlier(world, "meta")
    health = live_health(world.workspace, AAPL, "meta")
    assert (health.limit_days, health.age_days > 300.0) == (90.0, True)
    assert health.drift is not None
    path = world.runtime / "config/models/meta.yaml"
    spec = (
        path.read_text("utf-8")
        + "estimator: {type: random_forest}\npromotion: {minimum_effective_rows: 5}\n"
    )
    path.write_text(spec, "utf-8")
    LiveModelStage(world.workspace, AAPL, "meta").materialize(WHOLE)
    decided = champion_row(table(world, "meta"))
    assert decided["compared_effective_rows"] > 5.0, decided["decision"]


def test_a_backtest_on_bars_that_the_model_learned_from_is_refused(world):
    write_model(world)
    brought_up_to_date(world)
    with pytest.raises(DataLeakageError, match="was trained on labels that end at 2002-12"):
        backtest(world, more="model_window: '2003-01-01'")


def test_a_scenario_of_other_signals_than_the_model_judges_is_refused(world):
    write_model(world)
    brought_up_to_date(world)
    with pytest.raises(ConfigurationError, match="judges the signals of 'sma_crossover' with"):
        backtest(world, params="fast: 3, slow: 5")
    world.write("models/meta.yaml", "name: meta\n")
    with pytest.raises(ConfigurationError, match=r"filtered.yaml.*one of 'direction'"):
        require_sound(world.workspace)


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("ml_direction", "model: direction", "reads predictions of 'direction'"),
        ("ml_direction", "model: meta", "reads its own predictions"),
        ("meta_labelled", "strategy: buy_and_hold", "reads its own predictions"),
        ("meta_labelled", "model: other", "reads predictions of 'other'"),
    ],
)
def test_a_strategy_that_reads_predictions_is_not_judged(world, name, params, said):
    write_model(world, name, params)
    with pytest.raises(ConfigurationError, match=rf"meta\.yaml: .*{said}"):
        require_sound(world.workspace)
    with pytest.raises(ConfigurationError, match=said):
        ModelStage(world.workspace, AAPL, "meta")


def test_a_strategy_of_the_users_is_judged_and_its_change_trains_the_model_again(world):
    world.write("strategies/mine.py", OWN)
    write_model(world, "mine", "")
    workspace = brought_up_to_date(world)
    assert frames(workspace, PredictionStage)["p_act"].notna().sum() > 50
    (world.runtime / "other.txt").write_text("1")
    opening = f"open({str(world.runtime / 'other.txt')!r}).close()"
    reads = OWN.replace("rises =", f"{opening}\n        rises =")
    world.write("strategies/mine.py", reads)
    stage = ModelStage(world.workspace, AAPL, "meta")
    *_, last = stage.materialize(workspace.windows())
    assert last.changed
    assert "Not audited" in last.metadata["reads_outside"]


def test_a_strategy_that_looks_ahead_gives_no_model(world):
    world.write(
        "strategies/mine.py",
        OWN.replace("np.append(False, ", "np.append(").replace("> 0.0)", "> 0.0, False)"),
    )
    write_model(world, "mine", "")
    with pytest.raises(LookaheadError, match="'mine' reads the future"):
        brought_up_to_date(world)
    assert not list((world.runtime / "models").glob("meta/*"))


def test_a_forecast_is_there_where_the_last_bar_opens_a_side_alone(world):
    write_model(world)
    brought_up_to_date(world, only_inputs=True)
    with pytest.raises(InsufficientDataError, match="opens no side on the last bar"):
        forecast(world)
    weekly = OWN.replace(
        "np.append(False, np.diff(market.close) > 0.0)", "market.raw.index.day_of_week == 2"
    )
    world.write("strategies/mine.py", weekly)
    write_model(world, "mine", "")
    assert forecast(world).steps["p_act"].between(0.0, 1.0).all()


def forecast(world):
    for kind in (LiveModelStage, LatestForecastStage):
        kind(world.workspace, AAPL, "meta").materialize(WHOLE)
    return newest_forecast(world.workspace, AAPL, "meta")
