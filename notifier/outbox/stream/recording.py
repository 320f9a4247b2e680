"""A page of stream records becomes rows, together with the shard's checkpoint and counters, or nothing does."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.exc import IntegrityError

from notifier.errors import LeaseLost
from notifier.outbox.history.partitions import Partitions
from notifier.outbox.stream.pages import NewNotification, Page, Quarantined, Recorded, ShardLease

# The fence: owner, epoch and the checkpoint from which this page was read. Whoever lost the shard, or lost the
# answer to its last commit, changes no row here; and no checkpoint ever goes back.
_HELD = """
id = :shard AND owner = :owner AND epoch = :epoch AND state = 'open' AND checkpoint IS NOT DISTINCT FROM :previous
AND (checkpoint IS NULL OR CAST(CAST(:checkpoint AS text) AS numeric) >= CAST(checkpoint AS numeric))
"""

_LOCK = text(f"SELECT FROM shards WHERE {_HELD} FOR UPDATE")

_MOVE = text(f"""
UPDATE shards SET
  checkpoint = :checkpoint,
  last_record_at = CASE WHEN CAST(:last_record_at AS timestamptz) > now() THEN now()
                        ELSE coalesce(:last_record_at, last_record_at) END,
  records_read = records_read + :read, records_notified = records_notified + :notified,
  records_unrouted = records_unrouted + :unrouted, records_quarantined = records_quarantined + :quarantined
WHERE {_HELD}
""")  # noqa: S608

_OWE = text("""
INSERT INTO publications (channel, notification_ids, due_at)
VALUES (:channel, CAST(:ids AS uuid[]), now() + make_interval(secs => :grace))
RETURNING id
""")

_INSERT_QUARANTINED = """
INSERT INTO quarantine (shard, sequence_number, record, error)
SELECT :shard, * FROM unnest(CAST(:numbers AS text[]), CAST(:records AS bytea[]), CAST(:errors AS text[]))
"""
_QUARANTINE = text(_INSERT_QUARANTINED)
_QUARANTINE_NEW = text(
    f"{_INSERT_QUARANTINED} ON CONFLICT (shard, sequence_number) DO NOTHING RETURNING sequence_number"
)

_COPY_NOTIFICATIONS = (
    "COPY notifications (notification_id, shard, sequence_number, route, channel, table_name, record)"
    " FROM STDIN (FORMAT BINARY)"
)
_COPY_DELIVERIES = "COPY deliveries (notification_id) FROM STDIN (FORMAT BINARY)"

_INSERT_NEW = text("""
WITH fresh AS (
  INSERT INTO notifications (notification_id, shard, sequence_number, route, channel, table_name, record)
  VALUES (:id, :shard, :sequence_number, :route, :channel, :table, :record)
  ON CONFLICT DO NOTHING RETURNING notification_id
)
INSERT INTO deliveries (notification_id) SELECT notification_id FROM fresh RETURNING notification_id
""")

PUBLICATION_SIZE = 250
"""Messages in one publication: small enough to find room in a busy queue."""

GRACE_SECONDS = 10.0
"""How long the bridge that recorded a page has to publish it before the relay does."""


class Recording:
    """Records pages under a shard's lease."""

    def __init__(self, engine: Engine, partitions: Partitions) -> None:
        self._engine = engine
        self._partitions = partitions

    def record(
        self, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str] = ()
    ) -> list[Recorded]:
        """All rows of the page and the checkpoint after it, in one transaction.

        `previous` is the checkpoint from which the page was read. What is recorded for the channels `to_relay` is due
        for the relay at once, and the caller must not publish it. Raises LeaseLost, and writes nothing, where the
        shard is no longer ours. A page of very many days is recorded in parts, each with its own checkpoint.
        """
        recorded: list[Recorded] = []
        for part in page.parts():
            recorded += self._record_part(lease, previous, part, to_relay)
            previous = part.checkpoint
        return recorded

    def _record_part(
        self, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str]
    ) -> list[Recorded]:
        days = {each.day for each in page.notifications}
        self._partitions.ensure(days)
        try:
            return self._record(lease, previous, page, to_relay)
        except psycopg.errors.CheckViolation:  # a day that was known here has been dropped since
            self._partitions.ensure(days, anew=True)
            return self._record_missing(lease, previous, page, to_relay)
        except (psycopg.errors.UniqueViolation, IntegrityError):
            return self._record_missing(lease, previous, page, to_relay)

    def _record(
        self, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str]
    ) -> list[Recorded]:
        with self._engine.begin() as connection:
            _fence(connection, _MOVE, lease, previous, page)
            if page.notifications:
                _copy(connection, lease, page.notifications)
            if page.quarantined:
                connection.execute(_QUARANTINE, _quarantined(lease, page.quarantined))
            return owe(connection, page.notifications, to_relay)

    def _record_missing(
        self, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str]
    ) -> list[Recorded]:
        """The slow way, for a page of which some is recorded already, under this row of the shard or under one that
        was lost: only what is new is written, counted and owed.
        """
        with self._engine.begin() as connection:
            _fence(connection, _LOCK, lease, previous, page)
            new = replace(
                page,
                notifications=[each for each in page.notifications if _insert(connection, lease, each)],
                quarantined=_quarantine_new(connection, lease, page.quarantined),
            )
            _fence(connection, _MOVE, lease, previous, new)
            return owe(connection, new.notifications, to_relay)


