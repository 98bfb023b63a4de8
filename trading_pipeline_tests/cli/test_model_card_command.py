"""`model-card MODEL INSTRUMENT`."""

import json


def test_the_verdict_comes_first_and_the_page_last(call, world):
    ended = call("model-card", "direction", "AAPL_1d")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0].startswith("direction on AAPL_1d: ")
    assert "95 %" in lines[0]
    assert lines[-1].startswith("Page: ")
    assert "AUC" in ended.out
    assert world.value("SELECT count(*) FROM artifacts WHERE asset = 'model_card/direction'") == 1


def test_json_has_the_whole_card_and_the_path(call, world):
    del world
    told = json.loads(call("model-card", "direction", "AAPL_1d", "--json").out)
    assert told["headline"] == "auc"
    assert told["page"].endswith("AAPL_1d-direction.html")
    assert told["horizons"][0]["scores"][0]["name"] == "auc"


def test_unknown_names_are_refused_with_a_close_one(call, world):
    del world
    ended = call("model-card", "directon", "AAPL_1d")
    assert ended.code == 1
    assert "Did you mean 'direction'" in ended.error
    assert call("model-card", "direction", "APL_1d").code == 1
