from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import IntegrityError

from notifier.errors import LeaseLost
from notifier.lanes import Lane
from notifier.outbox import NewNotification, Page, Partitions, Quarantined, Recording, ShardLease
from notifier.outbox.history.partitions import TABLES
from notifier.outbox.stream import new_publications, recording
from tests.outbox.rows import Rows
from tests.sql import Sql
from tests.waiting import wait_until

ONE_STATEMENT, COPY = "one statement", "COPY"

COUNTERS = "SELECT checkpoint, records_read, records_notified, records_unrouted, records_quarantined FROM shards"


@pytest.fixture(params=[ONE_STATEMENT, COPY], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How pages are recorded: small ones by one statement, larger ones by COPY."""
    monkeypatch.setattr(recording, "MOST_IN_ONE_STATEMENT", 1_000 if request.param == ONE_STATEMENT else -1)
    found: str = request.param
    return found


def test_rows_checkpoint_and_counters_of_a_page_are_written_together(rows: Rows) -> None:
    bad = Quarantined("4", b"\0{", "not a record")

    (recorded,) = rows.record(rows.page([1, 2, 3, 4], [bad], unrouted=2))

    assert len(recorded.ids) == 4
    assert rows.all("SELECT * FROM quarantine")[0]["record"] == b"\0{"
    assert len(rows.all("SELECT * FROM notifications")) == len(rows.all("SELECT * FROM deliveries")) == 4
    assert rows.one(COUNTERS) == {
        "checkpoint": "4",
        "records_read": 7,
        "records_notified": 4,
        "records_unrouted": 2,
        "records_quarantined": 1,
    }
    publication = rows.one("SELECT * FROM publications")
    assert publication["notification_ids"] == list(recorded.ids)
    assert publication["published_at"] is None


@pytest.mark.parametrize("record", [b"", b"\0\xff\r\n", '{"é": "\U0001f600"}'.encode(), b"x" * 400_000])
def test_a_row_has_the_columns_of_its_notification(rows: Rows, record: bytes) -> None:
    given = [
        replace(rows.notification(1), record=record),
        replace(rows.notification(2), sequence_number="9" * 40, route="größe", channel="sms", table="täble"),
    ]
    rows.record(Page("9" * 40, datetime.now(UTC), given, [], 0))

    for each in given:
        found = rows.one(f"SELECT * FROM notifications WHERE notification_id = '{each.id}'")
        assert found.pop("recorded_at") is not None
        assert found.pop("shard") == rows.lease.shard
        assert (
            NewNotification(
                found.pop("notification_id"),
                found.pop("sequence_number"),
                found.pop("route"),
                found.pop("channel"),
                found.pop("table_name"),
                bytes(found.pop("record")),
            )
            == each
        )
        assert not found
        assert rows.delivery(each.id)["status"] == "pending"


def test_a_small_page_is_one_statement_which_is_its_own_transaction(rows: Rows, way: str) -> None:
    rows.record(rows.page([1]))  # makes the partitions of the day
    done: list[str] = []
    event.listen(rows.engine, "before_cursor_execute", lambda *given: done.append(given[2].split()[0]))
    event.listen(rows.engine, "begin", lambda _: done.append("BEGIN"))

    rows.record(rows.page([2, 3]))
    rows.record(Page("4", None, [], [], unrouted=1))

    statements = {ONE_STATEMENT: ["WITH", "UPDATE"], COPY: ["UPDATE", "INSERT", "UPDATE"]}[way]
    assert [each for each in done if each != "BEGIN"] == statements
    with rows.engine.connect() as connection:  # each was committed
        assert connection.scalar(text("SELECT checkpoint FROM shards")) == "4"


def test_a_page_of_large_records_is_not_one_statement(rows: Rows) -> None:
    """Several routes may record one item of 400 KB each: the statement would be held several times in memory."""
    page = rows.page([1, 2, 3])
    large = b'"' + b"x" * (recording.MOST_BYTES_IN_ONE_STATEMENT // 2) + b'"'
    page = replace(page, notifications=[replace(each, record=large) for each in page.notifications])
    rows.record(rows.page([0]))
    done: list[str] = []
    event.listen(rows.engine, "before_cursor_execute", lambda *given: done.append(given[2].split()[0]))

    rows.record(page)

    assert done == ["UPDATE", "INSERT"]  # and COPY
    found = rows.all("SELECT record FROM notifications WHERE length(record) > 100")
    assert [bytes(row["record"]) for row in found] == [large] * 3


@pytest.mark.parametrize("to_relay", [(), ("email:low",)])
def test_each_queue_of_a_page_has_publications_of_its_own(
    rows: Rows, to_relay: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_publications, "PUBLICATION_SIZE", 2)
    kinds: list[dict[str, Any]] = [
        {},
        {"lane": Lane.LOW, "wanted_updates": 5},
        {"channel": "sms", "route": 'a "quoted"\\one, too'},
    ]
    made = [replace(rows.notification(n), **kinds[n % 3]) for n in range(1, 13)]

    recorded = rows.recording.record(rows.lease, None, Page("13", None, made, [], 0), to_relay)

    ids = {queue: [each.id for each in made if each.queue == queue] for queue in ("email", "email:low", "sms")}
    found = rows.all("SELECT *, due_at > now() + interval '5 s' AS later FROM publications ORDER BY id")
    by_queue: dict[str, list[object]] = {}
    for row in found:
        assert len(row["notification_ids"]) == 2
        queue = f"{row['channel']}:low" if row["lane"] else row["channel"]
        assert row["later"] is (queue not in to_relay)
        by_queue.setdefault(queue, []).extend(row["notification_ids"])
    assert by_queue == ids
    assert [(each.publication, each.queue, list(each.ids)) for each in recorded] == [
        (row["id"], f"{row['channel']}:low" if row["lane"] else row["channel"], row["notification_ids"])
        for row in found
    ]
    for each in made:
        row = rows.one(f"SELECT route, record FROM notifications WHERE notification_id = '{each.id}'")
        assert (row["route"], bytes(row["record"])) == (each.route, each.record)
        assert rows.delivery(each.id)["wanted_updates"] == (each.wanted_updates or None)


def test_a_page_after_a_steal_waits_for_it_and_writes_nothing(rows: Rows, engine: Engine) -> None:
    page = rows.page([1, 2])
    rows.record(rows.page([0]))
    with engine.connect() as thief, ThreadPoolExecutor(1) as threads:
        thief.execute(text("UPDATE shards SET owner = 'another', epoch = epoch + 1"))
        recording = threads.submit(rows.record, page)
        wait_until(lambda: rows.all("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
        thief.commit()
        with pytest.raises(LeaseLost):
            recording.result(30)
    assert len(rows.all("SELECT * FROM notifications")) == len(rows.all("SELECT * FROM publications")) == 1


@pytest.mark.parametrize(
    "change",
    [
        "owner = 'another'",
        "epoch = 2",
        "checkpoint = '1'",
        "state = 'finished', finished_at = now(), owner = NULL, lease_until = NULL",
    ],
)
def test_a_bridge_that_lost_the_shard_writes_nothing(rows: Rows, change: str) -> None:
    rows.run(f"UPDATE shards SET {change}")

    with pytest.raises(LeaseLost):
        rows.record(rows.page([1, 2], [Quarantined("2", b"x", "bad")], unrouted=1))

    for table in ("notifications", "deliveries", "publications", "quarantine"):
        assert rows.all(f"SELECT * FROM {table}") == []
    assert rows.one("SELECT records_read FROM shards")["records_read"] == 0


def test_a_page_whose_answer_was_lost_is_not_recorded_twice(rows: Rows) -> None:
    page = rows.page([1, 2, 3])
    rows.recording.record(rows.lease, None, page)

    with pytest.raises(LeaseLost):  # the checkpoint has moved
        rows.recording.record(rows.lease, None, page)

    assert rows.one(COUNTERS)["records_read"] == 3


AT = 1_790_000_000_000


@pytest.mark.parametrize("row", ["its own", "another"])
def test_a_shard_read_again_from_its_beginning_records_nothing_twice(rows: Rows, row: str) -> None:
    bad = [Quarantined("4", b"{", "not a record"), Quarantined("5", b"}", "neither")]
    rows.record(rows.page([1, 2, 3], bad[:1], at=AT))
    if row == "its own":
        rows.run("UPDATE shards SET checkpoint = NULL")
    else:  # the row of the shard was lost, with its counters
        rows.run("DELETE FROM quarantine")
        rows.run("DELETE FROM shards")
        rows = Rows(rows.engine)

    recorded = rows.recording.record(rows.lease, None, rows.page([1, 2, 3, 6], bad, at=AT))

    assert [len(each.ids) for each in recorded] == [1]  # only the last is new, and is to be published
    assert len(rows.all("SELECT * FROM deliveries")) == 4
    assert rows.balanced()


def test_a_quarantined_record_that_comes_again_counts_once(rows: Rows) -> None:
    bad = Quarantined("after 3: 1: beef", b"{", "it has no number, so reading may meet it again")
    rows.record(rows.page([1, 2, 3], [bad]))
    rows.record(rows.page([4], [bad]))
    assert rows.one(COUNTERS)["records_quarantined"] == 1
    assert rows.balanced()


def test_the_lease_is_checked_also_where_only_missing_records_are_written(rows: Rows) -> None:
    rows.record(rows.page([1, 2], at=AT))
    rows.run("UPDATE shards SET epoch = 2, checkpoint = NULL")
    with pytest.raises(LeaseLost):
        rows.recording.record(rows.lease, None, rows.page([1, 2, 3], at=AT))
    assert len(rows.all("SELECT * FROM deliveries")) == 2


@pytest.mark.parametrize(("before", "after"), [("10", "9"), ("000000000000000000010", "9"), ("10", None)])
def test_a_checkpoint_that_would_go_back_is_refused(rows: Rows, before: str, after: str | None) -> None:
    rows.record(Page(before, None, [], [], unrouted=1))
    with pytest.raises(LeaseLost):
        rows.record(Page(after, None, [], [], unrouted=1))
    assert rows.one(COUNTERS)["checkpoint"] == before


def test_checkpoints_are_compared_as_numbers(rows: Rows) -> None:
    for number in ("9", "10", "000000000000000000010", "9900000000002513012315", "10000000000002513012315"):
        rows.record(Page(number, None, [], [], unrouted=1))
        assert rows.one(COUNTERS)["checkpoint"] == number


def test_a_record_from_the_future_hides_no_lag(rows: Rows) -> None:
    rows.record(Page("1", datetime(2090, 1, 1, tzinfo=UTC), [], [], unrouted=1))
    assert rows.one("SELECT last_record_at <= now() AS so FROM shards")["so"]


def test_records_of_any_day_find_their_partition(rows: Rows) -> None:
    days = [datetime(2026, 2, day, 23, 59, 59, 999000, tzinfo=UTC) for day in (26, 27, 28)]
    for number, day in enumerate(days, start=1):
        rows.record(rows.page([number], at=int(day.timestamp() * 1000)))

    found = rows.all("SELECT tableoid::regclass::text AS partition FROM deliveries ORDER BY 1")
    assert [row["partition"] for row in found] == [f"deliveries_{day:%Y%m%d}" for day in days]


def test_counters_that_do_not_add_up_are_refused(rows: Rows) -> None:
    with pytest.raises(IntegrityError, match="shards_accounted"):
        rows.run("UPDATE shards SET records_read = records_read + 1")


def test_an_empty_record_page_moves_only_the_checkpoint(rows: Rows) -> None:
    assert rows.record(Page("9", None, [], [], unrouted=3)) == []
    assert rows.one(COUNTERS)["checkpoint"] == "9"


def test_two_bridges_make_the_same_partition(engine: Engine) -> None:
    days = [datetime(2030, 1, day, tzinfo=UTC).date() for day in range(1, 6)]
    begin = Barrier(2)

    def make() -> None:
        partitions = Partitions(engine)
        begin.wait(30)
        partitions.ensure(days)

    with ThreadPoolExecutor(2) as bridges:
        for each in [bridges.submit(make) for _ in range(2)]:
            each.result(60)
    made = Sql(engine).all("SELECT relname FROM pg_class WHERE relname ~ '_203001[0-9]{2}$' AND relispartition")
    assert {row["relname"] for row in made} >= {f"{table}_{day:%Y%m%d}" for table in TABLES for day in days}


def test_the_lease_is_checked_by_the_id_of_the_shards_row(rows: Rows, engine: Engine) -> None:
    other = Rows(engine, "shardId-2")
    impostor = ShardLease(other.lease.shard, "shardId-1", rows.lease.stream_arn, "activity", "me", 7, None)
    with pytest.raises(LeaseLost):
        Recording(engine, Partitions(engine)).record(impostor, None, rows.page([1]))
