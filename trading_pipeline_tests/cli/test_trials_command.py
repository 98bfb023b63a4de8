"""The commands `trials list`, `show`, `invalidate`, `verify` and `accept-loss`."""

import json

import pytest

ROWS = [
    {
        "study": "grid",
        "instrument": instrument,
        "strategy": "sma_crossover",
        "parameters_hash": f"p{number}",
        "parameters": {"fast": number, "slow": 30},
        "settings_hash": "s",
        "dates": "2004-01-01/..",
        "sharpe": 0.5 + number,
        "status": "ok",
    }
    for instrument, number in (("AAPL_1d", 1), ("AAPL_1d", 2), ("IBM_1d", 1))
]


@pytest.fixture(autouse=True)
def ledger(call, fresh_world, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    trials = fresh_world.workspace.trials
    trials.append(ROWS)
    return trials


def told(call, *arguments):
    ended = call("trials", *arguments, "--json")
    return ended.code, json.loads(ended.out)


def test_the_list_shows_rows_by_what_they_are_about(call):
    code, document = told(call, "list")
    assert (code, document["trials"], len(document["rows"])) == (0, 3, 3)
    _, document = told(call, "list", "-i", "AAPL_1d", "--last", "1")
    assert [row["trial_no"] for row in document["rows"]] == [2]
    shown = call("trials", "list", "--strategy", "sma_crossover").out
    assert "fast 2, slow 30" in shown
    assert "the ledger counts 3 distinct trials" in shown


def test_on_a_narrow_screen_a_row_of_the_list_is_one_line(call, monkeypatch):
    wide = call("trials", "list").out
    assert "2004-01-01/.." in wide
    assert "grid" in wide
    monkeypatch.setenv("COLUMNS", "80")
    lines = call("trials", "list").out.splitlines()
    rows = [line for line in lines if "sma_crossover: fast" in line]
    assert [("_1d" in row, "slow 30" in row, "ok" in row) for row in rows] == [(True,) * 3] * 3
    assert max(map(len, lines)) <= 80
    assert "2004-01-01" in call("trials", "show", "2").out  # as a line of its own


def test_a_misspelt_name_is_one_paragraph_with_the_right_one(call):
    ended = call("trials", "list", "-i", "AAPL_1h")
    assert ended.code == 1
    assert "Did you mean 'AAPL_1d'?" in ended.error


def test_a_trial_that_is_called_invalid_is_shown_with_the_reason(call, ledger):
    code, document = told(call, "invalidate", "1", "3", "--reason", "reads the next bar")
    assert (code, document) == (0, {"added": 2, "trials": 3})
    _, document = told(call, "show", "1")
    assert [row["status"] for row in document["rows"]] == ["ok", "invalid"]
    assert "invalid (trial 1: reads the next bar)" in call("trials", "show", "1").out
    _, document = told(call, "list", "--status", "invalid")
    assert [row["refers_to"] for row in document["rows"]] == [1, 3]
    assert "invalid already" in call("trials", "invalidate", "1", "--reason", "again").out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("invalidate", "1"), 2, "--reason"),
        (("invalidate", "1", "--reason", " "), 1, "for a reason, but none was given"),
        (("invalidate", "9", "--reason", "x"), 1, "no trial 9; it has trials 1 to 3"),
        (("show", "9"), 1, "no trial 9; it has trials 1 to 3"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(call, ledger, arguments, code, words):
    ended = call("trials", *arguments)
    assert ended.code == code
    assert words in ended.error
    assert len(ledger.listed()) == 3


def test_verify_and_doctor_find_a_row_that_was_changed(call, fresh_world):
    assert told(call, "verify") == (0, {"rows": 3, "faults": []})
    assert "none of them changed" in call("trials", "verify").out
    with fresh_world.workspace.warehouse.write() as connection:
        connection.execute("UPDATE trials SET sharpe = 0.1 WHERE trial_no = 2")
    code, document = told(call, "verify")
    assert (code, document["faults"]) == (1, ["Row 2 (trial 2) was changed or moved."])
    ended = call("doctor", "--json", "--offline")
    found = {finding["check"]: finding for finding in json.loads(ended.out)}
    assert (ended.code, found["warehouse"]["ok"]) == (1, False)
    assert "Row 2 (trial 2) was changed" in found["warehouse"]["detail"]


def test_rows_that_left_are_an_error_until_their_loss_is_on_record(call, fresh_world):
    assert call("trials", "accept-loss", "--reason", "none").code == 1
    with fresh_world.workspace.warehouse.write() as connection:
        connection.execute("DELETE FROM trials WHERE seq = 2")
    ended = call("trials", "verify")
    assert ended.code == 1
    assert "trials accept-loss" in ended.out
    assert call("doctor", "--offline").code == 1
    assert call("trials", "accept-loss", "--reason", "the disk failed").code == 0
    code, document = told(call, "verify")
    assert (code, document["faults"]) == (0, [])
    assert "the disk failed" in document["accepted"][0]
    assert "the disk failed" in call("trials", "verify").out
    assert call("doctor", "--offline").code == 0
