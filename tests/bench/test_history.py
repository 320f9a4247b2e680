"""The database with a history, and what is measured on it: searches, and erasing a person."""

from random import Random

from bench import erase
from bench.find import measured, queries
from bench.history.history import EVERYBODY, make_history
from notifier.database.engine import connect
from notifier.outbox import Report, Search, Selection


def test_every_search_answers_on_a_small_history(database_url: str) -> None:
    history = make_history(database_url, rows=600, days=3)
    engine = connect(database_url)
    try:
        assert sum(Report(engine).totals().values()) == 600
        shards, _ = Report(engine).audit()
        assert [each["notifications"] for each in shards] == [600]
        search = Search(engine, budget=None)
        assert search.count(Selection(recipients=[EVERYBODY])).number == 6
        assert search.count(Selection(recipients=[history.address(3)])).number >= 40
        assert search.count(Selection(keys=["user#3"])).number >= 40
        for name, query in queries(engine, history, Random(1)).items():
            assert measured(query, 1)["longest_ms"] > 0, name
    finally:
        engine.dispose()


def test_traces_are_found_until_the_person_is_erased(database_url: str) -> None:
    found = erase.measure(database_url.replace("postgresql+psycopg", "postgresql"), rows=600, days=3)
    traces = found["traces"]
    assert isinstance(traces, dict)
    assert traces["before"] >= traces["when killed"]  # it may be faster than the signal
    assert traces["before"] > traces["after"] == 0
    assert found["balanced"]
