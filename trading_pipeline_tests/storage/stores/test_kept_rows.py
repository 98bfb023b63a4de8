"""Tests of rows that a batch keeps: one query for all, forgotten where something is written."""

from trading_pipeline.storage.stores.kept_rows import KeptRows


def test_a_batch_is_asked_in_one_query_and_others_alone():
    asked = []

    def read(names):
        asked.append(list(names))
        return {name: name.lower() for name in names}

    kept = KeptRows(["A", "B", "C"])
    assert [kept.answer("q", name, read) for name in ("B", "A", "D", "C", "D")] == list("badcd")
    assert asked == [["A", "B", "C"], ["D"]]
    kept.forget("A", "q")
    kept.forget_all("C")
    assert kept.answer("q", "C", read) == "c"
    assert asked[2:] == [["A", "C"]]
    kept.forget_questions("q")
    kept.answer("q", "B", read)
    assert asked[3:] == [["A", "B", "C"]]
