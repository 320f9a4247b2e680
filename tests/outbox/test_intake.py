from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from notifier.errors import LeaseLost
from notifier.outbox import Intake, Page, Partitions, Quarantined, ShardLease
from tests.outbox.rows import Rows

COUNTERS = "SELECT checkpoint, records_read, records_notified, records_unrouted, records_quarantined FROM shards"


def test_a_page_becomes_rows_checkpoint_and_counters_at_once(rows: Rows) -> None:
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


@pytest.mark.parametrize(
    "change",
    [
        "owner = 'another'",
        "epoch = 2",
        "checkpoint = '1'",
        "state = 'finished', finished_at = now(), owner = NULL, lease_until = NULL",
    ],
)
def test_who_lost_the_shard_writes_nothing(rows: Rows, change: str) -> None:
    rows.run(f"UPDATE shards SET {change}")

    with pytest.raises(LeaseLost):
        rows.record(rows.page([1, 2], [Quarantined("2", b"x", "bad")], unrouted=1))

    for table in ("notifications", "deliveries", "publications", "quarantine"):
        assert rows.all(f"SELECT * FROM {table}") == []
    assert rows.one("SELECT records_read FROM shards")["records_read"] == 0


def test_a_page_whose_answer_was_lost_is_not_recorded_twice(rows: Rows) -> None:
    page = rows.page([1, 2, 3])
    rows.intake.record(rows.lease, None, page)

    with pytest.raises(LeaseLost):  # the checkpoint has moved: only the database knows what happened
        rows.intake.record(rows.lease, None, page)

    assert rows.one(COUNTERS)["records_read"] == 3


def test_a_shard_read_again_from_its_beginning_meets_its_own_rows(rows: Rows) -> None:
    at = 1_790_000_000_000
    rows.record(rows.page([1, 2, 3], at=at))
    rows.run("UPDATE shards SET checkpoint = NULL")  # as after its row was lost and made again

    recorded = rows.intake.record(rows.lease, None, rows.page([1, 2, 3, 4], at=at))

    assert [len(each.ids) for each in recorded] == [1]  # only the fourth is new, and is owed to the broker
    assert len(rows.all("SELECT * FROM deliveries")) == 4


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
    day = datetime(2030, 1, 1, tzinfo=UTC).date()
    Partitions(engine).ensure([day])
    Partitions(engine).ensure([day])  # another process: it knows nothing of the first


def test_the_fence_names_the_row_and_not_the_name(rows: Rows, engine: Engine) -> None:
    other = Rows(engine, "shardId-2")
    impostor = ShardLease(other.lease.shard, "shardId-1", rows.lease.stream_arn, "activity", "me", 7, None)
    with pytest.raises(LeaseLost):
        Intake(engine, Partitions(engine)).record(impostor, None, rows.page([1]))