def _fence(
    connection: Connection, statement: TextClause, lease: ShardLease, previous: str | None, page: Page
) -> None:
    changed = connection.execute(
        statement,
        {
            "checkpoint": page.checkpoint,
            "last_record_at": page.last_record_at,
            "read": page.read,
            "notified": len(page.notifications),
            "unrouted": page.unrouted,
            "quarantined": len(page.quarantined),
            "shard": lease.shard,
            "owner": lease.owner,
            "epoch": lease.epoch,
            "previous": previous,
        },
    )
    if changed.rowcount != 1:
        raise LeaseLost(f"{lease.shard_id} is no longer held by {lease.owner} in epoch {lease.epoch}")


def _copy(connection: Connection, lease: ShardLease, rows: Sequence[NewNotification]) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101  narrows the type
    with driver.cursor() as cursor:
        with cursor.copy(_COPY_NOTIFICATIONS) as copy:
            copy.set_types(["uuid", "int4", "text", "text", "text", "text", "bytea"])
            for each in rows:
                copy.write_row(
                    (
                        each.id,
                        lease.shard,
                        each.sequence_number,
                        each.route,
                        each.channel,
                        each.table,
                        each.record,
                    )
                )
        with cursor.copy(_COPY_DELIVERIES) as copy:
            copy.set_types(["uuid"])
            for each in rows:
                copy.write_row((each.id,))


def _insert(connection: Connection, lease: ShardLease, row: NewNotification) -> bool:
    values = {
        "id": row.id,
        "shard": lease.shard,
        "sequence_number": row.sequence_number,
        "route": row.route,
        "channel": row.channel,
        "table": row.table,
        "record": row.record,
    }
    return connection.execute(_INSERT_NEW, values).first() is not None


def _quarantine_new(connection: Connection, lease: ShardLease, rows: Sequence[Quarantined]) -> list[Quarantined]:
    """Insert the rows that are not there yet, and return those."""
    if not rows:
        return []
    fresh = set(connection.execute(_QUARANTINE_NEW, _quarantined(lease, rows)).scalars())
    return [each for number, each in {each.sequence_number: each for each in rows}.items() if number in fresh]


def _quarantined(lease: ShardLease, rows: Sequence[Quarantined]) -> dict[str, Any]:
    return {
        "shard": lease.shard,
        "numbers": [each.sequence_number for each in rows],
        "records": [each.record for each in rows],
        "errors": [each.error for each in rows],
    }


def owe(connection: Connection, fresh: Sequence[NewNotification], to_relay: Collection[str]) -> list[Recorded]:
    """Note what the broker is to hold. The relay publishes channels `to_relay` at once, others after a grace."""
    by_channel: dict[str, list[UUID]] = defaultdict(list)
    for each in fresh:
        by_channel[each.channel].append(each.id)
    return [
        Recorded(
            connection.execute(_OWE, {"channel": channel, "ids": some, "grace": grace}).scalar_one(),
            channel,
            some,
        )
        for channel, ids in by_channel.items()
        for grace in (0.0 if channel in to_relay else GRACE_SECONDS,)
        for some in (ids[start : start + PUBLICATION_SIZE] for start in range(0, len(ids), PUBLICATION_SIZE))
    ]
