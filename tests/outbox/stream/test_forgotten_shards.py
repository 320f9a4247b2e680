"""Rows of shards that were read long ago are deleted. A shard that DynamoDB still lists is neither read again nor a
gap.
"""

import time

from bridge.stream.client import Shard
from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from notifier.outbox import Report, Retention, read_gauges
from tests.outbox.history.history import OLD, day, recorded, settled
from tests.outbox.rows import Rows

ARN = "arn:aws:dynamodb:eu-west-1:1:table/orders/stream/2026-01-01T00:00:00.000"
DAY = 24 * 60 * 60


def name(days_ago: float, letter: str) -> str:
    return f"shardId-{int((time.time() - days_ago * DAY) * 1000):020}-{letter * 8}"


def lineage(rows: Rows, *ages: float) -> list[Shard]:
    """Register shards, each the child of the one before; all but the last were finished `ages` days ago."""
    names = [name(age + 0.2, letter) for age, letter in zip(ages, "abcdef", strict=False)]
    shards = [Shard(each, parent, closed=False) for each, parent in zip(names, [None, *names], strict=False)]
    ShardTree(rows.engine).register("orders", ARN, shards)
    for each, age in zip(names[:-1], ages, strict=False):
        rows.run(
            "UPDATE shards SET state = 'finished', finished_at = now() - make_interval(days => CAST(:age AS int)), "
            "records_read = 7, records_unrouted = 7 WHERE shard_id = :name",
            name=each,
            age=age,
        )
    rows.run("UPDATE streams SET discovered_at = now() - interval '100 days' WHERE arn = :arn", arn=ARN)
    return shards


def registered(rows: Rows) -> list[str]:
    return [
        row["shard_id"]
        for row in rows.all(
            "SELECT shard_id FROM shards JOIN streams st ON st.id = stream_id WHERE arn = :arn ORDER BY 1", arn=ARN
        )
    ]


def test_old_shards_are_deleted_parents_first_and_their_records_still_count(rows: Rows, retention: Retention) -> None:
    shards = lineage(rows, 60, 50, 10, 0)
    before = read_gauges(rows.engine).records
    settled(retention)
    assert registered(rows) == [each.shard_id for each in shards[2:]]
    assert read_gauges(rows.engine).records == before


def test_a_deleted_shard_that_is_still_listed_is_not_read_again(rows: Rows, retention: Retention) -> None:
    shards = lineage(rows, 60, 50, 10, 0)
    settled(retention)
    tree = ShardTree(rows.engine)

    assert not tree.listing_is_incomplete(ARN, shards[1:])
    assert tree.register("orders", ARN, shards) == 0
    assert tree.register("orders", ARN, shards[2:]) == 0  # its parent is neither listed nor registered

    assert registered(rows) == [each.shard_id for each in shards[2:]]
    assert Report(rows.engine).gaps() == []
    assert not tree.has_childless_shards(ARN)
    taken = Leases(rows.engine, "bridge-1", 60, ["orders"]).acquire(10)
    assert [each.shard_id for each in taken if each.stream_arn == ARN] == [shards[-1].shard_id]


def test_a_new_shard_of_a_stream_with_deleted_shards_is_registered(rows: Rows, retention: Retention) -> None:
    shards = lineage(rows, 60, 50, 0)
    settled(retention)
    fresh = Shard(name(0, "f"), shards[-1].shard_id, closed=False)
    assert ShardTree(rows.engine).register("orders", ARN, [*shards, fresh]) == 1


def test_a_shard_stays_while_a_day_or_a_gap_or_a_record_refers_to_it(rows: Rows, retention: Retention) -> None:
    shards = lineage(rows, 60, 0)
    oldest = "(SELECT id FROM shards WHERE shard_id = :name)"
    first = shards[0].shard_id
    rows.run(f"INSERT INTO gaps (shard, reason) VALUES ({oldest}, 'lost')", name=first)
    rows.run(
        f"INSERT INTO quarantine (shard, sequence_number, record, error) VALUES ({oldest}, '1', 'x', 'odd')",
        name=first,
    )
    recorded(rows, 20, 1)
    rows.run(f"UPDATE notifications SET shard = {oldest}", name=first)

    for mend in (
        "UPDATE gaps SET acknowledged_at = now() - interval '40 days'",
        "UPDATE quarantine SET acknowledged_at = '2020-01-01', quarantined_at = '2020-01-01'",
        "UPDATE notifications SET shard = 0",
    ):
        settled(retention)
        assert first in registered(rows)
        rows.run(mend)
    settled(retention)
    assert first not in registered(rows)
    assert read_gauges(rows.engine).found["gaps"] == 1


def test_a_shard_stays_while_an_old_day_is_not_counted(rows: Rows, retention: Retention) -> None:
    shards = lineage(rows, OLD, 0)
    recorded(rows, OLD + 1, 1)
    rows.run("SELECT forget_rows('shards', 30, 100)")
    assert shards[0].shard_id in registered(rows)
    settled(retention)
    assert shards[0].shard_id not in registered(rows)
    assert day(OLD + 1) != day(OLD)


def test_a_shard_whose_name_contains_no_time_is_never_deleted(rows: Rows, retention: Retention) -> None:
    rows.run("UPDATE shards SET state = 'finished', finished_at = '2020-01-01', owner = NULL, lease_until = NULL")
    settled(retention)
    assert rows.one("SELECT shard_id FROM shards") == {"shard_id": "shardId-1"}


def test_a_stream_is_deleted_after_its_shards_if_its_table_has_a_newer_one(rows: Rows, retention: Retention) -> None:
    lineage(rows, 60, 50)
    rows.run(
        "UPDATE shards SET state = 'finished', finished_at = now() - interval '50 days' WHERE shard_id <> 'shardId-1'"
    )
    settled(retention)
    assert registered(rows) == []
    assert len(rows.all("SELECT FROM streams WHERE arn = :arn", arn=ARN)) == 1  # the table has no other stream

    ShardTree(rows.engine).register(
        "orders", ARN.replace("01-01", "02-02"), [Shard(name(0, "z"), None, closed=False)]
    )
    settled(retention)
    assert rows.all("SELECT FROM streams WHERE arn = :arn", arn=ARN) == []
