"""The plans of what operators read, on days that are over: rows are found by an index, however large the days are.

Measured by the rows and pages that Postgres handles when it runs the statement, not by its estimates.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event

from bench.history.history import make_history
from notifier.database.engine import connect
from notifier.outbox import Report, Suppressions, read_gauges
from tests.outbox.test_plans import handled, nodes
from tests.sql import Sql

ROWS, DAYS = 30_000, 3
_BIG = re.compile(r"^(deliveries|notifications|delivery_events|feedback|search_terms)_(\d{8})$")

Handled = Callable[[Callable[[], object]], dict[str, float]]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    make_history(database_url, ROWS, DAYS)
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def of_days_over(engine: Engine) -> Handled:
    """Returns how many rows of each table of a day that is over, and of the tables without days, the statements of a
    call handle.
    """

    def measure(call: Callable[[], object]) -> dict[str, float]:
        seen = []

        def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
            seen.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", note)
        call()
        event.remove(engine, "before_cursor_execute", note)
        found: dict[str, float] = {}
        with engine.connect() as connection:
            for statement, parameters in seen:
                if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
                    continue
                plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
                for node in nodes(plan.scalar_one()):
                    name = node.get("Relation Name", "")
                    day = _BIG.match(name)
                    listed_before = datetime.now(UTC) - timedelta(hours=1)  # a day is listed an hour after its end
                    if name and not (day and day[2] >= f"{listed_before:%Y%m%d}"):
                        table = day[1] if day else name
                        found[table] = found.get(table, 0) + handled(node)
        return found

    return measure


def test_the_audit_reads_of_listed_days_only_what_is_not_final(engine: Engine, of_days_over: Handled) -> None:
    """A delivery that is pending, of a listed day, is found by its term; and if nothing moves it on, it is named."""
    rows = Sql(engine)
    delivered = "SELECT notification_id FROM deliveries WHERE status = 'delivered' ORDER BY 1 LIMIT 1"
    (id_,) = rows.one(delivered).values()
    rows.run("UPDATE deliveries SET status = 'pending' WHERE notification_id = :id", id=id_)
    _, stranded = Report(engine).audit()
    unknown = rows.all("SELECT notification_id FROM deliveries WHERE status = 'unknown'")  # nothing moves these on
    found = {each["notification_id"] for each in stranded}
    assert found == {id_, *(each["notification_id"] for each in unknown)}
    assert of_days_over(Report(engine).audit)["deliveries"] < 100


def test_gauges_read_a_part_of_what_waits(engine: Engine, of_days_over: Handled) -> None:
    """Also of a kind of which there is nothing."""
    rows = Sql(engine)
    rows.run(
        "INSERT INTO due (notification_id, kind, channel, due_at)"
        " SELECT gen_random_uuid(), 'retry', 'email', now() + n * interval '1 s' FROM generate_series(1, 100000) AS n"
    )
    rows.run(
        "INSERT INTO quarantine (shard, sequence_number, record, error, acknowledged_at)"
        " SELECT (SELECT min(id) FROM shards), n, 'x', 'no Keys', CASE WHEN n > 20 THEN now() END"
        " FROM generate_series(1, 20000) AS n"
    )
    rows.run("ANALYZE due, quarantine")
    gauges = read_gauges(engine)
    assert gauges.found["quarantine"] == 20
    assert gauges.due["email", "retry"] == pytest.approx(100_000, rel=0.5)
    read = of_days_over(lambda: read_gauges(engine))
    assert read["due"] < 50_000  # 5,000 to see whether there are more, and a sample of 200 pages
    assert read["quarantine"] < 100
    assert of_days_over(lambda: Report(engine).quarantine(50))["quarantine"] < 100


def test_the_newest_suppressions_are_found_without_a_sort(engine: Engine, of_days_over: Handled) -> None:
    rows, suppressions = Sql(engine), Suppressions(engine, actor="eva")
    rows.run(
        "INSERT INTO suppressions (channel, address, reason, actor, since)"
        " SELECT (ARRAY['email', 'email', 'sms'])[1 + n % 3], n, 'manual', 'eva', now() - n * interval '1 s'"
        " FROM generate_series(1, 20000) AS n"
    )
    rows.run("ANALYZE suppressions")
    assert [each["address"] for each in suppressions.list(limit=3)] == ["1", "2", "3"]
    assert [each["address"] for each in suppressions.list(channel="sms", limit=3)] == ["2", "5", "8"]
    assert [each["address"] for each in suppressions.list(channel="webhook", limit=3)] == []
    assert [each["channel"] for each in suppressions.list(address="5")] == ["sms"]
    for asked in ({}, {"channel": "sms"}, {"channel": "email", "address": "7"}, {"address": "7"}):
        read = of_days_over(lambda asked=asked: suppressions.list(limit=10, **asked))  # type: ignore[misc]
        assert read["suppressions"] < 100, asked
