"""A statement locks only the partitions of its own ids, however many days there are."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from notifier.database.engine import connect
from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status, first_id
from notifier.outbox import (
    Attempts,
    Change,
    Decision,
    LimitedRecipient,
    Operations,
    Partitions,
    Recipient,
    Report,
    Selection,
    Settlement,
    Unknowns,
    days,
)
from notifier.outbox.days import span, spans, within, within_days
from tests.outbox.rows import Rows
from tests.security import errands
from tests.waiting import wait_until

MORE_DAYS = 60
_DAY_MS = 24 * 60 * 60 * 1000
_HISTORY = re.compile(r"\b(deliveries|notifications|delivery_events|feedback)\b")

_LOCKED = """
SELECT c.relname::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND c.relname ~ '_[0-9]{8}$' ORDER BY c.relname
"""

Seen = dict[str, tuple[str, Any]]


def by_id(rows: Rows, engine: Engine) -> None:
    """What operators read and do by id."""
    ids = rows.pending(3)
    report, operations = Report(engine), Operations(engine, actor="eva")
    assert report.show(ids[0])
    assert report.events(ids[0]) == report.feedback(ids[0]) == []
    assert operations.count(Selection(ids=ids), Status.PENDING) == 3
    assert operations.count_maybe_sent(Selection(ids=ids)) == 0
    assert sum(operations.cancel(Selection(ids=ids[:2]), "for the test")) == 2
    rows.in_status(Status.FAILED)
    failed = rows.in_status(Status.FAILED)
    assert sum(operations.redrive(Selection(ids=[failed]), "for the test", per_second=10)) == 1


def of_nothing(rows: Rows, engine: Engine) -> None:
    """What is left without an id when it comes to the statement: no event waits, and no leader may begin."""
    by_id(rows, engine)
    assert not Settlement(engine, channel="email").match_again()
    leader, cancelled = rows.pending(2)
    rows.run("UPDATE deliveries SET leader = :leader WHERE notification_id = :id", leader=leader, id=cancelled)
    rows.run("UPDATE deliveries SET status = 'cancelled' WHERE notification_id = :id", id=cancelled)
    limited = [LimitedRecipient(leader, "route a", "ana@example.com", 1, 60.0)]
    attempts = Attempts(engine, channel="email", worker="worker-1")
    recipients = [Recipient(leader, "ana@example.com")]
    given = {leader: [cancelled]}
    assert not attempts.begin(UUID(int=1), recipients, 60.0, limited=limited, given=given).begun


ERRANDS = {
    "bridge": errands.bridge,
    "worker": errands.worker,
    "feedback": errands.feedback,
    "by id": by_id,
    "of nothing": of_nothing,
}


@contextmanager
def noted(engine: Engine) -> Iterator[Seen]:
    """Collect the statements on partitioned tables, by their text without ids, with their parameters."""
    seen: Seen = {}

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> None:
        if _HISTORY.search(statement) and "CONCURRENTLY" not in statement:  # a partition is detached by its name
            seen[re.sub(r"'[0-9a-f-]{36}'|/\* \d+ \*/", "", statement)] = (statement, parameters)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def locked(url: str, statement: str, parameters: Any, mode: str) -> list[str]:
    """Return the partitions and indexes that a plan of this kind locks. Nothing is committed."""
    with psycopg.connect(url) as connection:
        connection.execute(f"SET plan_cache_mode = force_{mode}_plan".encode())
        connection.execute(statement.encode(), parameters, prepare=True)
        names = [row[0] for row in connection.execute(_LOCKED)]
        connection.rollback()
    return names


def days_of(names: list[str]) -> set[str]:
    return {each[-8:] for each in names}


@pytest.mark.parametrize("name", ERRANDS)
def test_no_statement_locks_more_where_there_are_more_days(rows: Rows, database_url: str, name: str) -> None:
    engine = connect(database_url)
    try:
        with noted(engine) as seen:
            ERRANDS[name](rows, engine)
    finally:
        engine.dispose()
    assert seen
    today = datetime.now(UTC).date()

    def all_locked() -> dict[tuple[str, str], list[str]]:
        return {
            (mode, plain): locked(database_url, statement, parameters, mode)
            for plain, (statement, parameters) in seen.items()
            for mode in ("generic", "custom")
        }

    few = all_locked()
    Partitions(rows.engine).ensure(today - timedelta(days=back) for back in range(10, 10 + MORE_DAYS))
    many = all_locked()
    for (mode, plain), names in few.items():
        assert many[mode, plain] == names, (mode, plain)
    assert any(days_of(names) == {f"{today:%Y%m%d}"} for names in few.values())


def test_a_unit_whose_days_are_far_apart_locks_these_days_only(rows: Rows, database_url: str) -> None:
    today = datetime.now(UTC)
    ago = [today - timedelta(days=back) for back in (80, 40, 39, 0)]
    Partitions(rows.engine).ensure(today.date() - timedelta(days=back) for back in range(90))
    pages = [rows.page([number], at=int(at.timestamp() * 1000)) for number, at in enumerate(ago, 1)]
    ids = [id_ for page in pages for each in rows.record(page) for id_ in each.ids]
    engine = connect(database_url)
    with noted(engine) as seen:
        unit(Attempts(engine, channel="email", worker="host:1"), ids)
    engine.dispose()
    assert len(seen) == 3
    for statement, parameters in seen.values():
        for mode in ("generic", "custom"):
            assert days_of(locked(database_url, statement, parameters, mode)) == {f"{at:%Y%m%d}" for at in ago}


def unit(attempts: Attempts, ids: list[UUID]) -> None:
    token = attempts.token()
    assert {each.id for each in attempts.load(ids)} == set(ids)
    assert len(attempts.begin(token, [Recipient(id_, f"{id_}@example.com") for id_ in ids], 60.0).begun) == len(ids)
    assert attempts.finish(token, [Change(id_, Status.SENT, message_id=f"m-{id_}") for id_ in ids]) == set(ids)


def test_a_plan_made_for_a_small_day_is_made_again_when_the_day_has_grown(rows: Rows, database_url: str) -> None:
    """After autovacuum Postgres would make a new plan, too, but up to a minute later."""
    days._bounded.cache_clear()  # as in a new process: other tests used ids of this day
    few = rows.pending(30)
    day = f"{datetime.fromtimestamp((few[0].int >> 80) / 1000, UTC):%Y%m%d}"
    rows.run(f"ALTER TABLE deliveries_{day} SET (autovacuum_enabled = off)")
    read = f"SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_user_tables WHERE relname = 'deliveries_{day}'"
    engine = connect(database_url, pool_size=1, generic_plans=True)  # as workers do
    attempts = Attempts(engine, channel="email", worker="host:1")
    for id_ in few:
        unit(attempts, [id_])
    many = [id_ for _ in range(5) for id_ in rows.pending(4_000)]
    units = [many[start : start + 200] for start in range(0, 2_000, 200)]
    for ids in units:
        unit(attempts, ids)
    engine.dispose()  # sessions report what they read when they end
    wait_until(lambda: rows.one(read)["rows"] >= 3 * 2_000)
    assert rows.one(read)["rows"] < 20_000 + 10 * 2_000


def test_a_new_partition_has_statistics_that_cover_all_ids_of_its_day(rows: Rows) -> None:
    """Without statistics the planner expects that few rows of the partition are within the bounds of its day."""
    day = datetime(2031, 5, 17, tzinfo=UTC)
    Partitions(rows.engine).ensure([day.date()])
    for table in ("notifications", "deliveries", "delivery_events", "feedback"):
        known = rows.one(
            "SELECT histogram_bounds::text AS ids FROM pg_stats "
            "WHERE tablename = :table AND attname = 'notification_id'",
            table=f"{table}_20310517",
        )
        first, last = (UUID(each) for each in known["ids"].strip("{}").split(","))
        start = int(day.timestamp() * 1000)
        assert (first, last.int) == (first_id(start), first_id(start + _DAY_MS).int - 1)
        assert rows.one(f"SELECT count(*) AS rows FROM {table}_20310517") == {"rows": 0}


def test_adjacent_days_are_joined() -> None:
    days = [UUID(int=((day * _DAY_MS + 5) << 80) + day) for day in (20_000, 20_001, 19_000, 20_001, 20_003)]
    assert spans(days) == ((19_000, 19_001), (20_000, 20_002), (20_003, 20_004))
    assert spans([]) == ()
    assert span(first_id(20_000 * _DAY_MS), first_id(20_001 * _DAY_MS)) == ((20_000, 20_001),)
    assert span(first_id(20_000 * _DAY_MS), first_id(20_001 * _DAY_MS + 1)) == ((20_000, 20_002),)


def test_a_statement_that_was_not_bounded_is_refused(rows: Rows) -> None:
    statement = text("SELECT count(*) FROM deliveries WHERE in_days(notification_id)")
    with pytest.raises(DBAPIError, match="in_days"):
        rows.run(statement.text)
    with rows.engine.connect() as connection:
        assert connection.execute(within_days(statement, ())).scalar_one() == 0


def test_a_statement_without_ids_is_refused() -> None:
    with pytest.raises(ValueError, match="no ids"):
        within(text("UPDATE deliveries d SET reason = 'x' WHERE in_days(d.notification_id)"), [])


def test_a_statement_for_no_days_locks_no_partition(rows: Rows, database_url: str) -> None:
    rows.pending()
    update = text(
        "UPDATE deliveries d SET reason = 'x' WHERE d.notification_id IS NOT NULL AND in_days(d.notification_id)"
    )
    assert locked(database_url, within_days(update, ()).text, None, "custom") == []


def no_unit_left(rows: Rows, engine: Engine) -> None:
    """All recipients of a unit are over their limit."""
    ids = rows.pending(3)
    limited = [LimitedRecipient(id_, "route a", "ana@example.com", 1, 60.0) for id_ in ids]
    for some in (ids[:1], ids[1:]):
        Attempts(engine, channel="email", worker="host:1").begin(
            uuid4(),
            [Recipient(id_, "ana@example.com") for id_ in some],
            60.0,
            limited=[each for each in limited if each.id in some],
        )


def foreign_mail(_: Rows, engine: Engine) -> None:
    """A batch has only events of mails that Notifier did not send, and none waits for its notification."""
    settlement, now = Settlement(engine, channel="email"), datetime.now(UTC)
    assert settlement.settle([Feedback(FeedbackKind.DELIVERY, "m-1", now, now)]).unmatched == 1
    assert not settlement.match_again()


def settled_by_another(rows: Rows, engine: Engine) -> None:
    """Another process writes the answer of an overdue attempt after this one has taken it."""
    attempts, token = Attempts(rows.engine, channel="email", worker="host:1", unknown_after=0.0), uuid4()
    (id_,) = rows.pending()
    assert attempts.begin(token, [Recipient(id_, "ana@example.com")], 60.0).begun
    assert attempts.finish(token, [Change(id_, Status.UNKNOWN)]) == {id_}

    transactions = count(1)

    def answer(_: Any) -> None:
        if next(transactions) == 2:
            assert attempts.finish(token, [Change(id_, Status.SENT, message_id="m-1")]) == {id_}

    event.listen(engine, "begin", answer)
    assert not any(Unknowns(engine, 0.0).settle(never_asked).values())


def never_asked(_: Any) -> Decision:
    raise AssertionError("a settled attempt is not to be decided")


@pytest.mark.parametrize("work", [no_unit_left, foreign_mail, settled_by_another])
def test_without_ids_only_the_days_of_the_others_are_locked(
    rows: Rows, database_url: str, work: Callable[[Rows, Engine], None]
) -> None:
    Partitions(rows.engine).ensure([date(2031, 5, 17)])
    engine = connect(database_url)
    try:
        with noted(engine) as seen:
            work(rows, engine)
    finally:
        engine.dispose()
    assert seen
    for statement, parameters in seen.values():
        assert "20310517" not in days_of(locked(database_url, statement, parameters, "custom")), statement
