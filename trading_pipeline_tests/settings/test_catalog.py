"""Tests of the catalog: shipped files, the user's over them, and their references."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.catalog_files import SHIPPED
from trading_pipeline.settings.scenario_files.scenario_file import read_scenario_file

SCENARIO = "name: {name}\nstrategy: {{type: {type}}}\n"


class TestShipped:
    def test_files_of_the_package_load_without_a_folder_of_the_user(self, tmp_path):
        catalog = load_catalog(tmp_path / "none")
        assert {"AAPL_1d", "IBM_1d", "MSFT_1d", "GOOG_1d", "FB_1d"} <= set(catalog.instruments)
        assert catalog.universe.start == date(2000, 1, 1)
        assert catalog.universe.end == date(2013, 3, 1)
        assert len(catalog.grid.keys()) == 14
        assert set(catalog.sources) >= {
            "universe",
            "scenarios/sma_crossover",
            "studies/sma_grid",
            "models/direction",
        }
        assert all(path.is_relative_to(SHIPPED) for path in catalog.sources.values())

    def test_every_shipped_file_is_named_like_what_it_holds(self, tmp_path):
        for key, path in load_catalog(tmp_path).sources.items():
            assert path.stem == key.rpartition("/")[2]

    @pytest.mark.parametrize(
        ("kind", "name", "close"),
        [
            ("instrument", "AAPL_1D", "AAPL_1d"),
            ("scenario", "sma_crosover", "sma_crossover"),
            ("study", "smagrid", "sma_grid"),
            ("model", "directon", "direction"),
        ],
    )
    def test_unknown_names_offer_the_closest(self, catalog, kind, name, close):
        with pytest.raises(UnknownNameError, match=f"no {kind} '{name}'.*'{close}'") as caught:
            getattr(catalog(), kind)(name)
        assert (caught.value.name, caught.value.kind) == (name, kind)
        assert getattr(catalog(), kind)(close) is not None


class TestOverlay:
    def test_a_file_of_the_user_takes_the_place_of_a_shipped_one(self, config, catalog):
        path = config(
            "scenarios/mine.yaml", SCENARIO.format(name="sma_crossover", type="sma_crossover")
        )
        found = catalog()
        assert set(found.scenario("sma_crossover").default_costs) == {
            "commission_bps",
            "slippage_bps",
        }
        assert found.sources["scenarios/sma_crossover"] == path
        assert "ml_direction" in found.scenarios

    def test_files_are_added_in_yaml_yml_and_json(self, config, catalog):
        config("scenarios/a.yaml", SCENARIO.format(name="a", type="t"))
        config("scenarios/b.yml", SCENARIO.format(name="b", type="t"))
        config("scenarios/c.json", '{"name": "c", "strategy": {"type": "t"}}')
        config("scenarios/notes.txt", "not: [a, scenario")
        assert {"a", "b", "c"} <= set(catalog().scenarios)

    def test_instruments_are_added_and_replaced(self, config, catalog):
        config(
            "universe.yaml",
            "instruments:\n"
            "  - {symbol: BTC/USDT, timeframe: 1h, source: ccxt, exchange: kraken, calendar: 24/7}"
            "\n  - {symbol: AAPL, timeframe: 1d, source: other}\n",
        )
        found = catalog()
        assert found.instrument("BTC-USDT_1h").exchange == "kraken"
        assert found.instrument("AAPL_1d").source == "other"
        assert found.instrument("IBM_1d").source == "bundled"
        assert found.universe.end == date(2013, 3, 1)

    def test_dates_and_cadence_can_be_changed_alone(self, config, catalog):
        config("universe.yaml", "start: 2005-06-01\nend: 2006-06-01\ncadence: quarter\n")
        found = catalog()
        assert found.grid.keys()[0] == "2005-04-01"
        assert found.grid.keys()[-1] == "2006-04-01"
        assert set(found.instruments) >= {"AAPL_1d"}

    def test_end_null_means_until_now(self, config, catalog):
        config("universe.yaml", "end: null\ninstruments: [{symbol: SPY, source: yahoo}]\n")
        grid = catalog().grid
        assert grid.end is None
        assert grid.keys()[-1] == f"{datetime.now(UTC).year}-01-01"

    @pytest.mark.parametrize("text", ["", "# nothing yet\n", "start: null\ncadence: null\n"])
    def test_a_file_that_sets_nothing_changes_nothing(self, config, catalog, text):
        config("universe.yaml", text)
        assert catalog().universe == load_catalog(SHIPPED / "none").universe

    def test_a_universe_in_json_is_the_same(self, config, catalog):
        config("universe.json", '{\n\t"end": "2010-01-01"\n}')
        assert catalog().universe.end == date(2010, 1, 1)


class TestMembers:
    TEXT = "instruments:\n  - {{symbol: {}, source: bundled, members: {}}}\n"

    def test_spans_say_when_an_instrument_belonged(self, config, catalog):
        spans = "[{from: 2004-01-01, to: 2010-06-30}, {from: 2012-01-01}]"
        config("universe.yaml", self.TEXT.format("AAPL", spans))
        universe = catalog().universe
        assert str(universe.members["AAPL_1d"]) == ("2004-01-01 to 2010-06-30, 2012-01-01 to now")
        assert universe.members["IBM_1d"] is None
        assert catalog().instrument("AAPL_1d") == load_catalog(SHIPPED / "none").instrument(
            "AAPL_1d"
        )

    def test_a_universe_without_dates_keeps_its_hash_and_one_with_dates_has_another(
        self, config, catalog
    ):
        before = catalog().universe.hash
        config("universe.yaml", "instruments:\n  - {symbol: AAPL, source: bundled}\n")
        assert catalog().universe.hash == before
        config("universe.yaml", self.TEXT.format("AAPL", "[{from: 2004-01-01}]"))
        assert catalog().universe.hash != before
        assert "members" not in str(load_catalog(SHIPPED / "none").universe.model_dump())

    @pytest.mark.parametrize(
        ("spans", "words"),
        [
            ("[]", "'members' is empty"),
            ("[{to: 2004-01-01}]", "members.0.from' is missing"),
            ("[{from: 2004-01-01, until: 2005-01-01}]", "members.0.until'. Known: from, to"),
            ("[{from: 2004-01-01, to: 2003-01-01}]", "ends before it begins"),
            ("[{from: 2004-01-01}, {from: 2005-01-01}]", "overlap"),
            ("[{from: 2004-01-01, to: 2005-01-01}, {from: 2005-01-01}]", "overlap"),
            ("[{from: 2004-02-30}]", "2004-02-30"),
            ("{from: 2004-01-01}", "0.members'"),
        ],
    )
    def test_spans_that_cannot_be_are_refused_with_the_file(self, config, catalog, spans, words):
        path = config("universe.yaml", self.TEXT.format("AAPL", spans))
        with pytest.raises(ConfigurationError, match=words) as caught:
            catalog()
        assert str(path) in str(caught.value)

    def test_the_line_on_hindsight_goes_when_every_instrument_has_dates(self, config, catalog):
        universe = catalog().universe
        assert "says for none when it belonged" in universe.hindsight(universe.members)
        assert universe.hindsight(["AAPL_1d"]) == ""
        config("universe.yaml", self.TEXT.format("AAPL", "[{from: 2004-01-01}]"))
        universe = catalog().universe
        assert "does not say for IBM_1d when" in universe.hindsight(["AAPL_1d", "IBM_1d"])
        names = ("AAPL", "IBM", "MSFT", "GOOG", "FB")
        line = "  - {{symbol: {}, source: bundled, members: [{{from: 2004-01-01}}]}}\n"
        config("universe.yaml", "instruments:\n" + "".join(map(line.format, names)))
        universe = catalog().universe
        assert universe.hindsight(universe.members) == ""


class TestWrongFiles:
    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("universe.yaml", "instruments: []\n", "lists no instrument"),
            ("universe.yaml", "instruments: null\n", "'instruments'"),
            ("universe.yaml", "strat: 2000-01-01\n", "Did you mean 'start'"),
            ("universe.yaml", "end: 1999-01-01\n", "ends at 1999-01-01, .* not after its start"),
            ("universe.yaml", "start: 2013-03-01\n", "not after its start"),
            ("universe.yaml", "end: 9999-12-31\n", "Leave 'end' out"),
            ("universe.yaml", "- AAPL\n", "must hold keys and values"),
            ("universe.yaml", "end: 2012-02-30\n", "'2012-02-30' is no date"),
            ("scenarios/a.yaml", "", "'name' is missing.*'strategy' is missing"),
            ("scenarios/a.yaml", "name: a\nstrategy: {typ: b}\n", "Did you mean 'type'"),
            ("scenarios/a.yaml", "name: [a\n", "not valid YAML"),
            ("models/a.yaml", "name: a\nfeature: core\n", "Did you mean 'features'"),
            (
                "studies/a.yaml",
                "name: a\nstrategy: t\nscenario: sma_crosover\nspace: {x: {values: [1]}}\n",
                "there is no scenario 'sma_crosover'. Did you mean 'sma_crossover'",
            ),
            (
                "studies/a.yaml",
                "name: a\nstrategy: t\nscenario: sma_crossover\nspace: {x: {values: [1]}}\n",
                "searches 't', but its scenario 'sma_crossover' trades 'sma_crossover'",
            ),
        ],
    )
    def test_is_named_with_its_path(self, config, catalog, name, text, words):
        path = config(name, text)
        with pytest.raises(ConfigurationError, match=words) as caught:
            catalog()
        assert str(path) in str(caught.value)

    def test_an_instrument_still_to_come_is_refused_only_where_its_scenario_runs(
        self, config, catalog
    ):
        text = "name: a\nstrategy: {type: t}\ninstruments: [AAPL_1d, AAPL_1h]\n"
        path = config("scenarios/a.yaml", text)
        found = catalog()
        with pytest.raises(UnknownNameError, match=r"no instrument 'AAPL_1h'. Did you") as caught:
            found.require_instruments_of(found.scenario("a"))
        assert str(caught.value).startswith(f"{path}: there is")
        assert "datasets add" in str(caught.value)
        found.require_instruments_of(found.scenario("sma_crossover"))

    def test_a_scenario_of_a_file_elsewhere_is_not_blamed_on_the_file_of_its_name(
        self, config, catalog
    ):
        config("scenarios/a.yaml", "name: a\nstrategy: {type: t}\n")
        found = catalog()
        other = found.scenario("a").model_copy(update={"instruments": ("NEW_1d",)})
        with pytest.raises(UnknownNameError, match=r"^There is no instrument 'NEW_1d'"):
            found.require_instruments_of(other)

    def test_an_archived_instrument_of_a_scenario_is_known(self, config, catalog):
        config("universe.yaml", "archived: [AAPL_1d]\n")
        config("scenarios/a.yaml", "name: a\nstrategy: {type: t}\ninstruments: [AAPL_1d]\n")
        found = catalog()
        found.require_instruments_of(found.scenario("a"))

    @pytest.mark.parametrize("key", ["peers", "references"])
    def test_what_cross_features_compare_with_may_be_still_to_come_too(self, key, config, catalog):
        path = config("cross_features.yaml", f"{key}: [NEW_1d]\n")
        found = catalog()
        with pytest.raises(UnknownNameError, match="no instrument 'NEW_1d'") as caught:
            found.require_compared_instruments()
        assert str(path) in str(caught.value)

    def test_what_cross_features_compare_with_may_not_be_archived(self, config, catalog):
        config("universe.yaml", "archived: [AAPL_1d]\n")
        config("cross_features.yaml", "peers: [AAPL_1d]\n")
        with pytest.raises(UnknownNameError, match="archived"):
            catalog().require_compared_instruments()

    def test_a_name_used_twice_in_one_folder_names_both_files(self, config, catalog):
        first = config("scenarios/a.yaml", SCENARIO.format(name="same", type="t"))
        second = config("scenarios/b.json", '{"name": "same", "strategy": {"type": "t"}}')
        with pytest.raises(ConfigurationError, match="another name") as caught:
            catalog()
        assert str(first) in str(caught.value)
        assert str(second) in str(caught.value)

    def test_two_universes_of_one_user_are_refused(self, config, catalog):
        config("universe.yaml", "end: 2010-01-01\n")
        config("universe.json", '{"end": "2011-01-01"}')
        with pytest.raises(ConfigurationError, match="more than one universe"):
            catalog()

    def test_a_shipped_study_whose_scenario_the_user_turned_into_another_is_told(
        self, config, catalog
    ):
        config("scenarios/a.yaml", SCENARIO.format(name="sma_crossover", type="rsi"))
        with pytest.raises(ConfigurationError, match="trades 'rsi'"):
            catalog()


class TestOneScenario:
    def test_a_file_anywhere_can_be_read_as_a_scenario(self, config):
        path = config("elsewhere.yaml", SCENARIO.format(name="mine", type="t"))
        assert read_scenario_file(path).name == "mine"

    def test_a_missing_one_is_named(self, tmp_path):
        with pytest.raises(ConfigurationError, match="There is no file"):
            read_scenario_file(tmp_path / "none.yaml")
